package knative

// ConfigMap is Kubernetes' own: kind ConfigMap of v1. A Broker refers to one
// that says how Kafka is reached.
type ConfigMap struct {
	Meta Meta
	Data map[string]string
}

// Validate tells what Kubernetes would refuse. The error is Problems.
func (m *ConfigMap) Validate() error { return check("ConfigMap", m.Meta).err() }
