package template

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bitten are the warnings of a template, as rule at line:column.
func bitten(t *testing.T, text string) (all []string) {
	t.Helper()
	r := newReport("t", []byte(text))
	found, root := r.load("")
	if err := r.problems(); err != nil {
		t.Fatal(err)
	}
	bites{r, root, found}.find()
	for _, p := range r.found {
		all = append(all, p.Rule)
	}
	return all
}

// TestBites looks at both sides of each threshold.
func TestBites(t *testing.T) {
	const kept = "retry: 3, backoffPolicy: linear, backoffDelay: 1s, deadLetter: {function: keep-it}"
	const kafka = "kafka: {topics: [t], group: g, from: earliest, "
	const broker = "broker: {topic: t, filters: [{exact: {type: a}}], "
	for _, tc := range []struct{ name, function, want string }{
		{"clean", "triggers: {x: {" + kafka + "delivery: {" + kept + "}}}}", ""},
		{"no delivery", "triggers: {x: {" + kafka + "}}}", "K1"},
		{"latest", "triggers: {x: {kafka: {topics: [t], group: g, from: latest, delivery: {" + kept + "}}}}", "K11"},
		{"exponential that is not said", "triggers: {x: {" + kafka + "delivery: {retry: 1, backoffDelay: 1s, deadLetter: {function: keep-it}}}}}", "K3"},
		{"exponential that is said", "triggers: {x: {" + kafka + "delivery: {retry: 1, backoffPolicy: exponential, backoffDelay: 1s, deadLetter: {function: keep-it}}}}}", ""},
		{"no dead letter", "triggers: {x: {" + kafka + "delivery: {retry: 0}}}}", "K5"},
		{"ordered for 2 minutes", "triggers: {x: {" + kafka + "delivery: {retry: 15, backoffPolicy: linear, backoffDelay: 1s, deadLetter: {function: keep-it}}}}}", ""},
		{"ordered beyond", "triggers: {x: {" + kafka + "delivery: {retry: 15, backoffPolicy: linear, backoffDelay: 1100ms, deadLetter: {function: keep-it}}}}}", "K13"},
		{"unordered for as long", "triggers: {x: {" + kafka + "ordering: unordered, delivery: {retry: 15, backoffPolicy: linear, backoffDelay: 1100ms, deadLetter: {function: keep-it}}}}}", ""},
		{"unordered for 10 minutes", "triggers: {x: {" + kafka + "ordering: unordered, delivery: {retry: 24, backoffPolicy: linear, backoffDelay: 2s, deadLetter: {function: keep-it}}}}}", ""},
		{"unordered beyond", "triggers: {x: {" + kafka + "ordering: unordered, delivery: {retry: 24, backoffPolicy: linear, backoffDelay: 2100ms, deadLetter: {function: keep-it}}}}}", "K13"},
		{"unordered without end", "triggers: {x: {" + kafka + "ordering: unordered, delivery: {retry: 30000, backoffPolicy: exponential, backoffDelay: 1d, deadLetter: {function: keep-it}}}}}", "K13"},
		{"a timeout as long as Serving's", "triggers: {x: {" + kafka + "delivery: {timeout: 5m, " + kept + "}}}}", ""},
		{"a longer one", "triggers: {x: {" + kafka + "delivery: {timeout: 301s, " + kept + "}}}}", "K14"},
		{"a longer one that the function has too", "timeout: 10m, triggers: {x: {" + kafka + "delivery: {timeout: 10m, " + kept + "}}}}", ""},
		{"ordered, one replica", "scale: {max: 1, concurrency: 50}, triggers: {x: {" + kafka + "delivery: {" + kept + "}}}}", ""},
		{"ordered, as many as partitions", "scale: {max: 3, concurrency: 2}, triggers: {x: {" + kafka + "delivery: {" + kept + "}}}}", ""},
		{"ordered, more", "scale: {max: 7}, triggers: {x: {" + kafka + "delivery: {" + kept + "}}}}", "K12"},
		{"ordered, more by concurrency", "scale: {max: 2, concurrency: 4}, triggers: {x: {" + kafka + "delivery: {" + kept + "}}}}", "K12"},
		{"ordered, more for another trigger", "scale: {max: 7}, triggers: {x: {" + kafka + "delivery: {" + kept + "}}}, y: {http: {path: /}}}", ""},
		{"unordered, more", "scale: {max: 700}, triggers: {x: {" + kafka + "ordering: unordered, delivery: {" + kept + "}}}}", ""},
		{"broker", "publishes: [t], triggers: {x: {" + broker + "delivery: {" + kept + "}}}}", ""},
		{"broker, no delivery", "publishes: [t], triggers: {x: {" + broker + "}}}", "K5"},
		{"broker, no filter", "publishes: [t], triggers: {x: {broker: {topic: t, filter: {attributes: {type: \"\"}}, delivery: {" + kept + "}}}}", "K8"},
		{"broker, older filter", "publishes: [t], triggers: {x: {broker: {topic: t, filter: {attributes: {type: a}}, delivery: {" + kept + "}}}}", ""},
		{"broker, others write", "triggers: {x: {" + broker + "delivery: {" + kept + "}}}}", "K9"},
		{"broker, ordered", "publishes: [t], scale: {max: 7}, triggers: {x: {" + broker + "ordering: ordered, delivery: {" + kept + "}}}}", "K12"},
		{"broker beside an ordered source", "publishes: [t], triggers: {x: {" + broker + "delivery: {" + kept + "}}}, y: {" + kafka + "delivery: {" + kept + "}}}}", "K11"},
		{"broker beside an unordered source", "publishes: [t], triggers: {x: {" + broker + "delivery: {" + kept + "}}}, y: {" + kafka + "ordering: unordered, delivery: {" + kept + "}}}}", ""},
		{"broker that says unordered", "publishes: [t], triggers: {x: {" + broker + "ordering: unordered, delivery: {" + kept + "}}}, y: {" + kafka + "delivery: {" + kept + "}}}}", ""},
	} {
		text := "version: 1\ntopics: {t: {partitions: 6}}\nfunctions:\n  keep-it: {}\n  do-it: {" + strings.ReplaceAll(tc.function, ", }", "}") + "}\n"
		want(t, tc.name, strings.Join(bitten(t, text), " "), tc.want)
	}
}

