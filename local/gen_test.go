package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestGen(t *testing.T) {
	const typ = "somssi.talent.registered.v1"
	code, out, _ := local(t, ".", "gen")
	if code != 0 || !strings.Contains(out, typ+"       A talent was registered\n") {
		t.Errorf("the types: %d %s", code, out)
	}
	code, out, said := local(t, ".", "gen", typ, "-n", "3", "--seed", "7")
	if lines := strings.Split(out, "\n"); code != 0 || len(lines) != 4 || said != "" || !json.Valid([]byte(lines[2])) {
		t.Errorf("valid: %d %s\n%s", code, out, said)
	}
	if _, again, _ := local(t, ".", "gen", typ, "-n", "3", "--seed", "7"); again != out {
		t.Errorf("again:\n%s\nfirst:\n%s", again, out)
	}
	if _, _, said := local(t, ".", "gen", typ); !strings.Contains(said, "--seed ") {
		t.Errorf("said %q, want the seed", said)
	}
	_, out, said = local(t, ".", "gen", typ, "--kind", "hostile", "--seed", "7")
	if strings.Count(out, "\n") != strings.Count(said, "\n") || !strings.Contains(said, "data has no talentId\n") {
		t.Errorf("%d events of\n%s", strings.Count(out, "\n"), said)
	}
	var made []madeEvent
	_, out, said = local(t, ".", "gen", typ, "--kind", "hostile", "--seed", "7", "-o", "json")
	if err := json.Unmarshal([]byte(out), &made); err != nil || said != "" || len(made) < 100 || made[0].Case == "" {
		t.Errorf("hostile -o json: %v %s %.300s", err, said, out)
	}
	raw := 0
	for _, m := range made {
		if (m.Text == "") == (m.Base64 == nil) {
			t.Errorf("%s has both or neither of text and base64", m.Case)
		}
		if m.Base64 != nil {
			raw++
		}
	}
	if raw == 0 {
		t.Error("no event that is not UTF-8")
	}
}

func TestGen_says_what_is_wrong(t *testing.T) {
	for args, want := range map[string]string{
		"gen somssi.talent.deleted.v1":                 "those that have one are\n  somssi.talent.changed.v1\n",
		"gen somssi.talent.closed.v1 --kind evil":      "the kinds are valid, edge and hostile",
		"gen somssi.talent.closed.v1 -n -1":            "-n -1",
		"gen somssi.talent.closed.v1 --seed x":         "invalid argument",
		"gen ../../infra/schemas/somssi.talent.closed": "there is no schema",
		"gen a b": "usage: go run ./local gen [type]",
	} {
		if code, _, said := local(t, ".", strings.Fields(args)...); code != wrong || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s\nwant %s", args, code, said, want)
		}
	}
}
