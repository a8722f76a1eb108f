package overlay

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tree is a module of a program that prints a word of its own, one of a file that
// is embedded, and one of a package that there is in an overlay only.
func tree(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range map[string]string{
		"go.mod":   "module tree\n\ngo 1.26\n",
		"main.go":  "package main\n\nimport (\n\t_ \"embed\"\n\t\"fmt\"\n)\n\n//go:embed word.txt\nvar word string\n\nfunc main() { fmt.Println(\"mine\", word) }\n",
		"word.txt": "kept",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func run(t *testing.T, root string, o *Overlay) string {
	t.Helper()
	file, err := o.Write()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "go", "run", ".")
	command.Dir, command.Env = root, append(os.Environ(), "GOFLAGS=-overlay="+file)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestOverlay(t *testing.T) {
	t.Parallel()
	root := tree(t)
	o := New(root, t.TempDir())
	if got := run(t, root, o); got != "mine kept" {
		t.Fatalf("with nothing changed: %s", got)
	}
	for _, c := range [][2]string{{`"mine"`, `"ours"`}, {`"ours", word`, `"ours", word, more.Word`}, {"\t\"fmt\"\n", "\t\"fmt\"\n\t\"tree/more\"\n"}} {
		if err := o.Patch("main.go", c); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Patch("word.txt", [2]string{"kept", "changed"}); err != nil {
		t.Fatal(err)
	}
	o.Replace("more/more.go", "package more\n\nconst Word = \"added\"\n")
	if got := run(t, root, o); got != "ours changed added" {
		t.Errorf("changed: %s", got)
	}
	if got := run(t, root, New(root, t.TempDir())); got != "mine kept" {
		t.Errorf("the tree is changed: %s", got)
	}
}

func TestPatch_of_something_else(t *testing.T) {
	t.Parallel()
	o := New(tree(t), t.TempDir())
	for _, c := range [][2]string{{"yours", "ours"}, {"word", "words"}} {
		err := o.Patch("main.go", [2]string{`"mine"`, `"ours"`}, c)
		if err == nil || !strings.Contains(err.Error(), "main.go has") || !strings.Contains(err.Error(), c[0]) {
			t.Errorf("%q: %v", c[0], err)
		}
	}
	if text, _ := o.Text("main.go"); !strings.Contains(text, `"mine"`) {
		t.Error("a patch that does not fit changes something")
	}
	if err := o.Patch("no.go", [2]string{"a", "b"}); err == nil {
		t.Error("a file that is not there is patched")
	}
}
