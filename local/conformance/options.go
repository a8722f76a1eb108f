package conformance

import (
	"maps"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/filter"
	"somssi/local/knative"
)

// The options of rows. Those that change a dispatcher change all that the case
// has up to there.

// retry tries again so many times, with the shortest waits that there are.
func retry(n int32) option { return backoff(n, "linear", "PT0.1S") }

func backoff(n int32, policy, delay string) option {
	return func(s *setup) {
		for _, w := range s.ways {
			d := w.delivery()
			d.Retry, d.BackoffPolicy, d.BackoffDelay = &n, policy, delay
		}
	}
}

// dead gives the dispatcher a dead letter sink, named dead.
func dead(s *setup) {
	for _, w := range s.ways {
		w.delivery().DeadLetterSink = &knative.Destination{URI: s.url("dead")}
	}
}

func timeout(d string) option {
	return func(s *setup) {
		for _, w := range s.ways {
			w.delivery().Timeout = d
		}
	}
}

// ordering is ordered, unordered, or empty for the default of the profile.
func ordering(o string) option {
	return func(s *setup) {
		for _, w := range s.ways {
			switch {
			case w.source != nil:
				w.source.Spec.Ordering = o
			case o == "":
				delete(w.trigger.Meta.Annotations, knative.OrderAnnotation)
			default:
				w.trigger.Meta.Annotations[knative.OrderAnnotation] = o
			}
		}
	}
}

// partitions gives each topic so many.
func partitions(n int32) option {
	return func(s *setup) {
		for i := range s.topics {
			s.topics[i].partitions = n
		}
	}
}

func keyType(label string) option {
	return func(s *setup) {
		for _, w := range s.ways {
			w.source.Meta.Labels = map[string]string{knative.KeyTypeLabel: label}
		}
	}
}

// another adds one more that dispatches, to the sink named sink and then as here.
// The options change only that one.
func another(name string, change ...option) option {
	return func(s *setup) {
		s.addWay(name)
		all := s.ways
		s.ways = all[len(all)-1:]
		for _, c := range change {
			c(s)
		}
		s.ways = all
	}
}

// secondTopic lets the KafkaSource read one more topic.
func secondTopic(name string) option {
	return func(s *setup) {
		t := topic{name: s.name(name), partitions: 1}
		s.topics = append(s.topics, t)
		s.ways[0].source.Spec.Topics = append(s.ways[0].source.Spec.Topics, t.name)
	}
}

func overrides(extensions map[string]string) option {
	return func(s *setup) {
		for _, w := range s.ways {
			if w.source != nil {
				w.source.Spec.CEOverrides = &knative.CEOverrides{Extensions: maps.Clone(extensions)}
			} else {
				w.overrides = maps.Clone(extensions)
			}
		}
	}
}

// latest begins at the end, which a Trigger always does.
func latest(s *setup) {
	for _, w := range s.ways {
		if w.source != nil {
			w.source.Spec.InitialOffset = "latest"
		}
	}
}

// sinkPath puts the sink at a path of its own below the case's.
func sinkPath(path string) option {
	return func(s *setup) { s.ways[0].sink().URI = s.url(path) }
}

// preceded writes records before the dispatcher is there.
func preceded(records ...*kgo.Record) option {
	return func(s *setup) {
		for _, r := range records {
			s.before = append(s.before, step{write: r})
		}
	}
}

// sinkURL is a sink that is none of the suite's.
func sinkURL(u string) option {
	return func(s *setup) { s.ways[0].sink().URI = u }
}

// lateSink is a sink, named late, at which nobody listens until openLate.
func lateSink(s *setup) {
	s.ways[0].sink().URI = "http://" + s.late() + "/" + s.id + "/late"
}

// byCommit is for cases in which a further record would not arrive.
func byCommit(s *setup) { s.byCommit = true }

// exactly lets a trigger pass only events with that attribute.
func exactly(attribute, value string) option {
	return func(s *setup) {
		s.byCommit = true
		for _, w := range s.ways {
			w.trigger.Spec.Filter = &knative.TriggerFilter{Attributes: map[string]string{attribute: value}}
		}
	}
}

// brokerDelivery is for the triggers that have none.
func brokerDelivery(retry int32, deadLetterSink string) option {
	return func(s *setup) {
		s.ways[0].broker.Spec.Delivery = &knative.Delivery{
			Retry: &retry, BackoffPolicy: "linear", BackoffDelay: "PT0.1S", DeadLetterSink: &knative.Destination{URI: s.url(deadLetterSink)},
		}
	}
}

// filtered gives the triggers these filters.
func filtered(filters ...filter.Spec) option {
	return func(s *setup) {
		s.byCommit = true
		for _, w := range s.ways {
			w.trigger.Spec.Filters = filters
		}
	}
}

// consumers is spec.consumers of a KafkaSource.
func consumers(n int32) option {
	return func(s *setup) { s.ways[0].source.Spec.Consumers = &n }
}

// unstarted leaves it to the case to start what dispatches.
func unstarted(s *setup) { s.unstarted = true }

// patient retries for long, so that also a dispatcher that was there before the
// sinks delivers what preceded.
func patient(s *setup) { backoff(200, "linear", "PT0.1S")(s) }

// committedBefore lets the group of a way have a commit.
func committedBefore(way int, offset int64) option {
	return func(s *setup) { s.before = append(s.before, step{commit: &commit{way, offset}}) }
}

// trimmedBefore deletes the records before offset.
func trimmedBefore(offset int64) option {
	return func(s *setup) { s.before = append(s.before, step{trim: &offset}) }
}
