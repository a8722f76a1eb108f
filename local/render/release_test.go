package render

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const someDigest = "sha256:3b7f4d0c1e2a59687f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566f"

// imagesJSON is what make images writes for names.
func imagesJSON(t *testing.T, digest string, names ...string) string {
	t.Helper()
	var all []string
	for _, name := range names {
		all = append(all, fmt.Sprintf(`{"name": %q, "image": "r/%s:2", "digest": %q}`, name, name, digest))
	}
	file := filepath.Join(t.TempDir(), "images.json")
	if err := os.WriteFile(file, []byte(`{"version": "2", "images": [`+strings.Join(all, ",")+`]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFiles_names_images_by_digest(t *testing.T) {
	released, err := ReadRelease(imagesJSON(t, someDigest, "charge-card", "keep-letters", "send-receipt", "serve-shop", "show-orders", "migrate"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := Files(shopCode, "testdata/shop.yaml", "prod", released)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"overlays/prod/kustomization.yaml":         "    newName: \"registry.example:5000/shop/charge-card\"\n    digest: " + someDigest + "\n",
		"overlays/prod/migrate/kustomization.yaml": "    newName: \"registry.example:5000/shop/migrate\"\n    digest: " + someDigest + "\n",
		"overlays/dev/kustomization.yaml":          "    newTag: \"1\"\n    digest: " + someDigest + "\n",
	} {
		if !strings.Contains(files[file], want) {
			t.Errorf("%s does not have\n%s:\n%s", file, want, files[file])
		}
	}
	all, err := Resources(files, "dev")
	if err != nil {
		t.Fatal(err)
	}
	var named int
	for _, o := range all {
		containers, _ := o.At("spec", "template", "spec", "containers").([]any)
		for _, c := range containers {
			if named++; !strings.HasSuffix(c.(Object).Text("image"), ":1@"+someDigest) {
				t.Errorf("%s has the image %s", o.Name(), c.(Object).Text("image"))
			}
		}
	}
	if named == 0 {
		t.Error("no image at all")
	}
}

func TestFiles_refuses_images_that_are_not_of_the_template(t *testing.T) {
	released, err := ReadRelease(imagesJSON(t, someDigest, "charge-card", "keep-letters", "send-receipt", "serve-shop", "show-orders"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Files(shopCode, "testdata/shop.yaml", "prod", released); err == nil || !strings.Contains(err.Error(), "the images of version 2 have none of migrate") {
		t.Errorf("error %v", err)
	}
	if _, err := ReadRelease(imagesJSON(t, "sha256:3b7f", "charge-card")); err == nil || !strings.Contains(err.Error(), `the digest of "charge-card" is "sha256:3b7f"`) {
		t.Errorf("error %v", err)
	}
}
