package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"somssi/local/harness"
	"somssi/local/source"
	"somssi/local/template"
)

func (c *cli) triggersOf(topic string) (all []triggerName, err error) {
	root, err := c.root()
	if err != nil {
		return nil, err
	}
	t, err := template.Load(filepath.Join(root, "template.yaml"), "local")
	if err != nil {
		return nil, err
	}
	for _, function := range t.Names() {
		triggers := t.Functions[function].Triggers
		for _, name := range slices.Sorted(maps.Keys(triggers)) {
			k, b := triggers[name].Kafka, triggers[name].Broker
			if k != nil && slices.Contains(k.Topics, topic) || b != nil && b.Topic == topic {
				all = append(all, triggerName{function, name})
			}
		}
	}
	return all, nil
}

// expectations reads --expect: a fate for all, or function=fate by commas.
func expectations(text string, triggers []triggerName) (map[triggerName][]string, error) {
	expected := map[triggerName][]string{}
	for _, t := range triggers {
		expected[t] = []string{source.Done, source.Filtered}
	}
	if text == "" {
		return expected, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		who, fate, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			who, fate = "", who
		}
		fate = strings.ReplaceAll(strings.Trim(fate, `"' `), "-", " ")
		if !slices.Contains(harness.Fates(), fate) {
			return nil, fmt.Errorf("--expect %s: the fates are %s", part, strings.Join(harness.Fates(), ", "))
		}
		found := false
		for _, t := range triggers {
			if !named || who == t.function || who == t.String() {
				expected[t], found = []string{fate}, true
			}
		}
		if !found {
			return nil, fmt.Errorf("--expect %s: no such function has a trigger on this topic; there are %v", part, triggers)
		}
	}
	return expected, nil
}
