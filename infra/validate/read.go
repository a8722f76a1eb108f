package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	goccy "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// document is one YAML document of a file, as it is written.
type document struct {
	file  string
	node  *yaml.Node     // with the lines of the file
	value map[string]any // as kubectl reads it
}

// object is a manifest that is judged: a document, or what kustomize makes of
// several.
type object struct {
	apiVersion, kind, name, namespace string

	value map[string]any
	from  []*document // where it is written: patches first, which have the last word
	made  bool        // by a kustomization, of a file that is no manifest
}

func newObject(value map[string]any, from ...*document) *object {
	o := &object{value: value, from: from}
	o.apiVersion, _ = value["apiVersion"].(string)
	o.kind, _ = value["kind"].(string)
	meta, _ := value["metadata"].(map[string]any)
	o.name, _ = meta["name"].(string)
	o.namespace, _ = meta["namespace"].(string)
	return o
}

// is tells whether two stand for the same object, wherever kustomize puts it.
func (o *object) is(other *object) bool {
	return o.group() == other.group() && o.kind == other.kind && o.name == other.name
}

func (o *object) group() string {
	group, _, versioned := strings.Cut(o.apiVersion, "/")
	if !versioned {
		return ""
	}
	return group
}

var separator = regexp.MustCompile(`(?m)^---(?:[ \t].*)?\r?$`)

// readFile reads the documents of a file. What is no YAML, or says a thing twice,
// is a problem; documents of no mapping are none.
func (c *checker) readFile(file string) []*document {
	if all, known := c.files[file]; known {
		return all
	}
	text, err := os.ReadFile(c.path(file))
	if err != nil {
		c.add(problem{file, 1, 1, ruleSyntax, "-", "", "can not be read: " + pathless(err), "name a file that is there"})
	}
	var all []*document
	begin, line := 0, 0
	for _, at := range append(separator.FindAllIndex(text, -1), []int{len(text), len(text)}) {
		if d := c.document(file, text[begin:at[0]], line); d != nil {
			all = append(all, d)
		}
		line += bytes.Count(text[begin:at[0]], []byte("\n"))
		begin = at[1]
	}
	c.files[file] = all
	return all
}

var yamlPlace = regexp.MustCompile(`^yaml: (line \d+: )?`)

func (c *checker) document(file string, text []byte, line int) *document {
	text = append(bytes.Repeat([]byte("\n"), line), text...)
	d := &document{file: file, node: &yaml.Node{}}
	err := yaml.Unmarshal(text, d.node)
	if err == nil && len(d.node.Content) == 0 {
		return nil
	}
	if err == nil {
		if d.node = d.node.Content[0]; d.node.Kind != yaml.MappingNode {
			c.add(problem{file, d.node.Line, d.node.Column, ruleSyntax, "-", "", "is no mapping", "write apiVersion, kind and metadata, or remove it"})
			return nil
		}
		if twice := c.duplicates(d, d.node, ""); twice {
			return d
		}
		err = sigsyaml.Unmarshal(text, &d.value)
	}
	if err != nil {
		at, col := line+1, 1
		var placed goccy.Error // the other parser is a line off, at times
		if _, bad := parser.ParseBytes(text, 0); errors.As(bad, &placed) {
			at, col = placed.GetToken().Position.Line, placed.GetToken().Position.Column
		}
		c.add(problem{file, at, col, ruleSyntax, "-", "", yamlPlace.ReplaceAllString(err.Error(), ""), "write it as YAML, one mapping a document"})
		return nil
	}
	return d
}

// duplicates tells keys that are twice in a mapping: the last one would count.
func (c *checker) duplicates(d *document, n *yaml.Node, path string) (found bool) {
	seen := map[string]bool{}
	for i, inner := range n.Content {
		at := path + "[" + strconv.Itoa(i) + "]"
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				if at = join(path, inner.Value); seen[inner.Value] {
					found = true
					c.add(problem{d.file, inner.Line, inner.Column, ruleDuplicate, objectOf(d.node), at, "is written twice, and the last one would count", "keep one of the two"})
				}
				seen[inner.Value] = true
				continue
			}
			at = join(path, n.Content[i-1].Value)
		}
		found = c.duplicates(d, inner, at) || found
	}
	return found
}

// objectOf is kind/name of a document that may be anything.
func objectOf(n *yaml.Node) string {
	var head struct {
		Kind string
		Meta struct{ Name string } `yaml:"metadata"`
	}
	_ = n.Decode(&head) // what is not there stays empty
	return cmp.Or(head.Kind, "-") + "/" + cmp.Or(head.Meta.Name, "-")
}

// join writes a field below another as Kubernetes does.
func join(path, key string) string {
	if strings.ContainsAny(key, "./[]") {
		return fmt.Sprintf("%s[%s]", path, key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// pathless is an error of a file without the name of it.
func pathless(err error) string {
	text := err.Error()
	return text[strings.LastIndex(text, ": ")+1:]
}
