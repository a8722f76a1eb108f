package main

import (
	"strings"
	"testing"
)

func TestSource_refuses(t *testing.T) {
	t.Setenv("KAFKA_BROKERS", "")
	const ingress = " --ingress http://10.96.0.80"
	for name, tc := range map[string]struct {
		args string
		code int
		says string
	}{
		"both":          {"--against cluster --plan plan.json", wrong, "give either --against cluster, or --plan"},
		"nowhere":       {"--against moon" + ingress, wrong, "--against moon: there is only cluster"},
		"no_ingress":    {"--against cluster", wrong, `--ingress "": give an address such as http://10.96.0.80`},
		"bare_ingress":  {"--against cluster --ingress 10.96.0.80:80", wrong, "give an address such as"},
		"at_no_address": {"--against cluster --at stream-inbox=10.96.0.81" + ingress, wrong, `--at stream-inbox "10.96.0.81"`},
		"unknown_env":   {"--against cluster --env labb" + ingress, wrong, `there is no environment "labb"`},
		"no_kafka":      {"--against cluster --env lab" + ingress, failed, "KAFKA_BROKERS is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, said := local(t, "..", append([]string{"source"}, strings.Fields(tc.args)...)...)
			if code != tc.code || out != "" || !strings.Contains(said, tc.says) {
				t.Errorf("exit code %d, want %d, answer %q, said %q, want %q", code, tc.code, out, said, tc.says)
			}
		})
	}
}
