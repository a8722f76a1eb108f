package corpus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"somssi/shared/eventtest/seeds"
)

// row is one input and what must become of it. What it is made of depends on its
// class: see README.md.
type row struct {
	Name, Why string
	Applies   *bool             // false: the house has not got yet what it is aimed at
	Because   string            // it does not apply
	Want      string            // accepted; refused, where it is not said
	At        map[string]string // a door at which it must go otherwise
	Differs   string            // why it does
	Doors     []string          // the only ones it fits
	Status    []int             // answers, one of which must come; 0 is none at all

	Send    seeds.Text // A: the bytes of a connection
	Then    string     // hang up, or wait
	Gateway []int      // where the gateway's answers are others
	Two     bool       // at the gateway, which needs not close, the second request is one of its own right

	Attributes map[string]json.RawMessage // B: of an event that is good without them
	Headers    [][2]seeds.Text            // further ones
	Many       int                        // extensions

	Body *seeds.Text // C
	Type string      // of the body

	Record *record // D
	Fetch  string  // what is broken in a broker's answer

	Field          string          // E, F, G: of a message that is good without it
	Value          json.RawMessage // as JSON; a list or object of Text where that is one
	Raw            seeds.Text      // where it is no JSON
	Missing, Twice bool
	As, Beside     string // another name, instead and beside
	Digits         bool   // the number in a string
	Forms          []string
	Stored         seeds.Text // where it is not the value itself

	Request *request        // I, and others that are aimed at one path
	Token   json.RawMessage // "none", or how it is forged

	Address string  // H
	Stress  *stress // J

	input string // all of it that is sent, as it is written
}

type record struct {
	Key, Value  *seeds.Text
	Headers     [][2]*seeds.Text
	Many        int // headers
	Timestamp   int64
	Compression string
	Transaction string // abort or commit
}

type request struct {
	Method, Path string
	Headers      [][2]seeds.Text
	Body         seeds.Text
}

// classes in the order they are sent: those first that count what is logged.
const classes = "BCDEFGAHIJ"

// sizes are those of the classes: rows are added here, too, on purpose.
var sizes = map[rune]int{'A': 60, 'B': 80, 'C': 90, 'D': 60, 'E': 150, 'F': 100, 'G': 160, 'H': 60, 'I': 80, 'J': 40}

func rows(t *testing.T, class rune) (all []row) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + string(class) + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var r row
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil {
			t.Fatalf("%s: %v\n%.300s", string(class), err, line)
		}
		var input map[string]json.RawMessage
		if err := json.Unmarshal(line, &input); err != nil {
			t.Fatal(err)
		}
		for _, told := range []string{"name", "why", "differs"} {
			delete(input, told)
		}
		r.input = fmt.Sprintf("%s", input)
		all = append(all, r)
	}
	return all
}

// want is the verdict at a door.
func (r row) want(door string) string {
	switch {
	case r.At[door] != "":
		return r.At[door]
	case r.Want != "":
		return r.Want
	}
	return "refused"
}

func (r row) fits(door string) bool {
	return r.Doors == nil || strings.Contains(strings.Join(r.Doors, " "), door)
}

// Each row has a name of its own in its class and a reason of its own, and says
// why where it does not apply or where doors differ.
func TestRows(t *testing.T) {
	for _, class := range classes {
		names, inputs := map[string]bool{}, map[string]string{}
		all := rows(t, class)
		if len(all) != sizes[class] {
			t.Errorf("%s has %d rows, want %d", string(class), len(all), sizes[class])
		}
		for _, r := range all {
			if r.Name == "" || strings.ContainsAny(r.Name, " /") || names[r.Name] {
				t.Errorf("%s/%s: the name is none, is there twice, or no test can be run by it", string(class), r.Name)
			}
			names[r.Name] = true
			if r.Why == "" || r.Applies != nil && r.Because == "" || (len(r.At) > 0) && r.Differs == "" {
				t.Errorf("%s/%s has no reason", string(class), r.Name)
			}
			if other := inputs[r.input]; other != "" && r.Applies == nil {
				t.Errorf("%s/%s is the same as %s", string(class), r.Name, other)
			}
			inputs[r.input] = r.Name
		}
	}
}
