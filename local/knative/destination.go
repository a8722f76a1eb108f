package knative

import (
	"errors"
	"fmt"
	"net/url"
)

// Destination is where events go: an object that has an address, or a URL. URI
// beside Ref is relative to the object's address.
type Destination struct {
	Ref      *Reference `json:"ref,omitempty"`
	URI      string     `json:"uri,omitempty"`
	CACerts  string     `json:"CACerts,omitempty"`
	Audience string     `json:"audience,omitempty"`
}

// Reference names an object. No Namespace is that of the object which has the
// reference.
type Reference struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// Service is the Knative Service of that name, in the namespace of whoever
// refers to it.
func Service(name string) Destination {
	return Destination{Ref: &Reference{APIVersion: "serving.knative.dev/v1", Kind: "Service", Name: name}}
}

// ServiceURL is the address of a Service in a cluster whose domain is
// cluster.local.
func ServiceURL(name, namespace string) string {
	return "http://" + name + "." + namespace + ".svc.cluster.local"
}

// ClusterURL is the address of a destination as it is inside a cluster whose
// domain is cluster.local. Of references it knows Services, Knative's and
// Kubernetes' own; their namespace must be given.
func ClusterURL(d Destination) (string, error) {
	if d.Ref == nil {
		return d.URI, nil
	}
	if d.Ref.Kind != "Service" {
		return "", fmt.Errorf("address of %s %s: only a Service has one outside a cluster; use its uri", d.Ref.Kind, d.Ref.Name)
	}
	base := ServiceURL(d.Ref.Name, d.Ref.Namespace)
	if d.URI == "" {
		return base, nil
	}
	root, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("address of Service %s: %w", d.Ref.Name, err)
	}
	u, err := root.Parse(d.URI)
	if err != nil {
		return "", fmt.Errorf("address of Service %s: its uri: %w", d.Ref.Name, urlProblem(err))
	}
	return u.String(), nil
}

// in is the destination as seen from a namespace.
func (d Destination) in(namespace string) Destination {
	if d.Ref != nil && d.Ref.Namespace == "" {
		ref := *d.Ref
		ref.Namespace, d.Ref = namespace, &ref
	}
	return d
}

// destination checks what admission does, and that a URL can be posted to.
func (c *checker) destination(field string, d Destination) {
	if d.Ref == nil && d.URI == "" {
		c.add(field, "missing", "give a ref to a Service, or a uri such as http://example.com/events")
		return
	}
	if d.Ref != nil {
		c.reference(field+".ref", *d.Ref)
	}
	if d.URI == "" {
		return
	}
	u, err := url.Parse(d.URI)
	switch {
	case err != nil:
		c.add(field+".uri", "is no URL: "+urlProblem(err).Error(), "write one such as http://example.com/events")
	case d.Ref != nil && u.IsAbs():
		c.add(field+".uri", "is absolute beside a ref", "remove the ref, or give the path only")
	case d.Ref == nil && (!u.IsAbs() || u.Host == ""):
		c.add(field+".uri", "is relative without a ref", "begin it with http:// and a host, or add the ref that it is relative to")
	case d.Ref == nil && u.Scheme != "http" && u.Scheme != "https":
		c.add(field+".uri", fmt.Sprintf("has scheme %q, which admission takes but nothing can be posted to", u.Scheme), "use http or https")
	}
}

func (c *checker) reference(field string, r Reference) {
	for _, part := range []struct{ name, value string }{{"apiVersion", r.APIVersion}, {"kind", r.Kind}, {"name", r.Name}} {
		if part.value == "" {
			c.add(field+"."+part.name, "missing", "name the object in full: apiVersion, kind and name")
		}
	}
}

// urlProblem is why a URL can not be read, without the URL: it may hold a
// password.
func urlProblem(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
