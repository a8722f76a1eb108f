package source

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCommit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(k *fakeKafka, to *sinks, c Config){
		"C01_within_seconds": func(k *fakeKafka, to *sinks, c Config) {
			commits := k.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Count: -1, Observe: true})
			k.produce(values(10)...)
			s := k.start(c)
			settle()
			k.wantCommitted(0, -1)
			time.Sleep(5 * time.Second)
			k.wantCommitted(0, 10)
			time.Sleep(time.Minute)
			k.stop(s)
			if got := commits.Hits(); got != 1 {
				k.Errorf("%d commits, although it moved once", got)
			}
		},
		"C06_partitions_are_independent": func(k *fakeKafka, to *sinks, c Config) {
			to.answer = func(call call, _ int) reply {
				if call.id() == "a2" {
					return call.hang()
				}
				return reply{status: 200}
			}
			first, _ := on(0, "a", 5)
			second, _ := on(1, "b", 7)
			k.produce(append(first, second...)...)
			s := k.start(c)
			time.Sleep(commitInterval + time.Second)
			k.wantCommitted(0, 2)
			k.wantCommitted(1, 7)
			stopNow(s)
			k.wantCommitted(0, 2)
		},
		"C07_one_commit_fails": func(k *fakeKafka, to *sinks, c Config) {
			fault := k.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.InvalidCommitOffsetSize, Count: 1})
			k.produce(values(3)...)
			s := k.start(c)
			time.Sleep(commitInterval + time.Second)
			if fault.Hits() != 1 {
				k.Errorf("%d commits failed", fault.Hits())
			}
			k.wantCommitted(0, -1)
			time.Sleep(commitInterval)
			k.wantCommitted(0, 3)
			k.stop(s)
		},
		"C07_all_commits_fail": func(k *fakeKafka, to *sinks, c Config) {
			fault := k.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.InvalidCommitOffsetSize, Count: -1})
			s := k.start(c)
			for n := range 4 {
				k.produce(values(5)...)
				time.Sleep(commitInterval)
				if got := len(to.calls()); got != 5*(n+1) {
					k.Errorf("%d calls after %d rounds", got, n)
				}
			}
			fault.Remove()
			k.stop(s)
			k.wantCommitted(0, 20)
		},
		"stop_tells_of_a_failed_commit": func(k *fakeKafka, to *sinks, c Config) {
			k.produce(values(3)...)
			s := k.start(c)
			settle()
			k.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.InvalidCommitOffsetSize, Count: -1})
			if err := s.Stop(context.Background()); !errors.Is(err, kerr.InvalidCommitOffsetSize) {
				k.Errorf("error %v", err)
			}
		},
		"stop_tells_of_a_failed_goodbye": func(k *fakeKafka, to *sinks, c Config) {
			s := k.start(c)
			k.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.LeaveGroup}, Err: kerr.UnknownMemberID, Count: -1})
			if err := s.Stop(context.Background()); !errors.Is(err, kerr.UnknownMemberID) {
				k.Errorf("error %v", err)
			}
		},
		"stop_does_not_wait_for_a_dead_Kafka": func(k *fakeKafka, to *sinks, c Config) {
			k.produce(values(3)...)
			s := k.start(c)
			settle()
			k.cluster.Close()
			began := time.Now()
			if err := s.Stop(context.Background()); err == nil || time.Since(began) > 2*commitTimeout {
				k.Errorf("stopping took %v: %v", time.Since(began), err)
			}
		},
		"stop_does_not_wait_for_a_rebalance": func(k *fakeKafka, to *sinks, c Config) {
			k.produce(values(1)...)
			slow := k.newClient(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.Balancers(kgo.StickyBalancer()), kgo.BlockRebalanceOnPoll())
			defer slow.CloseAllowingRebalance()
			slow.PollFetches(k.Context()) // and lets nobody join for a minute
			c.KafkaOpts = []kgo.Opt{kgo.Dialer(k.net.DialContext)}
			ctx, cancel := context.WithTimeout(k.Context(), time.Second)
			defer cancel()
			began := time.Now()
			if _, err := Start(ctx, c); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Second+2*commitTimeout {
				k.Errorf("not starting took %v: %v", time.Since(began), err)
			}
		},
		"C10_crash": func(k *fakeKafka, to *sinks, c Config) {
			to.answer = func(call call, n int) reply {
				if n == 21 {
					return call.hang()
				}
				return reply{status: 200}
			}
			c.Ordered = true
			records, ids := on(0, "r", 25)
			k.produce(records...)
			s := k.start(c)
			settle()
			k.crash(s)
			k.wantCommitted(0, -1)
			began := time.Now()
			s = k.start(c)
			if took := time.Since(began); took > 11*time.Second {
				k.Errorf("the dead member held its partitions for %v", took)
			}
			settle()
			if got := to.ids(); !slices.Equal(got, append(slices.Clone(ids[:21]), ids...)) {
				k.Errorf("came as %v", got)
			}
			k.stop(s)
		},
		"C11_clean_stop_waits": func(k *fakeKafka, to *sinks, c Config) {
			to.answer = func(call, int) reply { time.Sleep(time.Minute); return reply{status: 200} }
			c.Ordered = true
			k.produce(values(3)...)
			s := k.start(c)
			settle()
			began := time.Now()
			k.stop(s)
			if took := time.Since(began); took < 50*time.Second || took > time.Minute || len(to.calls()) != 1 {
				k.Errorf("stopping took %v and %d calls", took, len(to.calls()))
			}
			k.wantCommitted(0, 1)
			if members := len(k.cluster.GroupInfo("g").Members); members != 0 {
				k.Errorf("%d members are left", members)
			}
			to.answer = nil
			s = k.start(c)
			settle()
			if got := len(to.calls()); got != 3 {
				k.Errorf("%d calls in all, want 3", got)
			}
			k.stop(s)
			if err := s.Stop(context.Background()); err != nil {
				k.Errorf("stopped again: %v", err)
			}
		},
		"C17_commits_count_more_than_latest": func(k *fakeKafka, to *sinks, c Config) {
			k.produce(values(3)...)
			s := k.start(c)
			settle()
			k.stop(s)
			k.produce(values(2)...)
			c.Latest = true
			s = k.start(c)
			settle()
			if got := len(to.calls()); got != 5 {
				k.Errorf("%d calls, want 5", got)
			}
			k.stop(s)
		},
		"C18_deleted_records": func(k *fakeKafka, to *sinks, c Config) {
			c.Ordered = true
			k.produce(values(2)...)
			s := k.start(c)
			settle()
			k.stop(s)
			k.produce(values(8)...)
			if err := k.cluster.DeleteRecords("t", 0, 6); err != nil {
				k.Fatal(err)
			}
			s = k.start(c)
			settle()
			if got := to.calls(); len(got) != 6 || got[2].header["ce-knativekafkaoffset"][0] != "6" {
				k.Errorf("%d calls, want 2 and 4", len(got))
			}
			k.stop(s)
			k.wantCommitted(0, 10)
		},
		"C21_no_more_after_stop": func(k *fakeKafka, to *sinks, c Config) {
			s := k.start(c)
			k.stop(s)
			k.produce(values(3)...)
			time.Sleep(time.Minute)
			if got := len(to.calls()); got != 0 {
				k.Errorf("%d calls", got)
			}
		},
		"D24_D27_failed_records_are_committed": func(k *fakeKafka, to *sinks, c Config) {
			to.answer = func(call call, n int) reply {
				if call.to == deadURL && call.id() == "r1" {
					return reply{status: 500}
				}
				return reply{status: map[bool]int{true: 200, false: 400}[call.id() == "r2" || call.to == deadURL]}
			}
			var fates [3]atomic.Value
			c.DeadLetterSink, c.Observe = deadURL, func(d Delivered) { fates[d.Offset].Store(d.Fate) }
			records, _ := on(0, "r", 3)
			k.produce(records...)
			s := k.start(c)
			settle()
			for i, want := range []string{DeadLetter, Lost, Done} {
				if got := fates[i].Load(); got != want {
					k.Errorf("fate of r%d: %v, want %s", i, got, want)
				}
			}
			k.stop(s)
			k.wantCommitted(0, 3)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withKafka(t, 2, func(k *fakeKafka) {
				to := &sinks{}
				test(k, to, testConfig(to))
			})
		})
	}
}

