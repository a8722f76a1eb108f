package render

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"somssi/local/knative"
	"somssi/local/manifest"
	house "somssi/local/template"
)

// function is what the templates of a function show.
type function struct {
	Name, Namespace string
	house.Function
	MetricsPort    int
	TimeoutSeconds int
	Replicas       int  // the fewest of a stream
	Scales         bool // whether a stream's replicas are counted by what they use
	Public         bool // whether somebody outside of the cluster calls it at a host of its own
	PodLabel       string
	Env            []variable
	Login, CA      string // Secrets by which it is known to Kafka, and Kafka to it; empty where it is not
	Access         bool   // whether it asks the API server for the keys of its senders
	Egress         []egress
}

// The labels that the pods of a function have, with its name.
const (
	knativeLabel    = "serving.knative.dev/service"
	deploymentLabel = "app.kubernetes.io/name"
)

// variable is one of the environment: a value, or a key of a Secret.
type variable struct{ Name, Value, Why, Secret, Key string }

// egress is a port that a function may connect to.
type egress struct {
	Port int
	Why  string
}

// ports are those of what the variables of the house hold the address of.
var ports = map[string]egress{
	"DATABASE_URL": {5432, "PostgreSQL, of DATABASE_URL"},
	"REDIS_URL":    {6379, "Redis, of REDIS_URL"},
	"OIDC_ISSUER":  {443, "the issuer of tokens, of OIDC_ISSUER"},
	collector:      {4318, "the collector of traces, of " + collector},
}

// What no code of ours reads: OpenTelemetry does itself.
const (
	telemetry = "OTEL_"
	collector = telemetry + "EXPORTER_OTLP_ENDPOINT"
)

func renderFunction(t *house.Template, name string, reads map[string]bool) (string, error) {
	f := function{
		Name: name, Namespace: t.Namespace, Function: t.Functions[name], MetricsPort: metricsPort,
		TimeoutSeconds: 300, PodLabel: knativeLabel,
	}
	if f.Timeout > 0 {
		f.TimeoutSeconds = int(time.Duration(f.Timeout) / time.Second)
	}
	for _, trigger := range f.Triggers {
		f.Public = f.Public || trigger.HTTP != nil && t.Gateway.Name == ""
	}
	text := "knative.yaml"
	if f.Stream {
		text, f.PodLabel, f.Replicas = "deployment.yaml", deploymentLabel, max(1, f.Scale.Min)
		f.Scales = f.Scale.Max > 0 && f.Resources.Memory != "" // of which a HorizontalPodAutoscaler needs both
	}
	var err error
	if f.Env, f.Egress, err = environment(t, name, reads); err != nil {
		return "", err
	}
	if reads[house.KafkaBrokers] && t.Kafka.Strimzi != "" {
		f.Login, f.CA = name, authority(t)
	}
	if more := manifest.SenderEnv(t, name, t.Sender.Issuer); more != nil {
		f.Access = strings.HasPrefix(t.Sender.Issuer, "https://kubernetes.default.svc")
		f.Env = append(f.Env, senders(more, f.Access)...)
		f.Egress = append(f.Egress, issuerPorts(t.Sender.Issuer)...)
	}
	for i, v := range f.Env {
		if slices.ContainsFunc(f.Env[:i], func(o variable) bool { return o.Name == v.Name }) {
			return "", fmt.Errorf("template.yaml gives %s the variable %s, which its manifest sets by itself: remove it", name, v.Name)
		}
	}
	var parts strings.Builder
	for _, part := range []func() (string, error){
		func() (string, error) { return execute(text, f) },
		func() (string, error) { return execute("egress.yaml", f) },
		func() (string, error) { return renderTriggers(t, name) },
		func() (string, error) { return renderUsers(t, name, reads) },
	} {
		text, unwritten := part()
		parts.WriteString(text)
		err = errors.Join(err, unwritten)
	}
	return parts.String(), err
}

// environment is what a function is given, and where that lets it connect to: of
// the values that come from elsewhere only those that its code reads.
func environment(t *house.Template, name string, reads map[string]bool) (all []variable, to []egress, err error) {
	f := t.Functions[name]
	for _, v := range slices.Sorted(maps.Keys(reads)) {
		_, given := f.Env[v]
		_, mounted := f.Env[v+"_FILE"]
		if !given && !mounted && v != "PORT" && v != "METRICS_PORT" {
			return nil, nil, fmt.Errorf("%s reads %s, which neither env of functions.%s nor globals.env gives: add it to template.yaml", name, v, name)
		}
	}
	all = []variable{{Name: "METRICS_PORT", Value: strconv.Itoa(metricsPort)}}
	if most := f.Resources.GoMemory(); most > 0 {
		all = append(all, variable{Name: "GOMEMLIMIT", Value: fmt.Sprint(most), Why: "80 % of the memory: the collector works harder before the replica is ended"})
	}
	if f.Stream {
		// Knative gives these to a Service.
		all = append(all, variable{Name: "PORT", Value: "8080"}, variable{Name: "K_SERVICE", Value: name})
	}
	for _, v := range slices.Sorted(maps.Keys(f.Env)) {
		switch ref := house.Ref(f.Env[v]); {
		case ref == "":
			all = append(all, variable{Name: v, Value: f.Env[v]})
		case !reads[v] && !strings.HasPrefix(v, telemetry):
			continue
		case ref == house.KafkaBrokers && t.Kafka.Strimzi != "":
			all = append(all, variable{Name: v, Value: "kafkas://" + strings.Join(t.Kafka.Bootstrap, ",") + "?cert=/kafka/user.crt&key=/kafka/user.key"},
				variable{Name: "SSL_CERT_DIR", Value: "/kafka-ca", Why: "trusted besides the CAs of the image"})
		default:
			all = append(all, variable{Name: v, Secret: of(t.Secret, name), Key: ref})
		}
		if v == house.KafkaBrokers && reads[v] {
			to = append(to, kafkaPorts(t.Kafka.Bootstrap)...)
		}
		if port, known := ports[v]; known && (reads[v] || v == collector) {
			if u, err := url.Parse(f.Env[v]); err == nil && v == collector && u.Port() != "" {
				port.Port, _ = strconv.Atoi(u.Port())
			}
			to = append(to, port)
		}
	}
	return all, to, nil
}

