package template

// Facts are what bites about delivery by Knative, by number: where a template can run into one, and why
// it can not where it says so. Those that need no mistake to be true are told of every trigger by plan.
var Facts = []struct{ Rule, Fact, Where string }{
	{"K1", "without any delivery a KafkaSource retries 10 times over 613.8 s", "warning: no delivery is said for a kafka trigger"},
	{"K2", "any field of delivery removes the defaults of the others", "error: deadLetter without retry, retry without backoffDelay"},
	{"K3", "the first exponential wait is twice backoffDelay", "warning: backoffPolicy is not said, so it is exponential"},
	{"K4", "404, 408, 409, 429, 5xx and no answer are tried again, any other status of 300 or more is not", "none: what a function answers is not in the template; plan tells it of each trigger"},
	{"K5", "without a dead letter sink an event is lost after its last try", "warning: no deadLetter"},
	{"K6", "dead letters carry knativeerrordest, knativeerrorcode and knativeerrordata", "none: nothing can be chosen; plan tells it of each trigger"},
	{"K7", "a KafkaSource has no filter", "error: filter under kafka"},
	{"K8", "a KafkaSource ignores replies, a Trigger publishes them", "warning: a broker trigger without a filter is sent its own replies"},
	{"K9", "what is no CloudEvent is wrapped by a KafkaSource and discarded by a Trigger", "warning: a broker trigger on a topic that no function publishes"},
	{"K10", "events get the extensions knativekafkapartition and knativekafkaoffset", "none: nothing can be chosen; plan tells it of each trigger"},
	{"K11", "a KafkaSource begins at latest and is ordered by default, a Trigger unordered", "error: group or from under broker; warning: from latest, or an ordering that was not said"},
	{"K12", "ordered is one event in flight for each partition, whatever its key", "error: ordering by key; warning: more scale than partitions"},
	{"K13", "tries are counted in memory: a restart or rebalance begins them again", "warning: a schedule that outlasts an orderly restart"},
	{"K14", "retryAfterMax needs a feature that is off; a timeout can not outlast Serving's", "error: retryAfterMax; warning: a timeout longer than the function's own"},
	{"K15", "a PingSource refuses @every and has no delivery policy", "error: @every, or delivery under cron"},
	{"K16", "func.yaml's run.kafka consumes in the function's process, without retries or dead letters", "error: run under a function"},
}
