package manifest

import (
	"slices"
	"testing"

	"somssi/local/knative"
)

func TestSenders(t *testing.T) {
	house := load(t, shop+"  ring-bell: {triggers: {tick: {cron: {schedule: \"* * * * *\"}}}}\n  show-it: {triggers: {page: {http: {path: /}}}}\n")
	kafka := func(name string) string { return knative.Subject("KafkaSource", "shop", name) }
	trigger := func(name string) string { return knative.Subject("Trigger", "shop", name) }
	for function, want := range map[string][]string{
		"charge-card":  {kafka("charge-card-again"), kafka("charge-card-created")},
		"send-receipt": {trigger("send-receipt-moved"), trigger("send-receipt-ordered"), trigger("send-receipt-paid")},
		"keep-letters": {kafka("charge-card-created"), trigger("send-receipt-paid")}, // of those that have it for a dead letter sink
		"ring-bell":    {knative.Subject("PingSource", "shop", "ring-bell-tick")},
		"show-it":      nil,
	} {
		if got := Senders(house, function); !slices.Equal(got, want) {
			t.Errorf("%s takes events of\n%v, want\n%v", function, got, want)
		}
	}
}

// Tokens are sent first, then required.
func TestSenderEnv(t *testing.T) {
	for tokens, want := range map[string]struct {
		audience string
		env      int
	}{"none": {"", 0}, "sent": {"serving.knative.dev/service/shop/keep-letters", 0}, "required": {"serving.knative.dev/service/shop/keep-letters", 3}} {
		house := load(t, "sender: {tokens: "+tokens+"}"+shop)
		s := KafkaSource(house, "charge-card", "created", servers)
		if got := s.Spec.Delivery.DeadLetterSink.Audience; got != want.audience {
			t.Errorf("%s: dead letters are for %q, want %q", tokens, got, want.audience)
		}
		if got := len(SenderEnv(house, "keep-letters", "https://issuer.example")); got != want.env {
			t.Errorf("%s: %d variables, want %d", tokens, got, want.env)
		}
	}
}
