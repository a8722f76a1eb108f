// Command bench measures Somssi against the parts that it is made of. Each row
// is a ratio of two sides that take turns in one run on one machine, so that it
// means the same on another. No figure makes it fail: its exit code is 0 where
// everything could be measured, 1 where something could not, 2 where a flag is wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"somssi/local/harness"
	"somssi/local/runner"
)

// longest is how long all of it may take; on two quiet cores it is under six minutes.
const longest = 15 * time.Minute

// rows are the rows of the table, by their number.
var rows = []struct {
	number  int
	measure func(ctx context.Context, b *bench) ([]Row, error)
}{
	{1, sourceRow}, {2, receiveRow}, {7, frameRow}, {8, memoryRows}, {9, startRows}, {10, overloadRows},
}

func main() {
	role := flag.String("role", "", "be a part of a measurement; the bench starts these itself")
	number := flag.Int("row", 0, "measure this row alone: 1, 2, 7, 8, 9 or 10; 0 is all")
	format := flag.String("o", "text", "format of the figures: text or json")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if *role != "" {
		play(ctx, *role, flag.Args())
		return
	}
	known := *number == 0
	for _, row := range rows {
		known = known || row.number == *number
	}
	if !known || *format != "text" && *format != "json" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "rows are 1, 2, 7, 8, 9 and 10, formats are text and json; see: go run ./local/bench -h")
		os.Exit(2)
	}
	if err := run(ctx, *number, *format); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

// bench is one run. What it builds or keeps is in temp, which does not outlive it.
type bench struct{ root, temp string }

func run(ctx context.Context, number int, format string) error {
	root, err := root()
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "somssi-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	b := &bench{root, temp}
	report := Report{Machine: machine()}
	var failed error
	for _, row := range rows {
		if number != 0 && number != row.number {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring row %d\n", row.number)
		measured, err := row.measure(ctx, b)
		for i := range measured {
			measured[i].Row = row.number
			measured[i].Again = fmt.Sprintf("make bench ROW=%d", row.number)
		}
		report.Rows = append(report.Rows, measured...)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("row %d could not be measured: %w", row.number, err))
		}
	}
	report.Machine.LoadAfter = load()
	return errors.Join(failed, report.write(os.Stdout, format))
}

// build builds functions as the harness does, and returns the folder of their binaries.
func (b *bench) build(ctx context.Context, functions ...string) (string, error) {
	dir := harness.Binaries(b.root)
	return dir, runner.Build(ctx, b.root, dir, functions)
}

// root is the repository's folder: this one, or the nearest above it.
func root() (string, error) {
	dir, err := os.Getwd()
	for here := dir; err == nil; here = filepath.Dir(here) {
		if _, err := os.Stat(filepath.Join(here, "template.yaml")); err == nil {
			return here, nil
		}
		if here == filepath.Dir(here) {
			break
		}
	}
	return "", errors.Join(err, fmt.Errorf("no template.yaml in %s or above it: run this in the repository", dir))
}
