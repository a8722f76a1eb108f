package render

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Resources are the manifests in files, text by path, as they are applied: base
// with the overlay of env where there are such, else all there are.
func Resources(files map[string]string, env string) ([]Object, error) {
	overlay := "overlays/" + env + "/"
	kustomized := files[overlay+"kustomization.yaml"] != ""
	var all []Object
	for _, name := range slices.Sorted(maps.Keys(files)) {
		inOverlay := strings.HasPrefix(name, overlay) && path.Base(name) != "patches.yaml" && path.Dir(name)+"/" == overlay
		if path.Ext(name) != ".yaml" || path.Base(name) == "kustomization.yaml" || kustomized && !inOverlay && !strings.HasPrefix(name, "base/") {
			continue
		}
		found, err := Parse(files[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, found...)
	}
	if !kustomized {
		return all, nil
	}
	k, err := Parse(files[overlay+"kustomization.yaml"])
	if err != nil {
		return nil, fmt.Errorf("%skustomization.yaml: %w", overlay, err)
	}
	if len(k) != 1 {
		return nil, fmt.Errorf("%skustomization.yaml: has %d documents, and a kustomization is one", overlay, len(k))
	}
	text := files[overlay+"patches.yaml"]
	inline, _ := k[0]["patches"].([]any)
	for _, one := range inline {
		text += "\n---\n" + one.(Object).Text("patch")
	}
	patches, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%spatches.yaml: %w", overlay, err)
	}
	for _, p := range patches {
		i := slices.IndexFunc(all, func(o Object) bool { return o.Kind() == p.Kind() && o.Name() == p.Name() })
		switch {
		case i < 0:
			return nil, fmt.Errorf("%skustomization.yaml: base has no %s %s to patch", overlay, p.Kind(), p.Name())
		case p["$patch"] == "delete":
			all = slices.Delete(all, i, i+1)
		default:
			all[i] = merge(all[i], p)
		}
	}
	for _, o := range all {
		o.settle(k[0])
	}
	return all, nil
}

// settle does what a kustomization says of namespace and images.
func (o Object) settle(k Object) {
	if meta, ok := o["metadata"].(Object); ok && o.Kind() != "Namespace" {
		meta["namespace"] = k["namespace"]
	}
	containers, _ := o.At("spec", "template", "spec", "containers").([]any)
	images, _ := k["images"].([]any)
	for _, c := range containers {
		for _, i := range images {
			container, image := c.(Object), i.(Object)
			if container["image"] == image["name"] {
				container["image"] = image.Text("newName") + after(":", image.Text("newTag")) + after("@", image.Text("digest"))
			}
		}
	}
}

// after is text after what sets it apart, or nothing.
func after(mark, text string) string {
	if text == "" {
		return ""
	}
	return mark + text
}
