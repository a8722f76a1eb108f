package main

import (
	"cmp"
	"fmt"
	"slices"
)

// The rules, as they stand in a problem.
const (
	ruleSyntax    = "syntax"       // it is no YAML, or no manifest
	ruleDuplicate = "duplicate"    // a key twice in a mapping, an object twice in what is applied
	ruleKind      = "kind"         // nothing here knows such objects
	ruleUnknown   = "unknown"      // a field that the API server would refuse or drop
	ruleType      = "type"         // a value that the field can not hold
	ruleMeta      = "meta"         // names, labels, annotations
	ruleKnative   = "knative"      // what Knative's webhook refuses
	ruleKafka     = "kafka"        // what the Kafka source refuses, or takes and never delivers
	ruleSecurity  = "pod-security" // what a namespace with Pod Security restricted refuses
	rulePod       = "pod"          // what the API server refuses in a pod
	ruleCore      = "core"         // what it refuses in kinds of its own
	ruleSchema    = "schema"       // what the schema of a CustomResourceDefinition refuses
	rulePromQL    = "promql"       // what Prometheus refuses in a rule
	ruleKustomize = "kustomize"    // what kubectl apply -k refuses
	ruleReference = "reference"    // an object that is named and not there
	ruleSecret    = "secret"       // a Secret that nobody is told to make
	ruleSelector  = "selector"     // a selector that selects nothing
	ruleImage     = "image"        // an image without a registry or a version
)

// problem is one thing that is wrong, where it is, and how to mend it.
type problem struct {
	file      string // from the root of the repository
	line, col int    // from 1
	rule      string
	object    string // kind/name
	field     string // such as spec.template.spec.containers[0].image; empty is all of it
	what, fix string
}

func (p problem) String() string {
	return fmt.Sprintf("%s:%d:%d error %s %s %s: %s; %s", p.file, p.line, p.col, p.rule, p.object, cmp.Or(p.field, "(all)"), p.what, p.fix)
}

// problems are all that are found, each once: what is wrong in a base is wrong in
// each overlay of it.
type problems struct {
	all  []problem
	seen map[problem]bool
}

func (ps *problems) add(p problem) {
	if ps.seen[p] {
		return
	}
	if ps.seen == nil {
		ps.seen = map[problem]bool{}
	}
	ps.seen[p] = true
	ps.all = append(ps.all, p)
}

// at adds what is wrong with a field of an object, where that is written.
func (ps *problems) at(o *object, rule, field, what, fix string) {
	d, line, col := o.find(field)
	ps.add(problem{d.file, line, col, rule, o.kind + "/" + o.name, field, what, fix})
}

func (ps *problems) sorted() []problem {
	slices.SortStableFunc(ps.all, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.col, b.col))
	})
	return ps.all
}
