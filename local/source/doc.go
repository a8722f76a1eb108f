// Package source is the local twin of Knative's KafkaSource, and of the Trigger
// of a Kafka-class Broker: it takes records from Kafka and POSTs each to a sink
// as one CloudEvent in binary mode. To a function twin and original must be
// indistinguishable: the same records become the same events and the same
// requests, answers are judged, retried and buried alike, and offsets move by
// the same rules.
//
// A [Source] is one member of one consumer group, as a KafkaSource with any
// number of consumers that fit one pod is. It tells what it does by
// [Source.Status], can be held and stepped by [Source.Pause] and its like, and
// [Replay] delivers again what is in a topic, all without a function's noticing.
//
// # Where it differs, on purpose
//
// What a KafkaSource does badly, and no function can want, is done better:
//
//   - A Kafka header with a null value is skipped. A KafkaSource loses the
//     record, and at times the plain records polled together with it.
//   - A failing answer with a header such as Kne-My-Code, which cannot name an
//     extension, or Kne-Id, which would rename the event, is buried without
//     that header. A KafkaSource hangs on it.
//   - An override whose name has an upper-case letter, or whose value has a
//     control character, is refused by [Start]. A KafkaSource accepts it and
//     then delivers nothing.
//   - An event with a control character in an attribute can be in no HTTP
//     header. It goes to the dead letter sink at once, with ? for the
//     character, and is lost if there is none. A KafkaSource waits through
//     all its retries first and then loses it in either case.
//   - A delay of 0 retries at once. A KafkaSource gives up on such an event.
//   - The timeout of an attempt covers the body of the answer too. A
//     KafkaSource waits for a stalled body for ever.
//   - A redirect is never followed. A KafkaSource follows 303, with a GET.
//   - Ordered delivery has no ceiling of 250 records a second.
//   - Rebalances happen at once, also while all sinks are slow; partitions and
//     topics that are made later are found in seconds instead of minutes.
//   - What an unfinished request of a lost partition comes to is forgotten. A
//     KafkaSource may count it for a later assignment of that partition.
//   - Bytes in flight are bounded, not only records.
//   - A partition that stands still for a minute is told of.
//   - A prefix or suffix of a subject that is missing does not match. A Trigger
//     discards the event, also under not.
//
// A structured event is parsed strictly: repeated members, text after the
// event and lone surrogates make it a plain record, which is wrapped. A
// KafkaSource takes the last of repeated members and ignores such text.
package source