// senders are the variables that a function knows its senders by.
func senders(env map[string]string, access bool) (all []variable) {
	if access {
		env["SENDER_ACCESS"] = "/sender"
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		all = append(all, variable{Name: name, Value: env[name]})
	}
	return all
}

// issuerPorts are those of the issuer of its senders' tokens, and of an API server behind 443 of its Service.
func issuerPorts(issuer string) []egress {
	u, _ := url.Parse(issuer) // of the form that the template asks for
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		port = 443
	}
	to := []egress{{port, "the issuer of its senders' tokens"}}
	if strings.HasPrefix(u.Host, "kubernetes.default.svc") {
		to = append(to, egress{6443, "where its Service leads to, which is what counts"})
	}
	return to
}

func kafkaPorts(servers []string) (to []egress) {
	for _, server := range servers {
		_, port, _ := net.SplitHostPort(server)
		n, _ := strconv.Atoi(port) // of the form that the template asks for
		if e := (egress{n, "Kafka"}); !slices.Contains(to, e) {
			to = append(to, e)
		}
	}
	return to
}

// renderTriggers are the sources of a function.
func renderTriggers(t *house.Template, name string) (string, error) {
	var all strings.Builder
	triggers := t.Functions[name].Triggers
	for _, trigger := range slices.Sorted(maps.Keys(triggers)) {
		var text string
		var err error
		switch spec := triggers[trigger]; {
		case spec.Cron != nil:
			text, err = execute("ping.yaml", map[string]any{
				"Name": name + "-" + trigger, "Namespace": t.Namespace, "Function": name, "Timezone": spec.Cron.Timezone,
				"Schedule": spec.Cron.Schedule, "Data": string(spec.Cron.Data), "Seconds": len(strings.Fields(spec.Cron.Schedule)) == 6,
				"Audience": manifest.Sink(t, name).Audience,
			})
		case spec.Kafka != nil:
			text, err = write(sourceAbout, inCluster(t, manifest.KafkaSource(t, name, trigger, t.Kafka.Bootstrap)))
		case spec.Broker != nil:
			text, err = write("", manifest.Trigger(t, name, trigger))
		}
		if err != nil {
			return "", err
		}
		all.WriteString(text)
	}
	return all.String(), nil
}

const sourceAbout = `# The delivery is in full, because with any field of it said Knative's own defaults of the others are gone. The
# annotations count where Knative may scale sources by KEDA (controller-autoscaler-keda); consumers does not then.
`

// authority is the Secret with the CA of Kafka's certificates.
func authority(t *house.Template) string { return t.Kafka.Strimzi + "-cluster-ca-cert" }

// inCluster is a source with its login, and with bounds for KEDA: one consumer
// always, or an event waits ten seconds for the first to come; no more than there
// are partitions to read.
func inCluster(t *house.Template, s *knative.KafkaSource) *knative.KafkaSource {
	if t.Kafka.Strimzi != "" {
		from := func(name, key string) *knative.Secret {
			return &knative.Secret{SecretKeyRef: knative.SecretKeyRef{Name: name, Key: key}}
		}
		s.Spec.Net = &knative.Net{TLS: &knative.TLS{
			Enable: true, Cert: from(s.Meta.Name, "user.crt"), Key: from(s.Meta.Name, "user.key"), CACert: from(authority(t), "ca.crt"),
		}}
	}
	partitions := 0
	for _, topic := range s.Spec.Topics {
		partitions += t.Topics[topic].Partitions
	}
	const prefix = "autoscaling.eventing.knative.dev/"
	s.Meta.Annotations = map[string]string{
		prefix + "class": "keda.autoscaling.knative.dev", prefix + "min-scale": "1",
		prefix + "max-scale": strconv.Itoa(partitions), prefix + "lag-threshold": "100",
	}
	return s
}

func write(about string, r knative.Resource) (string, error) {
	var b strings.Builder
	b.WriteString("---\n" + about)
	err := knative.Write(&b, r)
	return b.String(), err
}
