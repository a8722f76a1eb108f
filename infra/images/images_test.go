package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/ko/pkg/build"
)

const root = "../.."

var ofTest = release{version: "1.4.0", revision: "0123abc", source: "https://code.example/somssi", platforms: []string{"linux/" + runtime.GOARCH}}

// built is an image that was built and where: its SBOM is in the folder.
type built struct {
	image
	folder string
	result build.Result
}

func (b built) sbom() string {
	return filepath.Join(b.folder, b.Name+"-linux-"+runtime.GOARCH+".spdx.json")
}

func buildOf(t *testing.T, root, function string) built {
	t.Helper()
	b := built{image: image{Name: function, Ref: "registry.example/somssi/" + function + ":1.4.0"}, folder: t.TempDir()}
	ko, err := ofTest.builder(t.Context(), root, b.folder)
	if err != nil {
		t.Fatal(err)
	}
	if b.result, err = b.build(t.Context(), ko); err != nil {
		t.Fatal(err)
	}
	if err := writeArchive(filepath.Join(b.folder, "image.tar"), b.Ref, b.result); err != nil {
		t.Fatal(err)
	}
	return b
}

// copyOf is the code of the repository at another path.
func copyOf(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "elsewhere")
	for _, name := range []string{"functions", "shared", "infra/schema"} {
		if err := os.CopyFS(filepath.Join(to, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := os.WriteFile(filepath.Join(to, name), read(t, filepath.Join(root, name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestImage(t *testing.T) {
	b := buildOf(t, root, "evict-cache")
	one, ok := b.result.(v1.Image)
	if !ok {
		t.Fatalf("%T was built, want one image", b.result)
	}
	t.Run("is_the_same_wherever_it_is_built", func(t *testing.T) {
		t.Setenv("GOFLAGS", "-buildvcs=true -tags=other")
		t.Setenv("CGO_ENABLED", "1")
		again := buildOf(t, copyOf(t), b.Name)
		if again.Digest != b.Digest {
			t.Errorf("%s, and at another path %s", b.Digest, again.Digest)
		}
		if !bytes.Equal(read(t, b.sbom()), read(t, again.sbom())) {
			t.Error("the SBOMs differ")
		}
		if !bytes.Equal(read(t, filepath.Join(b.folder, "image.tar")), read(t, filepath.Join(again.folder, "image.tar"))) {
			t.Error("the archives differ")
		}
	})
	t.Run("has_a_program_and_CAs_and_nothing_else", func(t *testing.T) { wantFiles(t, one) })
	t.Run("runs_as_nobody_of_power", func(t *testing.T) { wantConfig(t, one) })
	t.Run("has_an_SBOM_of_what_is_linked", func(t *testing.T) { wantSBOM(t, b) })
	t.Run("keeps_its_digest_in_the_archive", func(t *testing.T) { wantArchive(t, b) })
	t.Run("is_pushed_with_its_SBOM", func(t *testing.T) { wantPushed(t, b) })
}

func wantFiles(t *testing.T, one v1.Image) {
	files := mutate.Extract(one)
	defer files.Close()
	var names []string
	for r := tar.NewReader(files); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if name := strings.Trim(h.Name, "/"); h.Typeflag == tar.TypeReg {
			names = append(names, name)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Mode&0o7222 != 0 || h.ModTime.Unix() > 0 || h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir {
			t.Errorf("%s: type %c, owner %d:%d, mode %o, of %s", h.Name, h.Typeflag, h.Uid, h.Gid, h.Mode, h.ModTime)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		switch h.Name {
		case "/ko-app/evict-cache":
			wantProgram(t, text)
		case "etc/ssl/certs/ca-certificates.crt":
			if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(text) || bytes.Count(text, []byte("BEGIN")) < 100 {
				t.Errorf("%d CAs", bytes.Count(text, []byte("BEGIN")))
			}
		}
	}
	slices.Sort(names)
	if want := []string{"etc/group", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "ko-app/evict-cache"}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
}

// wantProgram is that it needs no other file to run, and says what it lacks when it is.
func wantProgram(t *testing.T, text []byte) {
	program, err := elf.NewFile(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program is not static: it has %s", p.Type)
		}
	}
	if runtime.GOOS != "linux" {
		return
	}
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, text, 0o700); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), file)
	command.Env = []string{}
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "REDIS_URL") {
		t.Errorf("the program without an environment: %v, said %s", err, out)
	}
}

func wantConfig(t *testing.T, one v1.Image) {
	c, err := one.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s/%s, created %d, user %s, entrypoint %v, command %v, labels %v",
		c.OS, c.Architecture, c.Created.Unix(), c.Config.User, c.Config.Entrypoint, c.Config.Cmd, c.Config.Labels)
	want := "linux/" + runtime.GOARCH + ", created 0, user 65532:65532, entrypoint [/ko-app/evict-cache], command [], labels map[" +
		"org.opencontainers.image.revision:0123abc org.opencontainers.image.source:https://code.example/somssi org.opencontainers.image.version:1.4.0]"
	if got != want {
		t.Errorf("config is\n%s, want\n%s", got, want)
	}
}

// What go list says is linked is what the SBOM lists.
func wantSBOM(t *testing.T, b built) {
	var doc struct {
		SpdxVersion string
		Packages    []struct {
			Name, VersionInfo string
			ExternalRefs      []struct{ ReferenceLocator string }
		}
	}
	if err := json.Unmarshal(read(t, b.sbom()), &doc); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range doc.Packages {
		if len(p.ExternalRefs) == 1 && strings.HasPrefix(p.ExternalRefs[0].ReferenceLocator, "pkg:golang/") && p.VersionInfo != "" {
			got = append(got, p.Name+" "+p.VersionInfo)
		}
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if .Version}}{{.Path}} {{.Version}}{{end}}{{end}}", b.source())
	list.Dir, list.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(want)
	slices.Sort(got)
	if want = slices.Compact(want); doc.SpdxVersion != "SPDX-2.3" || len(want) < 10 || !slices.Equal(got, want) {
		t.Errorf("%s lists\n%s\nwant\n%s", doc.SpdxVersion, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func wantArchive(t *testing.T, b built) {
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "-xf", filepath.Join(b.folder, "image.tar"), "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != 1 || m.Manifests[0].Digest != b.Digest || m.Manifests[0].Annotations["io.containerd.image.name"] != b.Ref {
		t.Errorf("%+v (%v), want %s of %s", m, err, b.Digest, b.Ref)
	}
	var docker []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(read(t, filepath.Join(dir, "manifest.json")), &docker); err != nil || len(docker) != 1 || docker[0].RepoTags[0] != b.Ref {
		t.Fatalf("%+v (%v)", docker, err)
	}
	for _, file := range append(docker[0].Layers, docker[0].Config) {
		read(t, filepath.Join(dir, file))
	}
}

func wantPushed(t *testing.T, b built) {
	at := registryOf(t)
	b.Ref = at + "/somssi/evict-cache:1.4.0"
	if err := b.publish(t.Context(), b.result); err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]string{"1.4.0": b.Digest.String(), strings.Replace(b.Digest.String(), ":", "-", 1) + ".sbom": ""} {
		ref, err := name.ParseReference(at + "/somssi/evict-cache:" + tag)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := remote.Head(ref); err != nil || want != "" && got.Digest.String() != want {
			t.Errorf("%s is %v (%v), want %s", tag, got, err, want)
		}
	}
}

// registryOf is the address of a registry in memory.
func registryOf(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// For two platforms it is an index with an image of each, archived and pushed as one.
func TestImage_for_two_platforms(t *testing.T) {
	code, folder := t.TempDir(), t.TempDir()
	for file, text := range map[string]string{"go.mod": "module small\n\ngo 1.26.0\n", "functions/small/main.go": "package main\n\nfunc main() {}\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(code, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(code, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ko, err := release{version: "1", platforms: []string{"linux/amd64", "linux/arm64"}}.builder(t.Context(), code, folder)
	if err != nil {
		t.Fatal(err)
	}
	i := image{Name: "small", Ref: registryOf(t) + "/small:1"}
	result, err := i.build(t.Context(), ko)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.publish(t.Context(), result); err != nil {
		t.Fatal(err)
	}
	if err := writeArchive(filepath.Join(folder, "small.tar"), i.Ref, result); err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewTag(i.Ref)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if digest, _ := index.Digest(); err != nil || digest != i.Digest || len(m.Manifests) != 2 {
		t.Fatalf("pushed %s, %+v (%v), want %s", digest, m, err, i.Digest)
	}
	for n, arch := range []string{"amd64", "arm64"} {
		if got := m.Manifests[n].Platform; got.Architecture != arch {
			t.Errorf("platform %d is %s, want %s", n, got, arch)
		}
		if _, err := os.Stat(filepath.Join(folder, "small-linux-"+arch+".spdx.json")); err != nil {
			t.Error(err)
		}
	}
}

func TestImage_over_the_wall(t *testing.T) {
	if err := (image{Name: "a", Pulled: wall}).fits(); err != nil {
		t.Error(err)
	}
	if err := (image{Name: "a", Pulled: 26_100_000}).fits(); err == nil || !strings.Contains(err.Error(), "image a is 26.1 MB compressed, and may be 25.0") {
		t.Errorf("error %v", err)
	}
}

// What the manifests name is what is built: each function, and the migrations.
func TestNamed(t *testing.T) {
	all, err := named(t.Context(), root, "prod", "1.4.0")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, i := range all {
		if _, err := os.Stat(filepath.Join(root, i.source(), "main.go")); err != nil {
			t.Error(err)
		}
		got = append(got, i.Ref)
	}
	folders, err := os.ReadDir(filepath.Join(root, "functions"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		want = append(want, "registry.example/somssi/"+f.Name()+":1.4.0")
	}
	if want = append(want, "registry.example/somssi/migrate:1.4.0"); !slices.Equal(got, want) {
		t.Errorf("images %v, want %v", got, want)
	}
	if _, err := named(t.Context(), root, "prd", "1"); err == nil || !strings.Contains(err.Error(), `there is no environment "prd"`) {
		t.Errorf("error %v", err)
	}
}

func TestPulledBase(t *testing.T) {
	_, base, err := ownBase()
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(registryOf(t) + "/base:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(tag, base.(v1.ImageIndex)); err != nil {
		t.Fatal(err)
	}
	want, err := base.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if _, got, err := pulledBase(t.Context(), tag.String()+"@"+want.String()); err != nil {
		t.Error(err)
	} else if digest, err := got.Digest(); err != nil || digest != want {
		t.Errorf("%s (%v), want %s", digest, err, want)
	}
	if _, _, err := pulledBase(t.Context(), tag.String()); err == nil || !strings.Contains(err.Error(), "must have a digest") {
		t.Errorf("without a digest: %v", err)
	}
}