// An answer of which kgo does not tell the topic's name, because its assignment
// ended meanwhile.
func TestCommit_answered_by_id(t *testing.T) {
	t.Parallel()
	p, id := &partition{topic: "t", started: true}, [16]byte{1}
	moved := map[string]map[int32]*partition{"t": {0: p}}
	request := &kmsg.OffsetCommitRequest{Topics: []kmsg.OffsetCommitRequestTopic{{Topic: "t", TopicID: id, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 7}}}}}
	for name, tc := range map[string]struct {
		answer kmsg.OffsetCommitResponseTopic
		want   int64
		err    error
	}{
		"refused": {kmsg.OffsetCommitResponseTopic{TopicID: id, Partitions: []kmsg.OffsetCommitResponseTopicPartition{{ErrorCode: kerr.IllegalGeneration.Code}}}, 0, kerr.IllegalGeneration},
		"unasked": {kmsg.OffsetCommitResponseTopic{TopicID: [16]byte{2}, Partitions: []kmsg.OffsetCommitResponseTopicPartition{{}, {Partition: 5}}}, 0, nil},
		"taken":   {kmsg.OffsetCommitResponseTopic{TopicID: id, Partitions: []kmsg.OffsetCommitResponseTopicPartition{{}, {Partition: 5}}}, 7, nil},
	} {
		p.committed = 0
		err := answered(request, &kmsg.OffsetCommitResponse{Topics: []kmsg.OffsetCommitResponseTopic{tc.answer}}, moved)
		if p.committed != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%s: committed at %d, want %d: %v", name, p.committed, tc.want, err)
		}
	}
}

// stopNow waits for nothing.
func stopNow(s *Source) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.Stop(ctx)
}

// crash ends a source as kill -9 would, as far as Kafka can tell: no commit and
// no goodbye.
func (k *fakeKafka) crash(s *Source) {
	fault := k.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.LeaveGroup}, Count: -1})
	defer fault.Remove()
	stopNow(s)
}
