package knative

import "testing"

// The names are what kmeta.ChildName of Knative 1.23 makes of them.
func TestSubject(t *testing.T) {
	for _, tc := range []struct{ kind, name, want string }{
		{"KafkaSource", "a", "a-oidc-sources.knative.dev-kafkasource"},
		{"PingSource", "relay-outbox-sweep", "relay-outbox-sweep-oidc-sources.knative.dev-pingsource"},
		{"KafkaSource", "send-receipt-paid-orders-x", "send-receipt-paid-orders-x-oidc-sources.knative.dev-kafkasource"},
		{"KafkaSource", "send-receipt-paid-orders-xy", "send-receipt-paid-orders-xydf8285aafad171b98dab3a26d9734052-oid"},
		{"PingSource", "send-receipt-paid-orders-xy", "send-receipt-paid-orders-xy-oidc-sources.knative.dev-pingsource"},
		{"Trigger", "send-receipt-paid-orders-xy", "send-receipt-paid-orders-xy-oidc-eventing.knative.dev-trigger"},
		{"KafkaSource", "update-stats-talents-of-all-who-are", "update-stats-talents-of-all-whofcf130eaefc00aca7dc5272c6cdf408d"},
		{"Trigger", "update-stats-talents-of-all-who-are", "update-stats-talents-of-all-who1a867e407ad3ba3c4576b10c5b7a5a23"},
		{"KafkaSource", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-e67be61ec1c746fef8e929cd6a0fe20d"},
		{"PingSource", "notify-interested-in-everything-here-and-there-now-and-then-ab", "notify-interested-in-everything038ce85f55803e5206d5eb8aa5592663"},
	} {
		if got, want := Subject(tc.kind, "shop", tc.name), "system:serviceaccount:shop:"+tc.want; got != want {
			t.Errorf("%s %s is\n%s, want\n%s", tc.kind, tc.name, got, want)
		}
	}
}
