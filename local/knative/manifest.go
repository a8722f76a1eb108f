package knative

import "encoding/json"

// Resource is a KafkaSource, Trigger, Broker or ConfigMap, by pointer.
type Resource interface {
	// Validate tells all that is wrong with it; the error is Problems.
	Validate() error
	manifest() any
}

// manifest is how a resource is written, in this order.
type manifest[S any] struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Meta       Meta   `json:"metadata"`
	Spec       S      `json:"spec"`
}

// dataManifest is how a ConfigMap is written, which has no spec.
type dataManifest struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Meta       Meta              `json:"metadata"`
	Data       map[string]string `json:"data,omitempty"`
}

const (
	sources  = "sources.knative.dev/v1"
	eventing = "eventing.knative.dev/v1"
)

func (s *KafkaSource) manifest() any {
	return manifest[KafkaSourceSpec]{sources, "KafkaSource", s.Meta, s.Spec}
}
func (t *Trigger) manifest() any { return manifest[TriggerSpec]{eventing, "Trigger", t.Meta, t.Spec} }
func (b *Broker) manifest() any  { return manifest[BrokerSpec]{eventing, "Broker", b.Meta, b.Spec} }
func (m *ConfigMap) manifest() any {
	return dataManifest{"v1", "ConfigMap", m.Meta, m.Data}
}

// MarshalJSON writes the source as a manifest.
func (s *KafkaSource) MarshalJSON() ([]byte, error) { return json.Marshal(s.manifest()) }

// MarshalJSON writes the trigger as a manifest.
func (t *Trigger) MarshalJSON() ([]byte, error) { return json.Marshal(t.manifest()) }

// MarshalJSON writes the broker as a manifest.
func (b *Broker) MarshalJSON() ([]byte, error) { return json.Marshal(b.manifest()) }

// MarshalJSON writes the ConfigMap as a manifest.
func (m *ConfigMap) MarshalJSON() ([]byte, error) { return json.Marshal(m.manifest()) }
