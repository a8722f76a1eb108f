// Package conformance holds a dispatcher against the contract of Knative's
// KafkaSource and of a Trigger of a Kafka-class Broker: what becomes of a
// record, to the last header of the request that a function gets.
//
// A [Case] is one row of that contract: given, when, then. Its topics, its
// group and its sinks are its own, so that cases run beside each other. A case
// knows nothing of who dispatches. That is the twin in local/source, in this
// process, or a dispatcher elsewhere that was set up from the [Plan], or a
// cluster that was given the manifests.
//
// A dispatcher may be slower than ours. Cases wait for what must come, take
// waits as lower bounds less 50 ms, and never as upper ones; they ignore
// user-agent, trace headers, an empty content-length and the order of headers.
// That nothing comes is judged by what comes after it: a later record of an
// ordered partition, or a commit beyond it.
//
// To add a case, add a row to the table of its section, in cases_*.go: what it
// says, the options that differ from the usual setup, and a function that
// writes records, says what the sinks answer, and compares what came.
package conformance
