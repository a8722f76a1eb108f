package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const kustomization = "kustomization.yaml"

// kustomized is a folder that kubectl apply -k applies, or that another one builds
// on.
type kustomized struct {
	folder  string
	itself  []*document
	builds  []string    // folders
	written []*document // all that it is made of, patches first
	broken  bool
}

// folder judges all manifests below one: what is to be applied as kustomize makes
// it, and what stands by itself as it is. Judged is how many objects that were.
func (c *checker) folder(folder string) (judged int, err error) {
	var loose []string
	all := map[string]*kustomized{}
	err = filepath.WalkDir(c.path(folder), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".yaml" && filepath.Ext(file) != ".yml" {
			return err
		}
		name, err := filepath.Rel(c.root, file)
		if name = filepath.ToSlash(name); path.Base(name) == kustomization {
			all[path.Dir(name)] = c.kustomization(path.Dir(name))
		} else {
			loose = append(loose, name)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	used := map[string]bool{} // files, and folders
	for _, k := range all {
		for _, folder := range k.builds {
			used[folder] = true
		}
		for _, d := range k.written {
			used[d.file] = true
		}
	}
	sets := map[string][]*object{}
	for _, folder := range sorted(all) {
		if !used[folder] {
			sets[folder] = c.build(all, folder)
			judged += len(sets[folder])
		}
	}
	for _, name := range sorted(sets) {
		if slices.ContainsFunc(sorted(sets), func(other string) bool { return strings.HasPrefix(name, other+"/") }) {
			continue // it is applied beside the folder that it is in, such as the migrations
		}
		var set []*object
		for other, objects := range sets {
			if other == name || strings.HasPrefix(other, name+"/") {
				set = append(set, objects...)
			}
		}
		c.set(path.Base(name), set)
	}
	var alone []*object
	for _, file := range loose {
		if !used[file] {
			alone = append(alone, c.loose(file)...)
		}
	}
	c.set("", alone)
	return judged + len(alone), nil
}

// loose judges a file that no kustomization names. What is neither a manifest nor
// a file of rules is somebody else's.
func (c *checker) loose(file string) (all []*object) {
	for _, d := range c.readFile(file) {
		switch o := newObject(d.value, d); {
		case o.apiVersion != "" && o.kind != "":
			c.object(o)
			all = append(all, o)
		case d.value["groups"] != nil:
			o.kind, o.name = "rules", path.Base(file)
			c.rules(o)
		}
	}
	return all
}

// kustomization judges the file of that name in a folder, and reads what it names.
func (c *checker) kustomization(folder string) *kustomized {
	k := &kustomized{folder: folder, itself: c.readFile(path.Join(folder, kustomization))}
	for _, d := range k.itself {
		o := newObject(d.value, d)
		o.kind, o.name = cmp.Or(o.kind, types.KustomizationKind), path.Base(folder)
		var into types.Kustomization
		k.broken = !c.decode(o, &into) || k.broken
		for i, p := range into.Patches {
			if p.Path != "" {
				k.add(c, o, fmt.Sprintf("patches[%d].path", i), p.Path)
			}
		}
		for i, r := range into.Resources {
			k.add(c, o, fmt.Sprintf("resources[%d]", i), r)
		}
	}
	return k
}

// add adds what a kustomization names: a file, or the folder of another one.
func (k *kustomized) add(c *checker, o *object, field, name string) {
	at := path.Join(k.folder, name)
	info, err := filesys.MakeFsOnDisk().ReadDir(c.path(at))
	if err == nil && len(info) > 0 {
		k.builds = append(k.builds, at)
		return
	}
	if !filesys.MakeFsOnDisk().Exists(c.path(at)) {
		k.broken = true
		c.at(o, ruleKustomize, field, at+" is not there", "name a file or a folder that is")
		return
	}
	for _, d := range c.readFile(at) {
		if d.value == nil {
			k.broken = true
			continue
		}
		k.written = append(k.written, d)
	}
}

// build makes of a folder what kubectl apply -k would apply, and judges each
// object.
func (c *checker) build(all map[string]*kustomized, folder string) (objects []*object) {
	written, broken := everything(all, folder)
	if broken {
		return nil
	}
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), c.path(folder))
	if err != nil {
		what := strings.ReplaceAll(strings.Join(strings.Fields(err.Error()), " "), c.root+"/", "")
		if i := strings.LastIndex(what, "': "); i >= 0 {
			what = what[i+len("': "):] // the deepest of what it went through
		}
		c.add(problem{path.Join(folder, kustomization), 1, 1, ruleKustomize, types.KustomizationKind + "/" + path.Base(folder), "", what, "see kubectl kustomize " + folder})
		return nil
	}
	for _, r := range made.Resources() {
		value, err := r.Map()
		if err != nil {
			c.add(problem{path.Join(folder, kustomization), 1, 1, ruleKustomize, types.KustomizationKind + "/" + path.Base(folder), "", err.Error(), "see kubectl kustomize " + folder})
			continue
		}
		o := newObject(value)
		for _, d := range written {
			if newObject(d.value).is(o) {
				o.from = append(o.from, d)
			}
		}
		if len(o.from) == 0 {
			o.from, o.made = all[folder].itself, true
		}
		c.object(o)
		objects = append(objects, o)
	}
	return objects
}

// everything is what a folder is made of, that of the folder itself first.
func everything(all map[string]*kustomized, folder string) (written []*document, broken bool) {
	k := all[folder]
	if k == nil {
		return nil, false // kustomize says what is wrong with it
	}
	rest := maps.Clone(all)
	delete(rest, folder) // or two that build on each other would have no end
	written, broken = k.written, k.broken
	for _, under := range k.builds {
		more, bad := everything(rest, under)
		written, broken = append(written[:len(written):len(written)], more...), broken || bad
	}
	return written, broken
}
