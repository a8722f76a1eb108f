package conformance

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

var someResults = []Result{
	{ID: "R01", Section: "9.1", Result: Pass, Millis: 12},
	{ID: "W01-S", Section: "9.2", Result: Fail, Millis: 1500, Why: `the <request> for "a" is another`, Differences: []Difference{{
		Expected: text(map[string]string{"ce-id": "a", "prefer": "reply", "ce-type": strings.Repeat("y", 80)}, []byte("body\x00")),
		Received: text(map[string]string{"ce-id": "b", "extra": "gr\xfcn", "ce-type": strings.Repeat("y", 80)}, []byte("body")),
	}}},
	{ID: "C10-S", Section: "9.6", Result: Skip, Why: string(control)},
	{ID: "C11-S", Section: "9.6", Result: Skip, Why: string(control)},
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	Table(&out, someResults)
	blank := strings.Repeat(" ", 65)
	for _, want := range []string{
		"      9.1     1     0     0  record to event\n",
		"      all     1     1     2",
		"skipped, as " + string(control) + ":\n  C10-S C11-S\n",
		"FAIL W01-S: the <request> for \"a\" is another\n  given a sink with a path and a query\n",
		"  ! ce-id: a" + blank[:64-8] + "  ce-id: b\n",
		"  ! prefer: reply\n",
		"  ! " + blank[:64] + "  extra: gr\\xfcn\n",
		"    ce-type: " + strings.Repeat("y", 55) + "  ce-type: " + strings.Repeat("y", 55) + "\n    " + strings.Repeat("y", 25) + blank[:64-25] + "  " + strings.Repeat("y", 25) + "\n",
		"  ! body\\x00" + blank[:64-8] + "  body\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
	if n := strings.Count(out.String(), "ce-id: a"); n != 1 {
		t.Errorf("a header is there %d times in\n%s", n, &out)
	}
}

func TestJUnit(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := JUnit(&out, someResults); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(out.Bytes())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, &out)
		}
	}
	for _, want := range []string{
		`<?xml version="1.0" encoding="UTF-8"?>`,
		`<testsuites name="conformance" tests="4" failures="1" skipped="2">`,
		`<testsuite name="9.2 request" tests="1" failures="1" skipped="0" time="1.500">`,
		`<testcase name="R01" classname="conformance.9.1" time="0.012"></testcase>`,
		`<failure message="the &lt;request&gt; for &#34;a&#34; is another">`,
		`<skipped message="` + string(control) + `"></skipped>`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing in\n%s", want, &out)
		}
	}
}

func TestFailed(t *testing.T) {
	t.Parallel()
	if got := Failed(someResults); got != 1 {
		t.Errorf("%d failed, want 1", got)
	}
}
