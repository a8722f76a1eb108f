package knative

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is one thing that is wrong in a resource, where it is, and how to
// mend it.
type Problem struct {
	Resource string `json:"resource"` // kind namespace/name
	Field    string `json:"field"`    // the path, such as spec.delivery.retry or spec.topics[1]
	What     string `json:"what"`
	Fix      string `json:"fix"`
}

// String is the problem in one line.
func (p Problem) String() string {
	return fmt.Sprintf("%s: %s: %s (%s)", p.Resource, p.Field, p.What, p.Fix)
}

// Problems are all that is wrong in a resource. As an error they read one a
// line.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// checker collects the problems of one resource.
type checker struct {
	resource string
	found    Problems
}

func (c *checker) add(field, what, fix string) {
	c.found = append(c.found, Problem{c.resource, field, what, fix})
}

// err is nil where nothing was found; a nil Problems would be an error that is
// not nil.
func (c *checker) err() error {
	if len(c.found) == 0 {
		return nil
	}
	return c.found
}

// problems are those that Validate returned.
func problems(err error) (found Problems) {
	errors.As(err, &found)
	return found
}

// oneOf reports a word that is not among those there are. None said is right:
// there is a default.
func (c *checker) oneOf(field, word string, words ...string) {
	for _, w := range words {
		if word == w {
			return
		}
	}
	if word != "" {
		c.add(field, fmt.Sprintf("%q is not known", word), "use "+strings.Join(words, " or "))
	}
}
