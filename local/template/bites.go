package template

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// bites finds what is legal and bites.
type bites struct {
	*report
	root *node
	t    *Template
}

func (b bites) find() {
	for _, name := range b.t.Names() {
		f := b.t.Functions[name]
		triggers := b.root.get("functions", name, "triggers")
		for _, trigger := range slices.Sorted(maps.Keys(f.Triggers)) {
			switch t := f.Triggers[trigger]; {
			case t.Kafka != nil:
				b.kafka(name, triggers.get(trigger, "kafka"), *t.Kafka)
			case t.Broker != nil:
				b.broker(name, triggers.get(trigger, "broker"), *t.Broker)
			}
		}
	}
}

func (b bites) kafka(function string, n *node, k Kafka) {
	if from := n.get("from"); k.From == "latest" {
		b.warn(from.at, "K11", "from latest loses the records that were written before the source was ready", "write from: earliest")
	}
	if k.Ordering == "ordered" {
		b.scale(function, n, k.Topics)
	}
	if n.get("delivery") == nil && b.root.get("globals", "delivery") == nil {
		b.warn(n.keyAt, "K1", fmt.Sprintf("no delivery is said: Knative tries %d times over %s, and then the event is lost", k.Delivery.Retry+1, seconds(k.Delivery.Waits())),
			"write delivery in full, here or in globals: {retry: 5, backoffPolicy: linear, backoffDelay: 1s, timeout: 30s, deadLetter: {function: name}}")
		return
	}
	b.delivery(function, n, k.Delivery, k.Ordering)
}

func (b bites) broker(function string, n *node, k Broker) {
	if len(k.Filters) == 0 && !slices.ContainsFunc(slices.Collect(maps.Values(k.Attributes)), func(v string) bool { return v != "" }) {
		b.warn(n.keyAt, "K8", fmt.Sprintf("without a filter %s is sent its own replies: a Trigger writes them to %s, and nothing stops the circle", function, clip(k.Topic)),
			"filter by the type that it wants, as in filters: [{exact: {type: a.b}}]")
	}
	if topic := n.get("topic"); b.t.Topics[k.Topic] != (Topic{}) && !b.published(k.Topic) {
		b.warn(topic.at, "K9", fmt.Sprintf("no function publishes %s, so others write it: a Trigger discards what of it is no CloudEvent, without a trace", clip(k.Topic)),
			"make it a kafka trigger, which wraps such records, or name the topic in publishes of who writes it")
	}
	if k.Ordering == "ordered" {
		b.scale(function, n, []string{k.Topic})
	} else if reader := b.orderedReader(k.Topic); n.get("ordering") == nil && reader != "" {
		b.warn(n.keyAt, "K11", fmt.Sprintf("ordering is not said, so this trigger is unordered, while %s reads %s ordered", reader, clip(k.Topic)),
			"write ordering: unordered if that is meant, else ordering: ordered")
	}
	b.delivery(function, n, k.Delivery, k.Ordering)
}

// published tells whether a function of the file writes a topic.
func (b bites) published(topic string) bool {
	return slices.ContainsFunc(b.t.Names(), func(name string) bool { return slices.Contains(b.t.Functions[name].Publishes, topic) })
}

// orderedReader is a kafka trigger that reads a topic in order, or nothing.
func (b bites) orderedReader(topic string) string {
	for _, name := range b.t.Names() {
		f := b.t.Functions[name]
		for _, trigger := range slices.Sorted(maps.Keys(f.Triggers)) {
			if k := f.Triggers[trigger].Kafka; k != nil && k.Ordering == "ordered" && slices.Contains(k.Topics, topic) {
				return name + "/" + trigger
			}
		}
	}
	return ""
}

// scale looks for replicas that an ordered trigger can never keep busy. One replica alone is none too
// many, and a function that is set off by something else may want them for that.
func (b bites) scale(function string, n *node, topics []string) {
	f, partitions := b.t.Functions[function], 0
	for _, topic := range topics {
		partitions += b.t.Topics[topic].Partitions
	}
	most := f.Scale.Max * max(f.Scale.Concurrency, 1)
	if len(f.Triggers) > 1 || f.Scale.Max < 2 || partitions == 0 || most <= partitions {
		return
	}
	at := cmp.Or(n.get("ordering"), b.root.get("functions", function, "scale", "max"), n)
	b.warn(at.keyAt, "K12", fmt.Sprintf("ordered is one event in flight for each of %d partitions, and %s may scale to %d times %d", partitions, function, f.Scale.Max, max(f.Scale.Concurrency, 1)),
		fmt.Sprintf("write scale: {max: %d}, more partitions, or ordering: unordered", max(partitions/max(f.Scale.Concurrency, 1), 1)))
}

const (
	// A dispatcher that stops waits 2 minutes for what is in flight. Longer schedules do not survive an
	// orderly restart, and an ordered partition stands still from the first try again.
	longOrdered = 2 * time.Minute
	// Out of order an event holds up nothing but itself. Knative's own default, 613.8 s, is too long for
	// that too.
	longUnordered = 10 * time.Minute
	// A request to a function ends after this, unless the function says otherwise.
	servingTimeout = 300 * time.Second
)

func (b bites) delivery(function string, n *node, d Delivery, ordering string) {
	own, globals := n.get("delivery"), b.root.get("globals", "delivery")
	said := func(key string) *node { return cmp.Or(own.get(key), globals.get(key)) }
	if delay := said("backoffDelay"); d.Retry > 0 && delay != nil && said("backoffPolicy") == nil {
		b.warn(delay.keyAt, "K3", fmt.Sprintf("backoffPolicy is not said, so it is exponential: the first retry waits %s, twice the backoffDelay", Duration(d.Wait(1))),
			"write backoffPolicy: exponential if that is meant, else backoffPolicy: linear")
	}
	if d.DeadLetter.Function == "" {
		lost := fmt.Sprintf("is lost after %d tries, or at once if it is answered 400, 401, 422 or the like", d.Retry+1)
		if d.Retry == 0 {
			lost = "that fails once is lost"
		}
		b.warn(cmp.Or(own, globals, n).keyAt, "K5", "there is no deadLetter: an event "+lost,
			"add deadLetter: {function: name}, a function that keeps such events")
	}
	long := map[string]time.Duration{"ordered": longOrdered, "unordered": longUnordered}[ordering]
	if retry := said("retry"); retry != nil && long > 0 && d.Waits() > long {
		held := map[string]string{"ordered": "its partition", "unordered": "its place"}[ordering]
		b.warn(retry.keyAt, "K13", fmt.Sprintf("%s, retry %d, %s %s: one failing event holds %s for %s, and each restart or rebalance begins again with the first try", ordering, d.Retry, d.BackoffPolicy, d.BackoffDelay, held, seconds(d.Waits())),
			fmt.Sprintf("keep the waits below %s, with fewer retries or a shorter backoffDelay", seconds(long)))
	}
	limit := cmp.Or(b.t.Functions[function].Timeout, Duration(servingTimeout))
	if timeout := said("timeout"); timeout != nil && d.Timeout > limit {
		b.warn(timeout.at, "K14", fmt.Sprintf("timeout %s never comes: Knative Serving answers 504 for %s after %s, which is tried again", d.Timeout, function, limit),
			fmt.Sprintf("write at most %s, or raise timeout of the function; Serving allows 600s", limit))
	}
}

// seconds writes a time in the unit of a schedule.
func seconds(d time.Duration) string {
	if d == Forever {
		return "centuries"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
}
