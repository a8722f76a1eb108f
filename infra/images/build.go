package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/ko/pkg/build"
	"sigs.k8s.io/yaml"
)

// wall is how large an image may be, as it is pulled.
const wall = 25_000_000 // bytes

// image is one that the manifests name, and what was built for it.
type image struct {
	Name    string  `json:"name"`            // as the base has it, before kustomize
	Ref     string  `json:"image"`           // repository:tag
	Digest  v1.Hash `json:"digest"`          // of the image, or of the index where it is for more than one platform
	Pulled  int64   `json:"compressedBytes"` // of the largest platform
	Bytes   int64   `json:"bytes"`           // the same on a node's disk
	Archive string  `json:"archive,omitempty"`
}

// named are the images that the manifests of env would name. template.yaml knows which, and render reads it.
func named(ctx context.Context, root, env, version string) ([]image, error) {
	dir, err := os.MkdirTemp("", "images-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	render := exec.CommandContext(ctx, "go", "run", "./local", "render", "--env", env, "--version", version, "--out", dir)
	render.Dir = root
	if out, err := render.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("render environment %s: %w\n%s", env, err, out)
	}
	var all []image
	for _, file := range []string{"kustomization.yaml", "migrate/kustomization.yaml"} {
		text, err := os.ReadFile(filepath.Join(dir, "overlays", env, file))
		if err != nil {
			return nil, err
		}
		var k struct {
			Images []struct{ Name, NewName, NewTag string }
		}
		if err := yaml.Unmarshal(text, &k); err != nil {
			return nil, fmt.Errorf("%s of environment %s: %w", file, env, err)
		}
		for _, i := range k.Images {
			if i.NewTag == "" {
				return nil, fmt.Errorf("image %s of environment %s has no tag: write image: registry/name/{function}:{version} in template.yaml", i.NewName, env)
			}
			all = append(all, image{Name: i.Name, Ref: i.NewName + ":" + i.NewTag})
		}
	}
	return all, nil
}

// source is the folder of the program of i.
func (i image) source() string {
	if i.Name == "migrate" {
		return "./infra/schema/migrate"
	}
	return "./functions/" + i.Name
}

// release is what all images of a run have alike. It goes into them: with the same release, code and
// go.mod of this tool, the same images are built wherever that is done.
type release struct {
	version   string   // label org.opencontainers.image.version
	revision  string   // label org.opencontainers.image.revision, the commit; empty outside of git
	source    string   // label org.opencontainers.image.source, an address; may be empty
	base      string   // name@sha256:... of a base, empty for ownBase
	platforms []string // linux/amd64, linux/arm64
}

// builder builds from the repository root, and writes an SBOM of each image into folder.
func (r release) builder(ctx context.Context, root, folder string) (build.Interface, error) {
	toolchain, _, err := pinned()
	if err != nil {
		return nil, err
	}
	created, err := sourceDate()
	if err != nil {
		return nil, err
	}
	ref, base, err := ownBase()
	if r.base != "" {
		ref, base, err = pulledBase(ctx, r.base)
	}
	if err != nil {
		return nil, err
	}
	options := []build.Option{
		build.WithBaseImages(func(context.Context, string) (name.Reference, build.Result, error) { return ref, base, nil }),
		build.WithPlatforms(r.platforms...),
		build.WithUser(nonroot),
		build.WithCreationTime(created),
		build.WithKoDataCreationTime(created),
		build.WithSBOMDir(folder),
		// Nothing of the builder's own surroundings: its paths, its commit, its Go, its settings of Go.
		build.WithTrimpath(true),
		build.WithDefaultFlags([]string{"-buildvcs=false"}),
		build.WithDefaultLdflags([]string{"-s", "-w"}),
		build.WithDefaultEnv([]string{"GOTOOLCHAIN=" + toolchain, "GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0",
			"GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off"}),
	}
	for label, value := range map[string]string{"version": r.version, "revision": r.revision, "source": r.source} {
		if value != "" {
			options = append(options, build.WithLabel("org.opencontainers.image."+label, value))
		}
	}
	return build.NewGo(ctx, root, options...)
}

// sourceDate is when the images say they were created: SOURCE_DATE_EPOCH, or 1970.
func sourceDate() (v1.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return v1.Time{Time: time.Unix(0, 0).UTC()}, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return v1.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q, want seconds since 1970", text)
	}
	return v1.Time{Time: time.Unix(seconds, 0).UTC()}, nil
}

// build builds i and measures it. One that is over the wall is an error, and is returned too.
func (i *image) build(ctx context.Context, b build.Interface) (build.Result, error) {
	path, err := b.QualifyImport(i.source())
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", i.Name, err)
	}
	built, err := b.Build(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", i.Name, err)
	}
	if i.Digest, err = built.Digest(); err != nil {
		return nil, fmt.Errorf("image %s: %w", i.Name, err)
	}
	all, err := platforms(built)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", i.Name, err)
	}
	for _, one := range all {
		pulled, bytes, err := sizes(one)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", i.Name, err)
		}
		i.Pulled, i.Bytes = max(i.Pulled, pulled), max(i.Bytes, bytes)
	}
	return built, i.fits()
}

func (i image) fits() error {
	if i.Pulled <= wall {
		return nil
	}
	return fmt.Errorf("image %s is %s MB compressed, and may be %s: see in its SBOM what its program has linked",
		i.Name, megabytes(i.Pulled), megabytes(wall))
}

// platforms are the images of what was built, one for each platform.
func platforms(built build.Result) ([]v1.Image, error) {
	if one, ok := built.(v1.Image); ok {
		return []v1.Image{one}, nil
	}
	index, ok := built.(v1.ImageIndex)
	if !ok {
		return nil, fmt.Errorf("%T is neither an image nor an index of images", built)
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var all []v1.Image
	for _, d := range m.Manifests {
		one, err := index.Image(d.Digest)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// sizes are those of the layers, config and manifest as they are pulled, and of the layers' files.
func sizes(one v1.Image) (pulled, bytes int64, err error) {
	m, err := one.Manifest()
	if err != nil {
		return 0, 0, err
	}
	if pulled, err = one.Size(); err != nil {
		return 0, 0, err
	}
	pulled += m.Config.Size
	for _, l := range m.Layers {
		pulled += l.Size
	}
	layers, err := one.Layers()
	if err != nil {
		return 0, 0, err
	}
	for _, l := range layers {
		files, err := l.Uncompressed()
		if err != nil {
			return 0, 0, err
		}
		n, err := io.Copy(io.Discard, files)
		if err != nil {
			return 0, 0, err
		}
		bytes += n
		if err := files.Close(); err != nil {
			return 0, 0, err
		}
	}
	return pulled, bytes, nil
}

func megabytes(n int64) string { return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) }

// revision is the commit of the repository, with -dirty where files differ from it; empty outside of git.
func revision(ctx context.Context, root string) string {
	out, err := exec.CommandContext(ctx, "git", "-C", root, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
