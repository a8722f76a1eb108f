package main

import (
	"encoding/json"
	"encoding/xml"
	"net"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"somssi/local/conformance"
)

func TestConformance_says_what_is_wrong(t *testing.T) {
	for _, tc := range []struct {
		name, args string
		code       int
		said       string
	}{
		{"unknown_case", "conformance --case Z99", wrong, `no case and no section is called "Z99": see --list`},
		{"external_without_kafka", "conformance --external --listen 127.0.0.1:7000", wrong, "needs --kafka and --listen"},
		{"plan_without_listen", "conformance --plan --kafka localhost:1", wrong, "needs --kafka and --listen"},
		{"listen_without_port", "conformance --plan --kafka localhost:1 --listen localhost", wrong, "missing port"},
		{"listen_everywhere", "conformance --external --kafka localhost:1 --listen 0.0.0.0:7000", wrong, "give the host and port at which the dispatcher reaches this machine"},
		{"both_ways", "conformance --external --cluster", wrong, "choose one"},
		{"no_such_format", "conformance -o xml", wrong, "text and json"},
		{"junit_elsewhere", "doctor -o junit", wrong, "text and json"},
		{"source_without_plan", "source", wrong, "--plan with the file"},
		{"source_without_file", "source --plan nowhere.json", wrong, "nowhere.json"},
		{"source_of_no_plan", "source --plan main.go", wrong, "read the plan main.go"},
		{"kafka_is_away", "conformance --case R01 --kafka 127.0.0.1:1", failed, "use Kafka at 127.0.0.1:1: nothing listens there"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, said := local(t, ".", strings.Fields(tc.args)...)
			if code != tc.code || out != "" || !strings.Contains(said, tc.said) {
				t.Errorf("exit code %d, answer %q, said %q; want %d and %q", code, out, said, tc.code, tc.said)
			}
		})
	}
}

func TestConformance_answers(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	kafka := cluster.ListenAddrs()[0]
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := free.Addr().String()
	_ = free.Close()

	code, out, _ := local(t, ".", "conformance", "--case", "R01,V02", "--kafka", kafka)
	if code != 0 || !strings.Contains(out, "all     2     0     0") {
		t.Errorf("%d\n%s", code, out)
	}
	code, out, _ = local(t, ".", "conformance", "--case", "R01", "-o", "json")
	var answer struct{ Cases []conformance.Result }
	if err := json.Unmarshal([]byte(out), &answer); err != nil || code != 0 || len(answer.Cases) != 1 || answer.Cases[0].Result != "pass" || answer.Cases[0].Section != "9.1" {
		t.Errorf("%d %s (%v)", code, out, err)
	}
	// Nobody dispatches here, so that the case fails.
	code, out, said := local(t, ".", "conformance", "--case", "R01", "-o", "junit", "--external", "--kafka", kafka, "--listen", listen, "--wait", "100ms")
	var suites struct {
		Failures int `xml:"failures,attr"`
	}
	if err := xml.Unmarshal([]byte(out), &suites); err != nil || code != failed || suites.Failures != 1 || !strings.Contains(said, "1 of 1 cases failed") {
		t.Errorf("%d %s %s (%v)", code, out, said, err)
	}
	code, out, _ = local(t, ".", "conformance", "--list")
	if code != 0 || !strings.Contains(out, "D20-T") || !strings.Contains(out, "given a dead letter sink") || !strings.Contains(out, "(H2)") {
		t.Errorf("%d %s", code, out)
	}
	code, out, _ = local(t, ".", "conformance", "--plan", "--kafka", kafka, "--listen", listen, "--case", "D12")
	if code != 0 || !strings.Contains(out, "conformance-d12-t/1") || !strings.Contains(out, "3 exponential PT0.1S") {
		t.Errorf("%d %s", code, out)
	}
}
