package conformance

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"` // seconds
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure"`
	Skipped *junitMessage `xml:"skipped"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the results as JUnit XML, a suite for each section.
func JUnit(w io.Writer, results []Result) error {
	all := junitSuites{Name: "conformance"}
	for _, s := range sections {
		suite := junitSuite{Name: s.number + " " + s.title}
		var millis int64
		for _, r := range results {
			if r.Section == s.number {
				suite.add(r)
				millis += r.Millis
			}
		}
		if suite.Tests == 0 {
			continue
		}
		suite.Time = seconds(millis)
		all.Tests += suite.Tests
		all.Failures += suite.Failures
		all.Skipped += suite.Skipped
		all.Suites = append(all.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("write JUnit XML: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(r Result) {
	one := junitCase{Name: r.ID, Class: "conformance." + r.Section, Time: seconds(r.Millis)}
	s.Tests++
	switch r.Result {
	case Fail:
		s.Failures++
		var text strings.Builder
		for _, d := range r.Differences {
			d.sideBySide(&text)
		}
		one.Failure = &junitMessage{r.Why, text.String()}
	case Skip:
		s.Skipped++
		one.Skipped = &junitMessage{Message: r.Why}
	}
	s.Cases = append(s.Cases, one)
}

func seconds(millis int64) string { return fmt.Sprintf("%.3f", float64(millis)/1000) }
