package render

import (
	"cmp"
	"slices"
	"strings"

	house "somssi/local/template"
)

// gateway is how requests come in from outside of the cluster.
type gateway struct {
	App, Namespace string
	house.Gateway
	Knative, KnativeNamespace string // the Service of Knative's ingress
	StreamsFrom               string // the namespace whose pods call streams
	Routes                    []route
}

// route is a path, and whose it is.
type route struct {
	Path, Function string
	Stream         bool
}

// gatewayOf has no Routes where the template has no gateway.
func gatewayOf(t *house.Template) gateway {
	g := gateway{App: t.App, Namespace: t.Namespace, Gateway: t.Gateway}
	g.Knative, g.KnativeNamespace, _ = strings.Cut(t.Ingress, ".")
	g.StreamsFrom = cmp.Or(t.Gateway.Pods, t.Gateway.Namespace, g.KnativeNamespace)
	if t.Gateway.Name == "" {
		return g
	}
	for _, name := range t.Names() {
		for _, trigger := range t.Functions[name].Triggers {
			if trigger.HTTP != nil {
				g.Routes = append(g.Routes, route{trigger.HTTP.Path, name, t.Functions[name].Stream})
			}
		}
	}
	slices.SortFunc(g.Routes, func(a, b route) int { return cmp.Or(len(b.Path)-len(a.Path), strings.Compare(a.Path, b.Path)) })
	return g
}
