package source

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Lag collects how far sources have come, under the names of the usual Kafka exporter. It asks Kafka, for at most 2 s;
// of what that does not say nothing is told.
type Lag func() []*Source

var (
	lagging = prometheus.NewDesc("kafka_consumergroup_lag", "Records that a group has not committed.", []string{"consumergroup", "topic", "partition"}, nil)
	groupAt = prometheus.NewDesc("kafka_consumergroup_current_offset", "Offset that a group has committed.", []string{"consumergroup", "topic", "partition"}, nil)
	topicAt = prometheus.NewDesc("kafka_topic_partition_current_offset", "Offset of the next record.", []string{"topic", "partition"}, nil)
)

// Describe tells nothing: what there is depends on the sources.
func (Lag) Describe(chan<- *prometheus.Desc) {}

// Collect is of each partition that a source has.
func (l Lag) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	type place struct{ group, topic, partition string }
	known := map[place]bool{} // groups share topics
	tell := func(of *prometheus.Desc, value int64, at place, labels ...string) {
		if !known[at] {
			known[at] = true
			to <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, float64(value), labels...)
		}
	}
	for _, s := range l() {
		status, _ := s.Status(ctx)
		for _, p := range status.Partitions {
			group, number := s.config.Group, strconv.Itoa(int(p.Partition))
			if p.End < 0 {
				continue
			}
			tell(topicAt, p.End, place{"", p.Topic, number}, p.Topic, number)
			tell(lagging, p.End-max(p.Committed, 0), place{group, p.Topic, number}, group, p.Topic, number)
			if p.Committed >= 0 {
				tell(groupAt, p.Committed, place{group + "\n", p.Topic, number}, group, p.Topic, number)
			}
		}
	}
}
