package main

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// pod judges the template of a pod, which is at path: by Pod Security restricted,
// and by what the API server asks of any pod. The packages in which Kubernetes has
// the latter can not be imported.
func (c *checker) pod(o *object, path string, t *corev1.PodTemplateSpec) {
	path += ".spec"
	c.security(o, path, t)
	if len(t.Spec.Containers) == 0 {
		c.at(o, rulePod, path+".containers", "missing", "name at least one")
	}
	volumes := map[string]bool{}
	for i, v := range t.Spec.Volumes {
		if volumes[v.Name] {
			c.at(o, rulePod, fmt.Sprintf("%s.volumes[%d].name", path, i), fmt.Sprintf("%q is there twice", v.Name), "give each a name of its own")
		}
		volumes[v.Name] = true
	}
	ports := map[string]bool{}
	for i := range t.Spec.InitContainers {
		c.container(o, fmt.Sprintf("%s.initContainers[%d]", path, i), &t.Spec.InitContainers[i], volumes, map[string]bool{})
	}
	for i := range t.Spec.Containers {
		c.container(o, fmt.Sprintf("%s.containers[%d]", path, i), &t.Spec.Containers[i], volumes, ports)
	}
}

func (c *checker) container(o *object, path string, t *corev1.Container, volumes, ports map[string]bool) {
	if _, err := name.ParseReference(t.Image); err != nil {
		c.at(o, rulePod, path+".image", "can not be parsed as the reference of an image", "write it such as registry.example/somssi/name:1.4.0")
	}
	for i, v := range t.Env {
		if what := utilvalidation.IsEnvVarName(v.Name); len(what) > 0 {
			c.at(o, rulePod, fmt.Sprintf("%s.env[%d].name", path, i), fmt.Sprintf("%q is no name of a variable", v.Name), "use letters, digits and _")
		}
		if slices.ContainsFunc(t.Env[:i], func(before corev1.EnvVar) bool { return before.Name == v.Name }) {
			c.at(o, rulePod, fmt.Sprintf("%s.env[%d].name", path, i), fmt.Sprintf("%q is there twice, and the last one counts", v.Name), "keep one of the two")
		}
	}
	named := map[string]bool{}
	for i, p := range t.Ports {
		at := fmt.Sprintf("%s.ports[%d]", path, i)
		c.port(o, rulePod, at+".containerPort", int(p.ContainerPort))
		if p.Name != "" {
			for _, what := range utilvalidation.IsValidPortName(p.Name) {
				c.at(o, rulePod, at+".name", what, "use another name")
			}
		}
		if p.Name != "" && ports[p.Name] {
			c.at(o, rulePod, at+".name", fmt.Sprintf("%q is there twice", p.Name), "give each a name of its own")
		}
		ports[p.Name], named[p.Name] = true, true
	}
	for i, m := range t.VolumeMounts {
		if !volumes[m.Name] {
			c.at(o, rulePod, fmt.Sprintf("%s.volumeMounts[%d].name", path, i), fmt.Sprintf("no volume is called %q", m.Name), "name one of spec.volumes, or add it there")
		}
	}
	for resource, least := range t.Resources.Requests {
		if most, limited := t.Resources.Limits[resource]; limited && least.Cmp(most) > 0 {
			c.at(o, rulePod, join(path+".resources.requests", string(resource)), fmt.Sprintf("%s is more than the %s of limits", least.String(), most.String()), "request no more than the limit")
		}
	}
	for _, p := range []struct {
		field string
		*corev1.Probe
	}{{"livenessProbe", t.LivenessProbe}, {"readinessProbe", t.ReadinessProbe}, {"startupProbe", t.StartupProbe}} {
		if p.Probe != nil && p.HTTPGet != nil && p.HTTPGet.Port.StrVal != "" && !named[p.HTTPGet.Port.StrVal] {
			c.at(o, rulePod, path+"."+p.field+".httpGet.port", fmt.Sprintf("no port is called %q", p.HTTPGet.Port.StrVal), "name one of the container's ports")
		}
	}
}

// evaluator is Pod Security as the newest Kubernetes has it.
var evaluator = func() policy.Evaluator {
	e, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		panic(err) // its own checks do not fit together
	}
	return e
}()

var (
	securityField = regexp.MustCompile(`securityContext\.[A-Za-z.]+|hostNetwork|hostPID|hostIPC`)
	quoted        = regexp.MustCompile(`(container|volume)s? "([^"]+)"`)
)

// security judges a pod by Pod Security restricted, which names no fields: they
// are taken from what it says.
func (c *checker) security(o *object, path string, t *corev1.PodTemplateSpec) {
	for _, r := range evaluator.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}, &t.ObjectMeta, &t.Spec) {
		if r.Allowed {
			continue
		}
		at := path
		switch m := quoted.FindStringSubmatch(r.ForbiddenDetail); {
		case m == nil:
		case m[1] == "volume":
			at = fmt.Sprintf("%s.volumes[%d]", path, slices.IndexFunc(t.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m[2] }))
		default:
			at = fmt.Sprintf("%s.containers[%d]", path, max(0, slices.IndexFunc(t.Spec.Containers, func(v corev1.Container) bool { return v.Name == m[2] })))
		}
		if m := securityField.FindString(r.ForbiddenDetail); m != "" {
			at += "." + m
		}
		c.at(o, ruleSecurity, at, r.ForbiddenReason+": "+r.ForbiddenDetail, "see Pod Security Standards, restricted")
	}
}
