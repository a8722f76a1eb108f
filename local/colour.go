package main

import (
	"bytes"
	"io"
	"os"
	"regexp"

	"github.com/mattn/go-isatty"
)

// onTerminal is out with colours, if a person looks at it there: out is a
// terminal, and neither NO_COLOR (no-color.org) nor TERM=dumb is set. flush
// writes what is left of a line without an end.
func onTerminal(out io.Writer) (painted io.Writer, flush func()) {
	file, ok := out.(*os.File)
	if !ok || !isatty.IsTerminal(file.Fd()) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return out, func() {}
	}
	p := &painter{to: out}
	return p, p.flush
}

// painter colours the words that tell how something went. It works on whole
// lines that are laid out already, so that columns stay where they are.
type painter struct {
	to   io.Writer
	line []byte
}

var verdicts = regexp.MustCompile(`\b(done|accepted|dead letter( sink)?|lost|LOST|FAIL|error|warning|held|paused)\b`)

func (p *painter) Write(text []byte) (int, error) {
	p.line = append(p.line, text...)
	end := bytes.LastIndexByte(p.line, '\n') + 1
	if end == 0 {
		return len(text), nil
	}
	_, err := p.to.Write(paint(p.line[:end]))
	p.line = append(p.line[:0], p.line[end:]...)
	return len(text), err
}

func (p *painter) flush() {
	_, _ = p.to.Write(paint(p.line)) // the process ends
	p.line = nil
}

func paint(text []byte) []byte {
	return verdicts.ReplaceAllFunc(text, func(word []byte) []byte {
		const green, yellow, red = "\x1b[32m", "\x1b[33m", "\x1b[31m"
		colour := red
		switch string(word) {
		case "done", "accepted":
			colour = green
		case "dead letter", "warning", "held", "paused":
			colour = yellow
		case "dead letter sink":
			return word // which is a place
		}
		return append(append([]byte(colour), word...), "\x1b[0m"...)
	})
}
