package render

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
)

// Release says which images are to run.
type Release struct {
	Version string            // what {version} in their names stands for
	Digests map[string]string // by function, and of migrate; without any it is the tag that counts
}

var digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// ReadRelease reads images.json, which make images writes.
func ReadRelease(file string) (Release, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Release{}, fmt.Errorf("read images: %w: make images writes it", err)
	}
	var built struct {
		Version string
		Images  []struct{ Name, Digest string }
	}
	if err := json.Unmarshal(text, &built); err != nil {
		return Release{}, fmt.Errorf("read images %s: %w", file, err)
	}
	r := Release{built.Version, map[string]string{}}
	for _, i := range built.Images {
		if !digest.MatchString(i.Digest) {
			return Release{}, fmt.Errorf("read images %s: the digest of %q is %q, want sha256: and 64 hex digits", file, i.Name, i.Digest)
		}
		r.Digests[i.Name] = i.Digest
	}
	return r, nil
}

// has is that there is a digest for each of names, where there are digests.
func (r Release) has(names []string) error {
	for _, name := range names {
		if r.Digests != nil && r.Digests[name] == "" {
			return fmt.Errorf("the images of version %s have none of %s: make images builds them for template.yaml as it is now", r.Version, name)
		}
	}
	return nil
}
