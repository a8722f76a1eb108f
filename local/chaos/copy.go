package chaos

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"somssi/local/chaos/crash"
	"somssi/local/overlay"
)

// copyTree copies the repository without what is hidden in it.
func copyTree(root, to string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), text, 0o600)
		}
		return err
	})
}

// edit changes a file of the copy that is read as it stands there: [2]string{old, new}.
func edit(root, file string, changes ...[2]string) error {
	o := overlay.New(root, "")
	if err := o.Patch(file, changes...); err != nil {
		return err
	}
	text, err := o.Text(file)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, file), []byte(text), 0o600)
}

// instrument changes what the house is built from: it goes to its functions
// through the proxy, and these have crash points.
func instrument(copied, crashAt string, plant func(*overlay.Overlay) error) (overlayFile string, points []crash.Point, err error) {
	o := overlay.New(copied, filepath.Join(copied, ".overlay"))
	o.Replace("local/runner/chaos.go", dialled)
	if err := o.Patch("local/runner/process.go", [2]string{"client: &http.Transport{", "client: &http.Transport{DialContext: throughLink, "}); err != nil {
		return "", nil, err
	}
	if plant != nil {
		if err := plant(o); err != nil {
			return "", nil, err
		}
	}
	if points, err = crash.Instrument(copied, o); err != nil {
		return "", nil, err
	}
	if err := edit(copied, "template.yaml", [2]string{"    REDIS_URL: ", "    CRASH_AT: " + crashAt + "\n    REDIS_URL: "}); err != nil {
		return "", nil, err
	}
	overlayFile, err = o.Write()
	return overlayFile, points, err
}
