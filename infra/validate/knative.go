package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"
	"knative.dev/pkg/apis"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"somssi/local/knative"
)

// webhook is a resource as Knative's webhooks see it.
type webhook interface {
	apis.Defaultable
	apis.Validatable
}

// admit judges as Knative's webhook would at the creation of an object, in a
// cluster whose settings are those that Knative comes with.
func (c *checker) admit(o *object, r webhook) bool {
	if !c.decode(o, r) {
		return false
	}
	ctx := apis.WithinCreate(context.Background())
	r.SetDefaults(ctx)
	found := r.Validate(ctx).Filter(apis.ErrorLevel)
	if found == nil {
		return true
	}
	all := found.WrappedErrors()
	for _, e := range all {
		if len(e.Paths) == 0 && len(all) > 1 {
			continue // it says of a field that is told what turns it on
		}
		what, field := e.Message, ""
		if e.Details != "" {
			what += " (" + strings.Join(strings.Fields(e.Details), " ") + ")"
		}
		if len(e.Paths) > 0 {
			field = e.Paths[0]
		}
		if len(e.Paths) > 1 {
			what += ", here or in " + strings.Join(e.Paths[1:], ", ")
		}
		if strings.HasPrefix(field, "eventing.knative.dev/") { // an annotation, told without its path
			field = join("metadata.annotations", field)
		}
		c.at(o, ruleKnative, field, what, explainFix)
	}
	return false
}

func (c *checker) knativeService(o *object) {
	s := &servingv1.Service{}
	written, err := convert[servingv1.Service](o.value) // without defaults: Pod Security sees no more
	if !c.admit(o, s) || err != nil {
		return
	}
	t := &written.Spec.Template
	for i := range t.Spec.Containers { // Knative names them, or Pod Security could not tell one from another
		if t.Spec.Containers[i].Name == "" {
			t.Spec.Containers[i].Name = s.Spec.Template.Spec.Containers[i].Name
		}
	}
	c.pod(o, "spec.template", podTemplate(t))
}

func (c *checker) pingSource(o *object) { c.admit(o, &sourcesv1.PingSource{}) }

func (c *checker) trigger(o *object) {
	if c.admit(o, &eventingv1.Trigger{}) {
		c.kafka(o)
	}
}

func (c *checker) broker(o *object) {
	if c.admit(o, &eventingv1.Broker{}) {
		c.kafka(o)
	}
}

// isA is what knative.Read says of a value of another type.
var isA = regexp.MustCompile(`^is a (text|number|boolean|mapping|list|null)$`)

// kafka judges by the types that the harness runs by: a KafkaSource, whose module
// is not published whole, and what a Trigger or a Broker of class Kafka is beside.
func (c *checker) kafka(o *object) {
	text, err := json.Marshal(o.value)
	if err != nil {
		c.at(o, ruleSyntax, "", err.Error(), "write it as YAML, one mapping a document")
		return
	}
	all, err := knative.Read(text)
	if err == nil && len(all) == 1 {
		err = all[0].Validate()
	}
	var found knative.Problems
	if err != nil && !errors.As(err, &found) {
		c.at(o, ruleKafka, "", err.Error(), fmt.Sprintf("see %s in infra/README.md", o.kind))
	}
	for _, p := range found {
		rule := ruleKafka
		switch {
		case strings.Contains(p.What, "no field that there is"):
			rule = ruleUnknown
		case isA.MatchString(p.What):
			rule = ruleType
		}
		c.at(o, rule, p.Field, p.What, p.Fix)
	}
}
