package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"somssi/shared"
)

// talent is one version of a talent, as it is stored, shown and told.
type talent struct {
	TalentID     int64  `json:"talentId"`
	Version      int64  `json:"version"`
	SellerID     int64  `json:"sellerId"`
	Category     string `json:"category"`
	Title        string `json:"title"`
	PriceKRW     int64  `json:"priceKrw"`
	Tags         tags   `json:"tags"`
	State        string `json:"state,omitempty"` // open or closed
	ChangedMs    ms     `json:"at"`
	RegisteredMs ms     `json:"registeredAt,omitzero"`
	Was          *wish  `json:"was,omitempty" db:"-"`
}

type tags []string                    // stored as JSON
type ms int64                         // Unix time, told as RFC 3339
func (t *tags) Scan(stored any) error { return json.Unmarshal(fmt.Append(nil, stored), t) }
func (m ms) time() time.Time          { return time.UnixMilli(int64(m)).UTC() }
func (m ms) MarshalText() ([]byte, error) {
	return m.time().AppendFormat(nil, "2006-01-02T15:04:05.000Z"), nil
}
func (t talent) answer() json.RawMessage {
	return fmt.Appendf(nil, `{"talentId":%d,"version":%d}`, t.TalentID, t.Version)
}

// wish is what a seller says of a talent; what is not said is nil.
type wish struct {
	Category *string   `json:"category,omitempty"`
	Title    *string   `json:"title,omitempty"`
	PriceKRW *int64    `json:"priceKrw,omitempty"`
	Tags     *[]string `json:"tags,omitempty"`
}

// apply makes t what is said, in the form it is stored in, or returns all that is then wrong with it.
func (in wish) apply(t *talent) error {
	var faults []shared.Field
	must := func(holds bool, field string, reason any) {
		if !holds {
			faults = append(faults, shared.Field{Field: field, Reason: fmt.Sprint(reason)})
		}
	}
	title, err := shared.Clean(*cmp.Or(in.Title, &t.Title), 120)
	must(err == nil, "title", err)
	t.Title, t.PriceKRW = title, *cmp.Or(in.PriceKRW, &t.PriceKRW)
	must(t.PriceKRW >= 0 && t.PriceKRW <= 1_000_000_000, "priceKrw", "must be a whole number from 0 to 1000000000")
	said := *cmp.Or(in.Tags, (*[]string)(&t.Tags))
	must(len(said) <= 10, "tags", "must be at most 10")
	t.Tags = tags{}
	for i, tag := range said[:min(10, len(said))] { // of thousands, nobody wants to hear each
		tag, err := shared.Clean(tag, 30)
		must(err == nil, fmt.Sprintf("tags.%d", i), err)
		must(tag == "" || !slices.Contains(t.Tags, tag), fmt.Sprintf("tags.%d", i), "is there twice")
		t.Tags = append(t.Tags, tag)
	}
	must(t.Version == 0 || in != wish{}, "title", "is required, or priceKrw or tags")
	must(t.Version == 0 || in.Category == nil, "category", "cannot be changed: close this talent and register a new one")
	t.Category = cmp.Or(t.Category, *cmp.Or(in.Category, new("")))
	must(shared.Category.MatchString(t.Category), "category", "must be 1 to 64 of a-z, 0-9 and -")
	return shared.Invalid(faults...)
}
