package template

// The rules a template.yaml keeps. Their ids are stable: a rule that is no more leaves its id unused.
// Those with a K hold one of the facts about Knative that bite, and Plan has more of them.
const (
	ruleSyntax      = "T001" // the file is one YAML document in UTF-8, of sane size and depth
	rulePlain       = "T002" // no anchors, aliases, merge keys, tags, directives or keys behind a question mark
	ruleTwice       = "T003" // a key is there once in its mapping, a word once in its list
	ruleUnknownKey  = "T004" // every key is one of the closed schema
	ruleType        = "T005" // every value is of the type its key asks for
	ruleMissing     = "T006" // what is required is there
	ruleValue       = "T007" // a value out of a set is in the set
	ruleNumber      = "T008" // a number is one that makes sense
	ruleDuration    = "T009" // a duration is written as 500ms, 30s, 7d or PT0.5S, and is more than nothing
	ruleTenths      = "T010" // a duration survives Knative, which cuts delivery to tenths of a second, timeouts to seconds
	ruleOneKind     = "T011" // a trigger is of exactly one kind
	ruleTopic       = "T012" // a topic that is read or written is declared
	ruleDeadLetter  = "T013" // a dead letter function is declared
	ruleDeadCircle  = "T014" // a function is not its own dead letter function
	ruleSchedule    = "T017" // a schedule can be read, and fires some day
	ruleTimezone    = "T018" // a timezone is in the IANA list
	rulePath        = "T019" // an HTTP path starts with / and is in its shortest form
	rulePathTaken   = "T020" // an HTTP path belongs to one function
	ruleGroupTaken  = "T021" // a consumer group belongs to one function
	ruleFunction    = "T022" // a function is named verb-noun
	ruleKafkaName   = "T023" // a topic or consumer group has a name that Kafka takes
	ruleName        = "T024" // any other name is one that Kubernetes takes
	ruleEnvironment = "T025" // the environment asked for is in the file
	ruleFilter      = "T026" // a filter is of one dialect, and names attributes as Knative takes them
	ruleCESQL       = "T027" // an expression of a filter is CESQL
	ruleStream      = "T028" // what answers with streams takes no events: it is no Knative Service
	ruleCluster     = "T029" // what is to run in a cluster lacks nothing that a manifest needs
	ruleSender      = "T030" // what knows its senders takes no requests of people

	ruleNoRetry  = "K2"  // deadLetter comes with retry, and retry with backoffDelay: a field that is said removes the defaults of the others
	ruleNoFilter = "K7"  // a KafkaSource has no filter
	ruleStart    = "K11" // a Trigger chooses neither its group nor where it begins; what a default does is said
	ruleOrder    = "K12" // order is that of a partition, not of a key
	ruleFeature  = "K14" // what only a feature of the cluster allows is not in the format
	rulePing     = "K15" // a schedule is no @every, and has no delivery policy
	ruleRun      = "K16" // a function does not consume in its own process
)
