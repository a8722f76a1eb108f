package main

import (
	"errors"
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

var queries = parser.NewParser(parser.Options{})

// rules judges the rules of Prometheus that an object has: a PrometheusRule, or a
// file of rules, which has groups at its top.
func (c *checker) rules(o *object) {
	groups, path := o.value["groups"], "groups"
	if spec, is := o.value["spec"].(map[string]any); is && o.kind == "PrometheusRule" {
		groups, path = spec["groups"], "spec.groups"
	}
	list, _ := groups.([]any)
	for i, g := range list {
		group, _ := g.(map[string]any)
		c.duration(o, fmt.Sprintf("%s[%d].interval", path, i), group["interval"])
		rules, _ := group["rules"].([]any)
		for k, r := range rules {
			rule, _ := r.(map[string]any)
			c.rule(o, fmt.Sprintf("%s[%d].rules[%d]", path, i, k), rule)
		}
	}
}

func (c *checker) rule(o *object, path string, rule map[string]any) {
	_, alert := rule["alert"].(string)
	record, records := rule["record"].(string)
	if alert == records {
		c.at(o, rulePromQL, path, "is neither an alert nor a record, or both", "give it one of the two names")
	}
	if records && !model.LegacyValidation.IsValidMetricName(record) {
		c.at(o, rulePromQL, path+".record", fmt.Sprintf("%q is no name of a metric", record), "use letters, digits, _ and :")
	}
	c.duration(o, path+".for", rule["for"])
	c.duration(o, path+".keep_firing_for", rule["keep_firing_for"])
	labels, _ := rule["labels"].(map[string]any)
	for name := range labels {
		if !model.LegacyValidation.IsValidLabelName(name) || name == model.MetricNameLabel {
			c.at(o, rulePromQL, join(path+".labels", name), "is no name of a label", "use letters, digits and _")
		}
	}
	_, err := queries.ParseExpr(fmt.Sprint(rule["expr"]))
	var found parser.ParseErrors
	switch {
	case rule["expr"] == nil:
		c.at(o, rulePromQL, path+".expr", "missing", "say what is to be seen")
	case errors.As(err, &found) && len(found) > 0:
		// The first one: the others may follow from it.
		c.at(o, rulePromQL, path+".expr", fmt.Sprintf("at character %d: %v", found[0].PositionRange.Start+1, found[0].Err), "try it in Prometheus")
	case err != nil:
		c.at(o, rulePromQL, path+".expr", err.Error(), "try it in Prometheus")
	}
}

func (c *checker) duration(o *object, field string, value any) {
	if value == nil {
		return
	}
	if _, err := model.ParseDuration(fmt.Sprint(value)); err != nil {
		c.at(o, rulePromQL, field, fmt.Sprintf("%q is no duration", fmt.Sprint(value)), "write it such as 5m or 1h30m")
	}
}
