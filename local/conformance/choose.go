package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Options say which cases are run, and with whom.
type Options struct {
	// Kafka is its address as connect.Kafka takes it, split at the commas; none is an embedded Kafka, which only the
	// twin in this process can reach.
	Kafka []string
	// Listen is the address at which the sinks are, host and port; the two ports
	// after it are used too. Empty is a free one of this machine.
	Listen string
	// Prefix begins the names of all topics, groups and resources. Empty is a
	// random one in this process, else "conformance".
	Prefix string
	// Namespace is that of all resources; empty is "conformance".
	Namespace string
	// Select are ids of cases, beginnings of ids, or sections; empty is all.
	Select []string
	// External leaves the dispatching to another process that was set up from
	// the plan.
	External bool
	// Cluster gives the resources of each case to the cluster that kubectl talks
	// to, and removes them after it.
	Cluster bool
	// Wait is how long each thing that must come is waited for. 0 is 60 s in
	// this process and 90 s elsewhere.
	Wait time.Duration
	// Done, unless nil, is told of each result as it comes.
	Done func(r Result, all int)
}

// Selected are the cases that the selectors name. A selector that names none is
// an error.
func Selected(selectors []string) ([]Case, error) {
	all := Cases()
	if len(selectors) == 0 {
		return all, nil
	}
	chosen := map[string]bool{}
	for _, s := range selectors {
		found := false
		for _, c := range all {
			if strings.HasPrefix(c.ID, strings.ToUpper(s)) || c.Section == s {
				chosen[c.ID], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("no case and no section is called %q: see --list", s)
		}
	}
	return slices.DeleteFunc(all, func(c Case) bool { return !chosen[c.ID] }), nil
}

func (o Options) withDefaults() Options {
	if o.Namespace == "" {
		o.Namespace = "conformance"
	}
	if o.Prefix == "" {
		o.Prefix = "conformance"
		if !o.External {
			o.Prefix += "-" + uuid.NewString()[:8]
		}
	}
	if o.Wait == 0 {
		o.Wait = 60 * time.Second
		if o.External || o.Cluster {
			o.Wait = 90 * time.Second
		}
	}
	return o
}
