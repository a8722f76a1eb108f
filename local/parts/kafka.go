package parts

import (
	"cmp"
	"context"
	_ "embed" // the files below
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/runner"
)

//go:embed kafka/pom.xml
var pom []byte

//go:embed kafka/log4j2.properties
var kafkaLogging []byte

var pomVersion = regexp.MustCompile(`<version>([0-9.]+)</version>`)

// KafkaVersion is that of the Apache Kafka that is started.
func KafkaVersion() string { return string(pomVersion.FindSubmatch(pom)[1]) }

// fetchKafka has the libraries of Apache Kafka in a folder of jars: Maven brings
// them there once for each version.
func fetchKafka(ctx context.Context, o Options) (string, error) {
	folder := filepath.Join(o.Jars, "kafka-"+KafkaVersion())
	if exists(folder) {
		return folder, nil
	}
	maven, err := exec.LookPath("mvn")
	if err != nil {
		return "", missing("Apache Kafka", "Maven", "apt-get install maven, or brew install maven")
	}
	o.Say("fetching Apache Kafka %s by Maven, once", KafkaVersion())
	half, err := os.MkdirTemp(mkdir(o.Jars), "kafka-half-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(half) }()
	file, libraries := filepath.Join(half, "pom.xml"), filepath.Join(half, "jars")
	if err := os.WriteFile(file, pom, 0o600); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, maven, "-q", "-B", "-f", file,
		"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory="+libraries).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("fetch Apache Kafka %s by Maven: %w\n%.2000s", KafkaVersion(), err, out)
	}
	if err := os.Rename(libraries, folder); err != nil && !exists(folder) { // or another harness was first
		return "", err
	}
	return folder, nil
}

func mkdir(folder string) string {
	_ = os.MkdirAll(folder, 0o755) // what is made in it fails otherwise
	return folder
}

// realKafka starts Apache Kafka: one node that is broker and controller.
func realKafka(ctx context.Context, dir string, o Options) (string, *server, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return "", nil, missing("Apache Kafka", "Java 17 or newer", "apt-get install default-jre-headless, or brew install openjdk")
	}
	data := filepath.Join(dir, "kafka")
	port, err := portFor(o, Kafka, o.Ports.Kafka, "--kafka-port", "KAFKA_BROKERS=localhost:%d", exists(data))
	if err != nil {
		return "", nil, err
	}
	jars, err := fetchKafka(ctx, o)
	if err != nil {
		return "", nil, err
	}
	properties, err := configureKafka(data, o.bind(), port, cmp.Or(o.Advertised, port))
	if err != nil {
		return "", nil, err
	}
	run := func(arguments ...string) []string {
		return append([]string{"-Xmx512m", "-XX:+UseSerialGC", "-Dlog4j2.configurationFile=" + filepath.Join(data, "log4j2.properties"),
			"-cp", filepath.Join(jars, "*")}, arguments...)
	}
	if !exists(data, "log", "meta.properties") {
		id := uuid.New()
		out, err := exec.CommandContext(ctx, java, run("kafka.tools.StorageTool", "format", "--ignore-formatted", "--cluster-id="+clusterID(id), "-c", properties)...).CombinedOutput()
		if err != nil {
			return "", nil, fmt.Errorf("format Kafka's storage: %w\n%.2000s", err, out)
		}
	}
	s, err := launch(Kafka, o.Dir, port, exec.Command(java, run("kafka.Kafka", properties)...), syscall.SIGKILL) //nolint:noctx // it is told to stop
	if err != nil {
		return "", nil, err
	}
	address := fmt.Sprintf("%s:%d", o.host(), port)
	return address, s, s.ready(ctx, 2*time.Minute, func(ctx context.Context) error { return askKafka(ctx, address) })
}

// configureKafka writes what Kafka is started with. One node cannot have copies,
// and what it acknowledged survives its own kill, as that of the harness.
func configureKafka(data, bind string, port, advertised int) (file string, err error) {
	controller, err := runner.FreePorts(1)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf(`# Written at each start.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://%[5]s:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://%[5]s:%[4]d
controller.listener.names=CONTROLLER
log.dirs=%[3]s
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
`, port, controller[0], filepath.Join(data, "log"), advertised, bind)
	file = filepath.Join(mkdir(data), "server.properties")
	return file, errors.Join(os.WriteFile(file, []byte(text), 0o600), os.WriteFile(filepath.Join(data, "log4j2.properties"), kafkaLogging, 0o600))
}

func askKafka(ctx context.Context, address string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		return err
	}
	defer client.Close()
	// Its first group makes it make the topic of offsets, without which none is served.
	return kadm.NewClient(client).FindGroupCoordinators(ctx, "somssi").Error()
}

// clusterID is id as Kafka writes it.
func clusterID(id uuid.UUID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }
