package conformance

// Exclusion is a part of the contract that has no case here, and why.
type Exclusion struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Excluded is what the contract itself keeps out of the shared suite: where the
// original has a hazard that no function can want, the twin does better, and
// go doc somssi/local/source tells how. The tests of local/source hold that.
func Excluded() []Exclusion {
	return []Exclusion{
		{"a Kafka header with a null value (H1)", "a KafkaSource loses the record and others polled with it; the twin skips the header"},
		{"Kne- headers that name no extension (H2)", "a KafkaSource hangs on the answer; the twin leaves them out"},
		{"override names with an upper-case letter (H3)", "a KafkaSource delivers nothing; the twin refuses them"},
		{"prefix and suffix of a missing subject or datacontenttype (H4)", "a Trigger discards the event, also under not; the twin takes it for no match"},
		{"control characters in attributes (H5)", "a KafkaSource waits through all retries and loses the event; the twin buries it at once"},
		{"backoffDelay below 0.1 s with retries (H6)", "a KafkaSource gives up at once; the twin retries at once"},
		{"traces that leak between records (H7), trace headers without a parent", "they come and go with the load; nobody can rely on them"},
		{"a reply whose partitionkey is a number (H8)", "the original's key serializer fails on it"},
		{"redirects by 303", "a KafkaSource follows them with a GET; the twin does not"},
		{"answers whose body stalls", "a KafkaSource waits for ever; the twin's timeout covers the body"},
		{"TLS, SASL and OIDC", "they are between the dispatcher and its servers, and depend on secrets"},
	}
}
