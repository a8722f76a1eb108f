package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	house "somssi/local/template"
)

// user is a principal of Kafka, with no more than it needs.
type user struct {
	Name, Namespace, Strimzi, Why string
	Rules                         []rule
}

// rule lets a user do something with a topic or group.
type rule struct {
	Type, Name, Pattern string
	Operations          []string
}

// renderUsers are the principals of a function: itself where it writes, and each
// of its sources, which read for it. None may make, change or delete a topic.
func renderUsers(t *house.Template, name string, reads map[string]bool) (string, error) {
	f, all := t.Functions[name], []user{}
	if len(f.Publishes) > 0 != reads[house.KafkaBrokers] {
		return "", fmt.Errorf("functions.%s publishes %v in template.yaml, and its code opens a producer: %t; let the one follow the other", name, f.Publishes, reads[house.KafkaBrokers])
	}
	if t.Kafka.Strimzi == "" {
		return "", nil
	}
	if len(f.Publishes) > 0 {
		u := user{Name: name, Why: "Who " + name + " is when it writes. An idempotent producer needs no more since Kafka 3.0."}
		for _, topic := range slices.Sorted(slices.Values(f.Publishes)) {
			u.Rules = append(u.Rules, rule{"topic", topic, "literal", []string{"Describe", "Write"}})
		}
		all = append(all, u)
	}
	for _, trigger := range slices.Sorted(maps.Keys(f.Triggers)) {
		switch spec := f.Triggers[trigger]; {
		case spec.Kafka != nil:
			u := user{Name: name + "-" + trigger, Why: "Who its source is, which reads for it."}
			for _, topic := range spec.Kafka.Topics {
				u.Rules = append(u.Rules, rule{"topic", topic, "literal", []string{"Describe", "Read"}})
			}
			u.Rules = append(u.Rules, rule{"group", spec.Kafka.Group, "literal", []string{"Read"}})
			all = append(all, u)
		case spec.Broker != nil:
			return "", fmt.Errorf("%s/%s is a broker trigger, and what a Broker logs in to Kafka with is no Secret that Strimzi writes: make it a kafka trigger, or leave kafka.strimzi out", name, trigger)
		}
	}
	var text strings.Builder
	for _, u := range all {
		u.Namespace, u.Strimzi = t.Namespace, t.Kafka.Strimzi
		one, err := execute("kafkauser.yaml", u)
		if err != nil {
			return "", err
		}
		text.WriteString(one)
	}
	return text.String(), nil
}
