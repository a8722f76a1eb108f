package knative

import (
	"github.com/google/uuid"
)

// KafkaSource delivers the records of topics to a sink: kind KafkaSource of
// sources.knative.dev/v1.
type KafkaSource struct {
	Meta Meta
	Spec KafkaSourceSpec
}

// KafkaSourceSpec is the spec of a KafkaSource. What is not said is filled in
// by Default.
type KafkaSourceSpec struct {
	BootstrapServers []string `json:"bootstrapServers"`
	Net              *Net     `json:"net,omitempty"`
	Topics           []string `json:"topics"`
	// ConsumerGroup can not be changed after creation.
	ConsumerGroup string `json:"consumerGroup,omitempty"`
	// Consumers above 0 are all the same to a function: they are placed in one
	// pod, which is one member of the group. 0 pauses the source.
	Consumers *int32 `json:"consumers,omitempty"`
	// InitialOffset is earliest or latest, for partitions without a commit.
	InitialOffset string `json:"initialOffset,omitempty"`
	// Ordering is ordered or unordered.
	Ordering string `json:"ordering,omitempty"`
	// Delivery that is nil has Knative's defaults for a KafkaSource, 10 retries
	// among them; one that is there has none of them.
	Delivery    *Delivery    `json:"delivery,omitempty"`
	CEOverrides *CEOverrides `json:"ceOverrides,omitempty"`
	Sink        Destination  `json:"sink"`
}

// CEOverrides are extensions that every event is given, over those it has.
type CEOverrides struct {
	Extensions map[string]string `json:"extensions,omitempty"`
}

// Net is how Kafka is reached. Both enabled is SASL_SSL, neither PLAINTEXT.
type Net struct {
	SASL *SASL `json:"sasl,omitempty"`
	TLS  *TLS  `json:"tls,omitempty"`
}

// SASL names the secrets to log in with. The secret Type says PLAIN,
// SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER; without it it is PLAIN.
type SASL struct {
	Enable   bool    `json:"enable,omitempty"`
	User     *Secret `json:"user,omitempty"`
	Password *Secret `json:"password,omitempty"`
	Type     *Secret `json:"type,omitempty"`
}

// TLS names the secrets with certificates in PEM.
type TLS struct {
	Enable bool    `json:"enable,omitempty"`
	Cert   *Secret `json:"cert,omitempty"`
	Key    *Secret `json:"key,omitempty"`
	CACert *Secret `json:"caCert,omitempty"`
}

// Secret refers to one value of a secret in the namespace of the resource.
type Secret struct {
	SecretKeyRef SecretKeyRef `json:"secretKeyRef"`
}

// SecretKeyRef is the name of a secret and the key of a value in it.
type SecretKeyRef struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// KeyTypeLabel says of a KafkaSource what the keys of its records are: string,
// int, float or byte-array. Without it they are strings.
const KeyTypeLabel = "kafkasources.sources.knative.dev/key-type"

// Default fills in what is not said, as admission does: a random group, one
// consumer, ordered, latest. Delivery is not filled in; Config has its
// defaults.
func (s *KafkaSource) Default() {
	if s.Spec.ConsumerGroup == "" {
		s.Spec.ConsumerGroup = "knative-kafka-source-" + uuid.NewString()
	}
	if s.Spec.Consumers == nil {
		s.Spec.Consumers = new(int32(1))
	}
	if s.Spec.InitialOffset == "" {
		s.Spec.InitialOffset = "latest"
	}
	if s.Spec.Ordering == "" {
		s.Spec.Ordering = "ordered"
	}
}

// Paused is whether the source has no consumer. Its group is made nevertheless,
// and with latest it begins where the topics ended then.
func (s *KafkaSource) Paused() bool {
	return s.Spec.Consumers != nil && *s.Spec.Consumers == 0
}
