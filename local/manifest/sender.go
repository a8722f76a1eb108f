package manifest

import (
	"slices"
	"strings"

	"somssi/local/knative"
	"somssi/local/template"
)

// Subject is who a trigger's source is in the tokens that it sends; empty for requests of people.
func Subject(t *template.Template, function, trigger string) string {
	name := meta(t, function, trigger).Name
	switch spec := t.Functions[function].Triggers[trigger]; {
	case spec.Kafka != nil:
		return knative.Subject("KafkaSource", t.Namespace, name)
	case spec.Broker != nil:
		return knative.Subject("Trigger", t.Namespace, name)
	case spec.Cron != nil:
		return knative.Subject("PingSource", t.Namespace, name)
	}
	return ""
}

// Senders are the subjects of those who send to a function, sorted: its own sources, and those whose dead letters it keeps.
func Senders(t *template.Template, function string) (all []string) {
	for _, name := range t.Names() {
		for trigger, spec := range t.Functions[name].Triggers {
			var dead string
			switch {
			case spec.Kafka != nil:
				dead = spec.Kafka.Delivery.DeadLetter.Function
			case spec.Broker != nil:
				dead = spec.Broker.Delivery.DeadLetter.Function
			}
			if subject := Subject(t, name, trigger); subject != "" && (name == function || dead == function) {
				all = append(all, subject)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// SenderEnv is what a function knows its senders by, of tokens of an issuer; nil where it lets everybody send.
func SenderEnv(t *template.Template, function, issuer string) map[string]string {
	all := Senders(t, function)
	if t.Sender.Tokens != template.TokensRequired || len(all) == 0 {
		return nil
	}
	return map[string]string{
		"SENDER_ISSUER": issuer, "SENDER_AUDIENCE": knative.Audience(function, t.Namespace), "SENDER_SUBJECTS": strings.Join(all, ","),
	}
}

// Sink is a function as a destination, with whom a token for it is for.
func Sink(t *template.Template, function string) knative.Destination {
	d := knative.Service(function)
	if t.Sender.Tokens != template.TokensNone {
		d.Audience = knative.Audience(function, t.Namespace)
	}
	return d
}
