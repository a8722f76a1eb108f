package conformance

import "slices"

// Case is one row of the contract.
type Case struct {
	// ID is the contract's own, with -S for a KafkaSource and -T for a Trigger
	// where it is for both. What begins with X is drawn from the text of the
	// contract beside its table.
	ID      string `json:"id"`
	Section string `json:"section"` // of the contract, such as 9.1
	// Profile is KafkaSource or Trigger.
	Profile string `json:"profile"`
	Given   string `json:"given"`
	When    string `json:"when"`
	Then    string `json:"then"`
	// Upstream is the test of Knative's that holds it, or code where it was
	// only read there.
	Upstream string `json:"upstream"`

	needs   need
	options []option
	run     func(*run)
}

// need is what a case asks of who dispatches, beyond being set up once.
type need string

const (
	nothing need = ""
	// control is to stop, kill, change and start what dispatches.
	control need = "the dispatcher has to be stopped, killed or changed during the case"
	// virtual is to put its clock forward.
	virtual need = "the schedule takes minutes, and only the clock of the twin can be put forward"
	// ours is a Kafka that no Kafka is.
	ours need = "the Kafka of this case is made up, and only the twin can be pointed at it"
	// admission is to be asked before anything dispatches.
	admission need = "it is about what admission fills in and refuses, which no dispatcher sees"
	// dataPlane is what no manifest can say.
	dataPlane need = "no manifest can say it, though a dispatcher can be told"
)

// profiles are whom a row is for.
type profiles string

const (
	source  profiles = "S"
	trigger profiles = "T"
	both    profiles = "ST"
)

var kinds = map[profiles]string{source: "KafkaSource", trigger: "Trigger"}

// row is a case as the tables have it, for one profile or both. The options say
// what differs from one topic of one partition with one dispatcher: a
// KafkaSource as it is by default but for initialOffset: earliest, or a
// Trigger that is ordered.
type row struct {
	id                string
	on                profiles
	given, when, then string
	upstream          string
	needs             need
	set               []option
	run               func(c *run)
}

// sections are the tables, in the order of the contract.
var sections = []struct {
	number, title string
	rows          []row
}{
	{"9.1", "record to event", slices.Concat(recordRows, recordTextRows)},
	{"9.2", "request", requestRows},
	{"9.3", "results, retries, dead letters", slices.Concat(resultRows, resultTextRows)},
	{"9.4", "filters", filterRows},
	{"9.5", "order", orderRows},
	{"9.6", "offsets", offsetRows},
	{"9.7", "configuration", configRows},
}

// Cases are all cases, in the order of the contract.
func Cases() []Case {
	var all []Case
	for _, s := range sections {
		for _, r := range s.rows {
			for _, on := range r.on {
				one := Case{
					ID: r.id, Section: s.number, Profile: kinds[profiles(on)],
					Given: r.given, When: r.when, Then: r.then, Upstream: r.upstream,
					needs: r.needs, options: r.set, run: r.run,
				}
				if r.on == both {
					one.ID += "-" + string(on)
				}
				all = append(all, one)
			}
		}
	}
	return all
}
