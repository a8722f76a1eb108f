package template

import "reflect"

// refusal is what to say of a key that one would like to write, and that Knative has no place for.
type refusal struct{ rule, what, fix string }

var dialect = refusal{ruleUnknownKey, "dialects are for filters", "write filters: [{exact: {type: a.b}}], or filter: {attributes: {type: a.b}}"}

// refused are those keys, by the mapping they would stand in.
var refused = map[reflect.Type]map[string]refusal{
	reflect.TypeFor[Kafka](): {
		"filter":  {ruleNoFilter, "a KafkaSource has no filter, every record of its topics is sent to the function", "make it a broker trigger, which filters, or return nil in the handler for what it does not want"},
		"filters": {ruleNoFilter, "a KafkaSource has no filters, every record of its topics is sent to the function", "make it a broker trigger, which filters, or return nil in the handler for what it does not want"},
	},
	reflect.TypeFor[Broker](): {
		"group":  {ruleStart, "a Trigger has no group to choose, Knative names it knative-trigger-<namespace>-<name>", "remove it, or make it a kafka trigger"},
		"from":   {ruleStart, "a Trigger has no start to choose, it begins at the latest record", "remove it, or make it a kafka trigger"},
		"topics": {ruleUnknownKey, "a Broker has one topic", "write topic: name, and a trigger for each topic"},
	},
	reflect.TypeFor[Filter](): {
		"exact": dialect, "prefix": dialect, "suffix": dialect, "all": dialect, "any": dialect, "not": dialect, "cesql": dialect,
	},
	reflect.TypeFor[Cron](): {
		"delivery": {rulePing, "a PingSource has no delivery policy", "remove it, and let the next time make up for one that was missed"},
	},
	reflect.TypeFor[Function](): {
		"run": {ruleRun, "run.kafka of func.yaml consumes inside the function, without retries or dead letters, and skips what fails", "write triggers: {name: {kafka: {topics: [...], group: ..., from: earliest}}}"},
	},
	reflect.TypeFor[Delivery](): {
		"retryAfterMax":  {ruleFeature, "Knative refuses it without the feature delivery-retryafter, and for Kafka does not look at it with it", "remove it: Retry-After is never looked at, retry and backoffDelay say when"},
		"format":         {ruleUnknownKey, "Knative's Kafka source delivers in binary mode always", "remove it"},
		"deadLetterSink": {ruleUnknownKey, "a dead letter sink is a function here", "write deadLetter: {function: name}"},
	},
}