// TestBites_globals tells once of what many triggers have from globals, where it is written.
func TestBites_globals(t *testing.T) {
	got := bitten(t, `
version: 1
globals: {delivery: {retry: 9, backoffDelay: 500ms, timeout: 600s}}
topics: {t: {}}
functions:
  do-it: {triggers: {x: {kafka: {topics: [t], group: a, from: earliest}}, y: {kafka: {topics: [t], group: a, from: earliest}}}}
`)
	want(t, "warnings", strings.Join(got, " "), "K3 K5 K13 K14")
}

// TestBites_environment looks at what an environment makes of the file, in the place where it is written.
func TestBites_environment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "template.yaml")
	text := `version: 1
topics: {t: {}}
functions:
  keep-it: {}
  do-it: {triggers: {x: {kafka: {topics: [t], group: a, from: earliest, delivery: {retry: 3, backoffPolicy: linear, backoffDelay: 1s, deadLetter: {function: keep-it}}}}}}
environments:
  prod: {functions: {do-it: {triggers: {x: {kafka: {from: latest}}}}}}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for env, expected := range map[string]string{"": "", "local": "", "prod": ":7:59 warning K11 "} {
		_, found, err := Check(file, env)
		if err != nil || (expected == "") != (len(found) == 0) || !strings.Contains(found.Error(), expected) {
			t.Errorf("environment %q: %v, %v", env, found, err)
		}
	}
}

func TestSchedule(t *testing.T) {
	source := Delivery{Retry: 10, BackoffPolicy: "exponential", BackoffDelay: Duration(300 * time.Millisecond), Timeout: Duration(600 * time.Second)}
	want(t, "the first wait of a KafkaSource", source.Wait(1), 600*time.Millisecond)
	want(t, "its waits", source.Waits(), 613800*time.Millisecond)
	want(t, "its longest", source.Longest(), 613800*time.Millisecond+11*600*time.Second)
	linear := Delivery{Retry: 3, BackoffPolicy: "linear", BackoffDelay: Duration(time.Second)}
	wantJSON(t, "linear tries", linear.Tries(), "[0,1000000000,3000000000,6000000000]")
	want(t, "no retry", Delivery{BackoffPolicy: "exponential"}.Waits(), 0)
	want(t, "no end", Delivery{Retry: mostNumber, BackoffPolicy: "exponential", BackoffDelay: Duration(day)}.Longest(), Forever)
	want(t, "no delay", Delivery{Retry: mostNumber, BackoffPolicy: "exponential"}.Waits(), 0)
}

// TestCheck tells errors and warnings in the order of the file, and has a template only without errors.
func TestCheck(t *testing.T) {
	got, found, err := Check("../testdata/footguns.yaml", "")
	if err != nil || got != nil || found.Count(LevelError) == 0 || found.Count(LevelWarning) == 0 {
		t.Fatalf("got %v, %v, %v", got, found, err)
	}
	for i := 1; i < len(found); i++ {
		if found[i].Line < found[i-1].Line {
			t.Errorf("%v comes after line %d", found[i], found[i-1].Line)
		}
	}
	if _, err := Load("../testdata/footguns.yaml", ""); err == nil || strings.Contains(err.Error(), LevelWarning) {
		t.Errorf("Load tells of warnings: %v", err)
	}
	if _, _, err := Check("testdata/there-is-none.yaml", ""); err == nil {
		t.Error("a file that is not there is read")
	}
	for _, env := range []string{"", "local"} {
		got, found, err = Check("../../template.yaml", env)
		if err != nil || got == nil || len(found) > 0 {
			t.Errorf("the project's own, environment %q: %v, %v", env, found, err)
		}
	}
}
