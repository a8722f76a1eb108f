package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"
)

func TestPainter_colours_whole_lines(t *testing.T) {
	var out bytes.Buffer
	p := &painter{to: &out}
	fmt.Fprint(p, "a  do")
	if out.Len() > 0 {
		t.Errorf("wrote %q before the line was whole", out.String())
	}
	fmt.Fprint(p, "ne  b\nto the dead letter sink\na dead letter, ")
	fmt.Fprint(p, "abandoned")
	p.flush()
	want := "a  \x1b[32mdone\x1b[0m  b\nto the dead letter sink\na \x1b[33mdead letter\x1b[0m, abandoned"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// A file, a pipe and a buffer are no terminal.
func TestOnTerminal_leaves_others_alone(t *testing.T) {
	_, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pipe.Close() }()
	for _, out := range []io.Writer{pipe, &bytes.Buffer{}} {
		if painted, _ := onTerminal(out); painted != out {
			t.Errorf("%T is painted", out)
		}
	}
}
