package runner

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// mugs is a repository with two functions, which answer with what is in their sources.
var mugs = map[string]string{
	"go.mod":                           "module mugs\n\ngo 1.26\n",
	"shared/shared.go":                 sharedSource("mugs"),
	"functions/hold-mugs/main.go":      mainSource("hold"),
	"functions/hold-mugs/web/page.txt": "page",
	"functions/leave-mugs/main.go":     mainSource("leave"),
	"functions/leave-mugs/web/x":       "",
	"template.yaml":                    "version: 1\n",
}

func sharedSource(word string) string {
	return fmt.Sprintf("package shared\n\nconst Word = %q\n", word)
}

func mainSource(word string) string {
	return fmt.Sprintf(`package main

import (
	"embed"
	"net/http"
	"os"
	"mugs/shared"
)

//go:embed web
var web embed.FS

func main() {
	page, _ := web.ReadFile("web/page.txt")
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(%q + " " + shared.Word + " " + string(page))) })
	go http.ListenAndServe(":"+os.Getenv("METRICS_PORT"), ok)
	http.ListenAndServe(":"+os.Getenv("PORT"), ok)
}
`, word)
}

// save writes files of a repository as editors do: beside it, then in its place.
func save(t *testing.T, root, file, text string) {
	t.Helper()
	path := filepath.Join(root, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"~", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
}

func TestWatch(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	root := t.TempDir()
	for file, text := range mugs {
		save(t, root, file, text)
	}
	names, bin, heard := []string{"hold-mugs", "leave-mugs"}, filepath.Join(root, "bin"), &said{}
	if err := Build(t.Context(), root, bin, names); err != nil {
		t.Fatal(err)
	}
	var specs []Spec
	for _, name := range names {
		specs = append(specs, Spec{Name: name, Binary: filepath.Join(bin, name), Revisions: filepath.Join(root, "revisions")})
	}
	r, err := Start(t.Context(), t.TempDir(), specs, heard.say)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Stop(t.Context()) }()
	var templates atomic.Int32
	w, err := r.Watch(root, bin, func() { templates.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Stop() }()

	answers := func() string {
		response, err := get(t.Context(), t, r, "/")
		if err != nil {
			return err.Error()
		}
		defer func() { _ = response.Body.Close() }()
		text, _ := io.ReadAll(response.Body)
		all := r.Functions()
		return fmt.Sprintf("%s, %s, %s", text, all["hold-mugs"].Revision, all["leave-mugs"].Revision)
	}
	becomes := func(want string) {
		t.Helper()
		wait(t, want, answers)
	}
	becomes("hold mugs page, hold-mugs-00001, leave-mugs-00001")

	save(t, root, "functions/hold-mugs/handler_test.go", "package main\n")
	save(t, root, "functions/hold-mugs/testdata/event.json", "{}")
	save(t, root, "functions/hold-mugs/main.go", mainSource("keep"))
	becomes("keep mugs page, hold-mugs-00002, leave-mugs-00001")

	save(t, root, "functions/hold-mugs/main.go", mainSource("lost")+"func lost() { nothing() }\n")
	wait(t, "functions/hold-mugs/main.go:19:15: undefined: nothing", heard.String)
	becomes("keep mugs page, hold-mugs-00002, leave-mugs-00001")
	save(t, root, "functions/leave-mugs/main.go", mainSource("go")) // one that does not build holds no other up
	becomes("keep mugs page, hold-mugs-00002, leave-mugs-00002")
	save(t, root, "functions/hold-mugs/main.go", strings.Replace(mainSource("lost"), "mugs/shared", "mugs/nowhere", 1)) // nor one that Go can not load
	wait(t, "package mugs/nowhere is not in std", heard.String)
	save(t, root, "functions/leave-mugs/main.go", mainSource("leave"))
	becomes("keep mugs page, hold-mugs-00002, leave-mugs-00003")
	save(t, root, "functions/hold-mugs/main.go", mainSource("hold"))
	becomes("hold mugs page, hold-mugs-00003, leave-mugs-00003")

	save(t, root, "functions/hold-mugs/web/page.txt", "leaf")
	becomes("hold mugs leaf, hold-mugs-00004, leave-mugs-00003")

	save(t, root, "shared/deep/deep.go", "package deep\n\nconst Word = \"deep\"\n") // in a folder that is new
	save(t, root, "shared/shared.go", "package shared\n\nimport \"mugs/shared/deep\"\n\nconst Word = deep.Word\n")
	becomes("hold deep leaf, hold-mugs-00005")
	becomes("leave-mugs-00004")
	save(t, root, "shared/deep/deep.go", "package deep\n\nconst Word = \"deeper\"\n")
	becomes("hold deeper leaf, hold-mugs-00006")
	becomes("leave-mugs-00005")

	door := filepath.Join(root, "door")
	fails := fmt.Sprintf("if _, err := os.Stat(%q); err != nil { os.Stderr.WriteString(\"no door\"); os.Exit(1) }; page, _ :=", door)
	save(t, root, "functions/hold-mugs/main.go", strings.Replace(mainSource("third"), "page, _ :=", fails, 1))
	wait(t, "of hold-mugs does not start (exit status 1), revision", heard.String)
	wait(t, "no door", heard.String)
	becomes("hold deeper leaf")
	save(t, root, "door", "")
	save(t, root, "functions/leave-mugs/main.go", mainSource("go")) // any save tries again what did not start
	becomes("third deeper leaf")

	before := strings.Count(heard.String(), "building")
	save(t, root, "functions/hold-mugs/main.go", mainSource("first"))
	builds := func() string { return fmt.Sprint(strings.Count(heard.String(), "building") - before) }
	wait(t, "1", builds)
	save(t, root, "functions/hold-mugs/main.go", mainSource("second")) // during that build, which may or may not see it
	becomes("second deeper leaf")
	wait(t, "2", builds)

	save(t, root, "template.yaml", "version: 2\n")
	wait(t, "1", func() string { return fmt.Sprint(templates.Load()) })

	lines := heard.String()
	if !regexp.MustCompile(`(?m)^hold-mugs changed: building\nhold-mugs rebuilt in [0-9.]+m?s, revision 3 takes over$`).MatchString(lines) {
		t.Errorf("said %q", lines)
	}
	building := false
	for line := range strings.Lines(lines) {
		if strings.Contains(line, "changed: building") {
			if building {
				t.Errorf("two builds at once:\n%s", lines)
			}
			building = true
		}
		building = building && !strings.Contains(line, "rebuilt in") && !strings.Contains(line, "does not build") && !strings.Contains(line, "no function is another")
	}
}
