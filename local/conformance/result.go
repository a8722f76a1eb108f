package conformance

// The results of a case.
const (
	Pass = "pass"
	Fail = "fail"
	Skip = "skip"
)

// Result is what became of one case.
type Result struct {
	ID      string `json:"id"`
	Section string `json:"section"`
	Result  string `json:"result"` // Pass, Fail or Skip
	Millis  int64  `json:"millis"`
	Why     string `json:"why"` // empty of a case that passed
	// Differences are requests that are not as they should be.
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is a request that should have come, and the one that came.
type Difference struct {
	Expected string `json:"expected"`
	Received string `json:"received"`
}
