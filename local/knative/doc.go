// Package knative has the Knative resources by which Somssi is fed from Kafka:
// [KafkaSource], and [Trigger] with a [Broker] of class Kafka. They are plain
// Go types with Knative's own JSON names, so that a manifest is read and
// printed as kubectl has it.
//
// What Knative makes of a resource is here too: Default is what admission
// fills in, Validate is what admission refuses and beyond it what admission
// lets pass but then never delivers, and Config is the effective policy as the
// twin in local/source follows it.
//
// Not carried over to Config: spec.net, whose secrets are in the cluster (add
// KafkaOpts), and CACerts and audience of a destination (set a Transport).
package knative
