package main

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"encoding/pem"
	"fmt"
	"io"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/ko/pkg/build"
	"golang.org/x/crypto/x509roots/fallback/bundle"
	"golang.org/x/mod/modfile"
)

// nonroot is who runs in an image, the user and the group that distroless has under this name.
const nonroot = "65532:65532"

// ownMod pins what goes into images: the Go that builds them and the version of Mozilla's list of CAs.
//
//go:embed go.mod
var ownMod []byte

// pinned are the Go toolchain, as GOTOOLCHAIN wants it, and the version of the list of CAs.
func pinned() (toolchain, roots string, err error) {
	f, err := modfile.Parse("infra/images/go.mod", ownMod, nil)
	if err != nil {
		return "", "", err
	}
	for _, r := range f.Require {
		if r.Mod.Path == "golang.org/x/crypto/x509roots/fallback" {
			roots = r.Mod.Version
		}
	}
	if f.Toolchain == nil || roots == "" {
		return "", "", fmt.Errorf("infra/images/go.mod pins no toolchain or no x509roots/fallback: both go into the images")
	}
	return f.Toolchain.Name, roots, nil
}

// ownBase has of distroless static what a function reads: the CAs and the name of its user. It is made here
// and not pulled, so that it is there without a registry, and the same for everybody. Its name is in the
// images' annotations and SBOMs, and says which list of CAs it has; no registry has it.
func ownBase() (name.Reference, build.Result, error) {
	_, roots, err := pinned()
	if err != nil {
		return nil, nil, err
	}
	ref, err := name.NewTag("base.invalid/static:x509roots-" + roots)
	if err != nil {
		return nil, nil, err
	}
	layer, err := baseLayer()
	if err != nil {
		return nil, nil, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		image, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), mutate.Addendum{
			Layer:   layer,
			History: v1.History{Created: v1.Time{Time: time.Unix(0, 0).UTC()}, CreatedBy: "infra/images", Comment: "CAs of Mozilla, and the user"},
		})
		if err != nil {
			return nil, nil, err
		}
		config, err := image.ConfigFile()
		if err != nil {
			return nil, nil, err
		}
		config = config.DeepCopy()
		config.OS, config.Architecture, config.Created = "linux", arch, v1.Time{Time: time.Unix(0, 0).UTC()}
		config.Config = v1.Config{User: nonroot, WorkingDir: "/", Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"}}
		if image, err = mutate.ConfigFile(image, config); err != nil {
			return nil, nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	return ref, index, nil
}

func baseLayer() (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct{ name, text string }{
		{"etc/", ""},
		{"etc/passwd", "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"},
		{"etc/group", "root:x:0:\nnonroot:x:65532:\n"},
		{"etc/ssl/", ""},
		{"etc/ssl/certs/", ""},
		{"etc/ssl/certs/ca-certificates.crt", authorities()},
	} {
		h := &tar.Header{Name: f.name, Mode: 0o444, Size: int64(len(f.text)), Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0)}
		if f.text == "" {
			h.Typeflag, h.Mode = tar.TypeDir, 0o555
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(f.text)); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
}

// authorities are Mozilla's CAs as PEM. Those that Mozilla trusts only for certificates from before some day
// are left out, because a file cannot say so.
func authorities() string {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
		}
	}
	return b.String()
}

// pulledBase is another base, from a registry.
func pulledBase(ctx context.Context, base string) (name.Reference, build.Result, error) {
	ref, err := name.NewDigest(base)
	if err != nil {
		return nil, nil, fmt.Errorf("base %s: it must have a digest, name@sha256:..., or two builds could differ: %w", base, err)
	}
	found, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return nil, nil, fmt.Errorf("pull base %s: %w", base, err)
	}
	if found.MediaType.IsIndex() {
		index, err := found.ImageIndex()
		return ref, index, err
	}
	image, err := found.Image()
	return ref, image, err
}
