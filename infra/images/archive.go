package main

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/ko/pkg/build"
)

// writeArchive writes what was built as an OCI layout in a tar, which keeps its digest where it is loaded:
// ctr images import, podman load, skopeo copy oci-archive:. With one image in it there is a manifest.json
// too, for docker load and kind load image-archive.
func writeArchive(file, ref string, built build.Result) error {
	dir, err := os.MkdirTemp(filepath.Dir(file), "layout-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	named := layout.WithAnnotations(map[string]string{"io.containerd.image.name": ref, "org.opencontainers.image.ref.name": ref})
	switch built := built.(type) {
	case v1.ImageIndex:
		err = path.AppendIndex(built, named)
	case v1.Image:
		if err = path.AppendImage(built, named); err == nil {
			err = writeDockerManifest(filepath.Join(dir, "manifest.json"), ref, built)
		}
	default:
		err = fmt.Errorf("%T is neither an image nor an index of images", built)
	}
	if err != nil {
		return err
	}
	return writeTar(file, os.DirFS(dir))
}

func writeDockerManifest(file, ref string, image v1.Image) error {
	m, err := image.Manifest()
	if err != nil {
		return err
	}
	blob := func(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }
	one := struct {
		Config           string
		RepoTags, Layers []string
	}{Config: blob(m.Config.Digest), RepoTags: []string{ref}}
	for _, l := range m.Layers {
		one.Layers = append(one.Layers, blob(l.Digest))
	}
	text, err := json.Marshal([]any{one})
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// writeTar writes a folder as a tar that says nothing of when and by whom.
func writeTar(file string, folder fs.FS) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	w := tar.NewWriter(out)
	err = fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o444, Size: int64(len(text))}); err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Close()
}
