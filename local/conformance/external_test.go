package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// TestExternal runs the cases with a stranger: our own source in another process,
// which knows of them what is in the plan.
func TestExternal(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "local")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "somssi/local").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	kafka, listen := cluster.ListenAddrs()[0], freeAddress(t)

	flags := []string{"--kafka", kafka, "--listen", listen, "-o", "json"}
	plan := answerOf(t, binary, append([]string{"conformance", "--plan"}, flags...)...)
	if again := answerOf(t, binary, append([]string{"conformance", "--plan"}, flags...)...); !bytes.Equal(plan, again) {
		t.Error("the plan is another the second time")
	}
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(file, plan, 0o600); err != nil {
		t.Fatal(err)
	}
	stop := startStranger(t, binary, "source", "--plan", file, "--kafka", kafka)
	text := answerOf(t, binary, append([]string{"conformance", "--external"}, flags...)...)
	stop()

	var answer struct{ Cases []Result }
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	counts := map[string]int{}
	for _, r := range answer.Cases {
		counts[r.Result]++
		if r.Result == Fail {
			t.Errorf("%s: %s", r.ID, r.Why)
		}
		if c := caseOf(t, r.ID); (r.Result == Skip) != ((stranger{}).skip(c) != "") || (r.Result == Skip) != (r.Why != "") {
			t.Errorf("%s is %s (%s)", r.ID, r.Result, r.Why)
		}
	}
	if counts[Pass] < 120 || counts[Skip] == 0 {
		t.Errorf("%v", counts)
	}
	t.Logf("%v", counts)
}

func caseOf(t *testing.T, id string) Case {
	all := Cases()
	i := slices.IndexFunc(all, func(c Case) bool { return c.ID == id })
	if i < 0 {
		t.Fatalf("there is no case %s", id)
	}
	return all[i]
}

// freeAddress is one with two free ports after it.
func freeAddress(t *testing.T) string {
	o := Options{}
	server, err := o.open()
	if err != nil {
		t.Fatal(err)
	}
	server.close()
	return o.Listen
}

// answerOf is what a command prints. It fails the test if the command did not
// work, but not if an assertion of its failed.
func answerOf(t *testing.T, binary string, args ...string) []byte {
	t.Helper()
	var out, problems bytes.Buffer
	command := exec.CommandContext(t.Context(), binary, args...)
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil && command.ProcessState.ExitCode() != 1 {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, &problems)
	}
	return out.Bytes()
}

// startStranger starts a command, returns when it is ready, and ends it with what
// it returns.
func startStranger(t *testing.T, binary string, args ...string) (stop func()) {
	var problems bytes.Buffer
	command := exec.CommandContext(t.Context(), binary, args...)
	command.Stderr = &problems
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		_ = command.Wait()
		t.Fatalf("it said %q (%v)\n%s", line, err, &problems)
	}
	return func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil {
			t.Errorf("the dispatcher ended with %v\n%s", err, &problems)
		}
	}
}
