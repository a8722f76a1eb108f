package knative

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Write writes resources as one YAML of a document each, in the order given,
// to the byte the same each time. Kubectl apply takes it.
func Write(w io.Writer, resources ...Resource) error {
	values := make([]any, len(resources))
	for i, r := range resources {
		values[i] = r.manifest()
	}
	return WriteValues(w, values...)
}

// WriteValues is Write for what is no Resource, such as a patch: maps in the
// order of their keys.
func WriteValues(w io.Writer, values ...any) error {
	var all bytes.Buffer
	for i, v := range values {
		if i > 0 {
			all.WriteString("---\n")
		}
		node, err := yaml.ValueToNode(v, yaml.IndentSequence(true))
		if err != nil {
			return fmt.Errorf("write manifests: %w", err)
		}
		ast.Walk(quoter{}, node)
		all.WriteString(node.String() + "\n")
	}
	_, err := w.Write(all.Bytes())
	return err
}

// quoter quotes each text that an older YAML could take for something else.
// Kubectl reads YAML 1.1, in which yes is a boolean and 1e3 a number.
type quoter struct{}

// Visit is called for each node of a document.
func (q quoter) Visit(n ast.Node) ast.Visitor {
	if n, ok := n.(*ast.StringNode); ok {
		// What the encoder saw fit to quote has its quotes in Value.
		if strings.HasPrefix(n.Value, `"`) {
			if text, err := strconv.Unquote(n.Value); err == nil {
				n.Value = text
			}
		}
		if !plain(n.Value) {
			n.Token.Type = token.DoubleQuoteType
		}
	}
	return q
}

var plainText = regexp.MustCompile(`^[a-zA-Z/][a-zA-Z0-9._/@?=&+-]*(:[a-zA-Z0-9._/@?=&+-]+)*$`)

func plain(text string) bool {
	words := []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
	return plainText.MatchString(text) && !slices.Contains(words, strings.ToLower(text))
}
