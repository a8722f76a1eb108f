package render

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"

	"somssi/local/knative"
	house "somssi/local/template"
)

// local is the environment that is no cluster.
const local = "local"

// Files renders a template, of which file is the path, for all its clusters: text
// by the path of the file. The base has what environment env says, and every
// other one is an overlay of what differs, and of which images are released.
// Root is the repository. The same input gives the same bytes.
func Files(root fs.FS, file, env string, released Release) (map[string]string, error) {
	t, err := house.LoadForCluster(file, env)
	if err != nil {
		return nil, err
	}
	if err := released.has(append(t.Names(), "migrate")); err != nil {
		return nil, err
	}
	under, err := renderBase(root, t)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for name, text := range under {
		all["base/"+name] = text
	}
	var job string
	if job, err = renderMigrate(t); err != nil {
		return nil, err
	}
	all["migrate/job.yaml"] = job
	needed, err := reads(root, t.Names())
	if err != nil {
		return nil, err
	}
	if roles, err := renderRoles(root, t, needed); err != nil {
		return nil, err
	} else if roles != "" {
		all["postgres/roles.sql"] = roles
	}
	if users, err := renderRedis(root, t, needed); err != nil {
		return nil, err
	} else if users != "" {
		all["redis/users.acl"] = users
	}
	var found []error
	kustomization := func(file string, k kustomize) {
		text, err := execute("kustomization.yaml", k)
		all[file+"/kustomization.yaml"], found = text, append(found, err)
	}
	kustomization("base", kustomize{About: "What runs in each cluster, as environment " + env + " says", App: t.App, Resources: slices.Sorted(maps.Keys(under))})
	kustomization("migrate", kustomize{About: "The SQL schema", App: t.App, Resources: []string{"job.yaml"}})
	for _, name := range t.Environments {
		if name == local {
			continue
		}
		of, over, err := environmentOf(root, file, name)
		if err != nil {
			return nil, err
		}
		dir := "overlays/" + name
		if all[dir+"/namespace.yaml"], err = execute("namespace.yaml", of); err != nil {
			return nil, err
		}
		if g := gatewayOf(of); len(g.Routes) > 0 {
			if all[dir+"/gateway/grant.yaml"], err = execute("grant.yaml", g); err != nil {
				return nil, err
			}
		}
		k := kustomize{About: "Environment " + name, Namespace: of.Namespace, Resources: []string{"../../base", "namespace.yaml"}, Images: images(of, released)}
		differ, err := differences(joined(under), joined(over))
		if err != nil {
			return nil, err
		}
		if k.Deletes, k.Patches = differ.gone, differ.patches != ""; k.Patches {
			all[dir+"/patches.yaml"] = differ.patches
		}
		if differ.more != "" {
			all[dir+"/more.yaml"], k.Resources = differ.more, append(k.Resources, "more.yaml")
		}
		kustomization(dir, k)
		found = append(found, renderMigrateOverlay(all, kustomization, of, job, dir+"/migrate", released))
	}
	return all, errors.Join(found...)
}

func environmentOf(root fs.FS, file, env string) (*house.Template, base, error) {
	t, err := house.LoadForCluster(file, env)
	if err != nil {
		return nil, nil, err
	}
	over, err := renderBase(root, t)
	return t, over, err
}

func renderMigrateOverlay(all map[string]string, kustomization func(string, kustomize), t *house.Template, under, dir string, released Release) error {
	over, err := renderMigrate(t)
	if err != nil {
		return err
	}
	differ, err := differences(under, over)
	if differ.patches != "" {
		all[dir+"/patches.yaml"] = differ.patches
	}
	kustomization(dir, kustomize{
		About: "The SQL schema, which must be there before the functions", Namespace: t.Namespace,
		Resources: []string{"../../../migrate"}, Patches: differ.patches != "", Images: []image{imageOf(t, "migrate", released)},
	})
	return err
}

// kustomize is a kustomization.yaml.
type kustomize struct {
	About, App, Namespace string
	Resources             []string
	Patches               bool
	Deletes               []Object
	Images                []image
}

// image says where the image of a name comes from.
type image struct{ Name, NewName, Tag, Digest string }

func images(t *house.Template, released Release) (all []image) {
	for _, name := range t.Names() {
		all = append(all, imageOf(t, name, released))
	}
	return all
}

func imageOf(t *house.Template, name string, released Release) image {
	full := strings.ReplaceAll(of(t.Image, name), "{version}", released.Version)
	at := strings.LastIndexByte(full, ':')
	if at < strings.LastIndexByte(full, '/') {
		return image{Name: name, NewName: full, Digest: released.Digests[name]}
	}
	return image{Name: name, NewName: full[:at], Tag: full[at+1:], Digest: released.Digests[name]}
}

// joined are all manifests of a base, one text.
func joined(all base) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		texts = append(texts, all[name])
	}
	return strings.Join(texts, "---\n")
}

// difference is what makes of one rendering another: patches, manifests that are
// more, and what is gone.
type difference struct {
	patches, more string
	gone          []Object
}

// differences leaves the namespace out, which is kustomize's to set.
func differences(under, over string) (d difference, err error) {
	a, err := Parse(under)
	if err != nil {
		return d, err
	}
	b, err := Parse(over)
	if err != nil {
		return d, err
	}
	var changed, added []any
	for _, from := range a {
		if to := Find(b, from); to == nil {
			d.gone = append(d.gone, from)
		} else if patch := diff(from.anywhere(), to.anywhere()); len(patch) > 0 {
			changed = append(changed, from.patch(patch))
		}
	}
	for _, to := range b {
		if Find(a, to) == nil {
			added = append(added, to)
		}
	}
	if d.patches, err = written("What differs from base", changed); err != nil {
		return d, err
	}
	d.more, err = written("What base has not", added)
	return d, err
}

func written(about string, values []any) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s, rendered by go run ./local render.\n", about)
	err := knative.WriteValues(&b, values...)
	return b.String(), err
}

// whole is the first of a list that replaces the one before.
var whole = Object{"$patch": "replace"}

// patch is a merge patch for o as kustomize finds it: before it sets the namespace.
func (o Object) patch(patch Object) Object {
	patch["apiVersion"], patch["kind"] = o["apiVersion"], o["kind"]
	if pod, _ := patch.At("spec", "template", "spec").(Object); o.Kind() == "Deployment" || o.Kind() == "Job" {
		for _, key := range []string{"containers", "volumes"} { // kustomize would merge these by name, and keep what is gone
			if list, ok := pod[key].([]any); ok {
				pod[key] = slices.Concat([]any{maps.Clone(whole)}, list)
			}
		}
	}
	meta, _ := patch["metadata"].(Object)
	if meta == nil {
		meta = Object{}
	}
	meta["name"], meta["namespace"], patch["metadata"] = o.Name(), o.At("metadata", "namespace"), meta
	return patch
}

// diff is a merge patch (RFC 7386) that makes to of from.
func diff(from, to Object) Object {
	patch := Object{}
	for key, value := range to {
		a, isMap := from[key].(Object)
		b, areMaps := value.(Object)
		switch {
		case isMap && areMaps:
			if inner := diff(a, b); len(inner) > 0 {
				patch[key] = inner
			}
		case !reflect.DeepEqual(from[key], value):
			patch[key] = value
		}
	}
	for key := range from {
		if _, stays := to[key]; !stays {
			patch[key] = nil
		}
	}
	return patch
}
