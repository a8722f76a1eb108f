package diff

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"somssi/local/render"
)

// Cluster is what the cluster that kubectl talks to has of an app in a namespace,
// of the kinds that want has. What the cluster filled in, and its state, are left
// out, so that it compares with want.
func Cluster(ctx context.Context, app, namespace string, want []render.Object) ([]render.Object, error) {
	var kinds []string
	for _, o := range want {
		group, _, grouped := strings.Cut(o.Text("apiVersion"), "/")
		kind := strings.ToLower(o.Text("kind"))
		if grouped {
			kind += "." + group
		}
		if kind != "namespace" && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	command := exec.CommandContext(ctx, "kubectl", "get", strings.Join(kinds, ","), "--namespace="+namespace, "--selector=app.kubernetes.io/part-of="+app, "--output=json")
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("kubectl get: %w: %s", err, strings.TrimSpace(problems.String()))
	}
	lists, err := render.Parse(out.String())
	if err != nil {
		return nil, fmt.Errorf("read what kubectl answers: %w", err)
	}
	var all []render.Object
	for _, list := range lists {
		items, _ := list["items"].([]any)
		for _, item := range items {
			o, ok := item.(render.Object)
			if !ok || o.At("metadata", "ownerReferences") != nil { // Knative makes Services and Deployments of its own
				continue
			}
			if rendered := render.Find(want, o); rendered != nil {
				o, _ = kept(o, rendered).(render.Object)
			}
			all = append(all, o)
		}
	}
	return all, nil
}

// kept is was without what is does not speak of.
func kept(was, is any) any {
	switch is := is.(type) {
	case render.Object:
		a, ok := was.(render.Object)
		if !ok {
			return was
		}
		o := render.Object{}
		for key := range is {
			if value, there := a[key]; there {
				o[key] = kept(value, is[key])
			}
		}
		return o
	case []any:
		a, ok := was.([]any)
		if !ok || len(a) != len(is) {
			return was
		}
		list := make([]any, len(a))
		for i := range a {
			list[i] = kept(a[i], is[i])
		}
		return list
	}
	return was
}
