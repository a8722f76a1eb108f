package harness

import (
	"testing"
	"time"

	"somssi/local/runner"
	"somssi/local/template"
)

func TestOptions_let_go_only_what_may(t *testing.T) {
	house, err := template.Parse("template.yaml", []byte("version: 1\nglobals: {scale: {min: 1}}\nfunctions: {stay-up: {}, go-away: {scale: {min: 0}}}\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	specs := []runner.Spec{{Name: "stay-up"}, {Name: "go-away"}}
	if err := (Options{State: t.TempDir(), Idle: time.Minute}).living(house, specs); err != nil {
		t.Fatal(err)
	}
	if specs[0].Idle != 0 || specs[1].Idle != time.Minute {
		t.Errorf("stay-up is stopped after %s, go-away after %s: want never, and 1m0s", specs[0].Idle, specs[1].Idle)
	}
}
