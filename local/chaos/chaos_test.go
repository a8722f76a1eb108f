package chaos

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stateFolder is one that PostgreSQL's own user can enter.
func stateFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(dir)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// real tells whether this machine can run the real parts; in CI it has to.
func real(t *testing.T) bool {
	t.Helper()
	for _, program := range []string{"java", "mvn", "redis-server"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is not installed", program)
			}
			t.Logf("%s is not installed: embedded parts", program)
			return false
		}
	}
	return true
}

// TestCampaign plays what once failed, and then thirty episodes, on real parts
// where there are. Every fault is among them.
func TestCampaign(t *testing.T) {
	o := Options{Root: repository(t), State: stateFolder(t), Seed: 0, Episodes: 30, Real: real(t), Kept: true, Say: t.Logf}
	if testing.Short() {
		o.Real, o.Episodes = false, 2
	}
	report, err := Run(t.Context(), o)
	var table strings.Builder
	report.Write(&table)
	t.Logf("\n%s", &table)
	if err != nil {
		t.Error(err)
	}
	if len(report.Episodes) < o.Episodes {
		t.Errorf("%d episodes, want %d", len(report.Episodes), o.Episodes)
	}
}

func TestChoose_refuses(t *testing.T) {
	for id, real := range map[string]bool{"F99": true, "": true, "F11": false} {
		if _, err := choose([]string{"F1", id}, real); !errors.Is(err, ErrUnknown) {
			t.Errorf("fault %q, real %v: %v", id, real, err)
		}
	}
	if all, err := choose(nil, false); err != nil || len(all) < 15 || len(all) >= len(faults) {
		t.Errorf("%d faults on embedded parts, %v", len(all), err)
	}
}

// TestKept keeps an episode and finds it again where its parts are.
func TestKept(t *testing.T) {
	root := t.TempDir()
	for _, p := range []play{{7, "F1"}, {8, "F11"}} {
		if err := keep(root, p, []Broken{{"I1", "a"}, {"I2", "b"}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		real bool
		want int
	}{{false, 1}, {true, 2}} {
		got, err := kept(root, faults, c.real)
		if err != nil || len(got) != c.want || got[0] != (play{7, "F1"}) {
			t.Errorf("real %v: %v, %v", c.real, got, err)
		}
	}
	if err := os.WriteFile(filepath.Join(keptIn(root), "torn.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := kept(root, faults, true); err == nil || !strings.Contains(err.Error(), "torn.json") {
		t.Errorf("a torn file: %v", err)
	}
}
