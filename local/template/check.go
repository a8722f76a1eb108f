package template

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// checker finds what is wrong between values that are right each by itself.
type checker struct {
	*report
	root   *node
	t      *Template
	paths  map[string]owner
	groups map[string]owner
}

// owner is the function that took an HTTP path or a consumer group first.
type owner struct {
	function string
	line     int
}

// check reads a tree into a template and reports all that is wrong with it.
func check(r *report, root *node) *Template {
	t := decode(r, root)
	c := checker{report: r, root: root, t: t, paths: map[string]owner{}, groups: map[string]owner{}}
	c.env(root.get("globals", "env"))
	c.deliveryValues(t.Globals.Delivery, func(key string) *node { return root.get("globals", "delivery", key) })
	for _, n := range root.get("functions").entries() {
		c.function(n, t.Functions[n.key])
	}
	c.people()
	return t
}

func (c checker) function(n *node, f Function) {
	c.env(n.get("env"))
	c.topics(n.get("publishes"))
	globals := c.root.get("globals")
	if s := f.Scale; s.Max > 0 && s.Min > s.Max {
		at := cmp.Or(n.get("scale", "min"), n.get("scale", "max"), globals.get("scale", "min"), globals.get("scale", "max"))
		c.add(at.keyAt, ruleNumber, fmt.Sprintf("scale min %d is more than max %d", s.Min, s.Max), "raise max, or lower min")
	}
	if rest := time.Duration(f.Timeout) % time.Second; rest != 0 {
		at := cmp.Or(n.get("timeout"), globals.get("timeout"))
		c.cut(at, f.Timeout, time.Second, "seconds")
	}
	triggers := n.get("triggers")
	for _, name := range slices.Sorted(maps.Keys(f.Triggers)) {
		c.trigger(n.key, triggers.get(name), f.Triggers[name])
	}
}

func (c checker) trigger(function string, n *node, t Trigger) {
	kinds := keys(fields(reflect.TypeFor[Trigger]()))
	var found []*node
	for _, item := range n.items {
		if slices.Contains(kinds, item.key) {
			found = append(found, item)
		}
	}
	// A key that is not known has been reported, and is likely the kind misspelt.
	if n.kind == mapping && len(n.items) == 0 {
		c.add(n.keyAt, ruleOneKind, n.path()+" says nothing of what sets the function off", didYouMean("", kinds, "add one of "))
	}
	if len(found) > 1 {
		c.add(found[1].keyAt, ruleOneKind, fmt.Sprintf("%s is both %s and %s", n.path(), found[0].key, found[1].key), "give each a trigger of its own")
	}
	if c.t.Functions[function].Stream && t.HTTP == nil && len(found) > 0 {
		c.add(found[0].keyAt, ruleStream, fmt.Sprintf("%s is set off by %s, and %s answers with streams", n.path(), found[0].key, clip(function)), "make it a function of its own")
	}
	if t.HTTP != nil {
		c.taken(c.paths, function, n.get("http", "path"), rulePathTaken, "give it a path of its own, or serve both from one function")
	}
	if t.Cron != nil {
		c.cron(n.get("cron"))
	}
	if t.Broker != nil {
		c.topic(n.get("broker", "topic"))
		c.filters(n.get("broker"), *t.Broker)
		c.delivery(function, n.get("broker"), &t.Broker.Delivery)
	}
	if t.Kafka != nil {
		c.topics(n.get("kafka", "topics"))
		c.taken(c.groups, function, n.get("kafka", "group"), ruleGroupTaken, "give it a group of its own: in one group each sees only a part of the events")
		c.delivery(function, n.get("kafka"), &t.Kafka.Delivery)
	}
}

// people reports functions for people that events are sent to, too: a person has no token of a source.
func (c checker) people() {
	if c.t.Sender.Tokens != TokensRequired {
		return
	}
	events := map[string]bool{}
	for name, f := range c.t.Functions {
		for _, t := range f.Triggers {
			events[name] = events[name] || t.HTTP == nil
			if t.Kafka != nil {
				events[t.Kafka.Delivery.DeadLetter.Function] = true
			}
			if t.Broker != nil {
				events[t.Broker.Delivery.DeadLetter.Function] = true
			}
		}
	}
	for _, n := range c.root.get("functions").entries() {
		for _, trigger := range n.get("triggers").entries() {
			if http := trigger.get("http"); http != nil && events[n.key] {
				c.add(http.keyAt, ruleSender, fmt.Sprintf("%s is for people, and with sender.tokens required %s takes only what sources send", http.path(), clip(n.key)), "make it a function of its own")
			}
		}
	}
}

// topics reports names in a list that are no topics of the file.
func (c checker) topics(n *node) {
	if n == nil || n.kind != list {
		return
	}
	for _, item := range n.items {
		c.topic(item)
	}
}

// topic reports a name that is no topic of the file.
func (c checker) topic(n *node) {
	if n == nil || n.kind != text {
		return
	}
	name := n.value.(string)
	if _, declared := c.t.Topics[name]; !declared {
		c.add(n.at, ruleTopic, fmt.Sprintf("%s names topic %q, which is not declared", cmp.Or(n.listPath(), n.path()), clip(name)),
			didYouMean(name, slices.Sorted(maps.Keys(c.t.Topics)), "add it under topics; there are "))
	}
}

// taken reports a word that another function took before.
func (c checker) taken(by map[string]owner, function string, n *node, rule, fix string) {
	if n == nil || n.kind != text {
		return
	}
	word := n.value.(string)
	first, ok := by[word]
	if !ok {
		by[word] = owner{function, n.at.line}
		return
	}
	if first.function != function {
		c.add(n.at, rule, fmt.Sprintf("%s %q is that of %s on line %d", n.key, clip(word), clip(first.function), first.line), fix)
	}
}

// env reports variables that Knative sets itself, and whose Service it would refuse.
func (c checker) env(n *node) {
	for _, item := range n.entries() {
		if slices.Contains([]string{"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"}, item.key) {
			c.add(item.keyAt, ruleName, fmt.Sprintf("%s is set by Knative itself", item.key), "remove it, or use another name")
		}
	}
}
