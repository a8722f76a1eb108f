package diff

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"somssi/local/render"
)

// shop is the rendered shop with a patch: as in prod, or where there are Triggers as in dev.
func shop(t *testing.T, env, patch string) []render.Object {
	t.Helper()
	files, err := render.Read("../render/testdata/shop")
	if err != nil {
		t.Fatal(err)
	}
	files = maps.Clone(files)
	files["overlays/"+env+"/patches.yaml"] += "\n---\n" + patch
	all, err := render.Resources(files, env)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const (
	orders  = "apiVersion: sources.knative.dev/v1\nkind: KafkaSource\nmetadata: {name: charge-card-orders}\n"
	nightly = "apiVersion: sources.knative.dev/v1\nkind: PingSource\nmetadata: {name: charge-card-nightly}\n"
	paid    = "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: send-receipt-paid}\n"
	charge  = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: charge-card}\n"
	show    = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: show-orders}\n"
	topics  = "apiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\nmetadata: {name: shop-orders}\n"
	who     = "apiVersion: kafka.strimzi.io/v1\nkind: KafkaUser\nmetadata: {name: charge-card}\n"
	net     = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: charge-card}\n"
	hpa     = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: show-orders}\n"
	web     = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: shop}\n"
	gone    = "$patch: delete\n"
)

func TestOf(t *testing.T) {
	for _, tc := range []struct {
		name, before, after string // what is patched of the shop
		want                string // a line a change
	}{
		{"nothing", "", "", ""},
		{"no_retries", "", orders + "spec: {delivery: {retry: 0}}", "charge-card/orders: retries 3 → 0: an event that fails once is a dead letter at once"},
		{"no_retries_nor_dead_letters", "", orders + "spec: {delivery: {retry: 0, deadLetterSink: null}}",
			"charge-card/orders: retries 3 → 0: an event that fails once is lost at once\ncharge-card/orders: dead letters go to keep-letters → none: an event that failed to the end is lost"},
		{"fewer_retries", "", orders + "spec: {delivery: {retry: 2}}", "charge-card/orders: retries 3 → 2: an outage is outlasted for 1.5 s, not 3 s; after that an event is a dead letter"},
		{"other_waits", "", orders + "spec: {delivery: {backoffPolicy: exponential, backoffDelay: PT1S}}",
			"charge-card/orders: waits linear 500ms → exponential 1s: an outage is outlasted for 14 s, not 3 s; after that an event is a dead letter"},
		// Knative's own ten retries, which the fields of the other side had taken away.
		{"no_delivery", "", orders + "spec: {delivery: null}",
			"charge-card/orders: retries 3 → 10, waits linear 500ms → exponential 300ms: an outage is outlasted for 613.8 s, not 3 s; after that an event is lost\n" +
				"charge-card/orders: timeout 30s → 10m: a try that takes longer has failed, though the function may still be at it\n" +
				"charge-card/orders: dead letters go to keep-letters → none: an event that failed to the end is lost"},
		{"timeout", "", orders + "spec: {delivery: {timeout: PT5S}}", "charge-card/orders: timeout 30s → 5s: a try that takes longer has failed, though the function may still be at it"},
		{"dead_letters", "", orders + "spec: {delivery: {deadLetterSink: {ref: {name: send-receipt}}}}", "charge-card/orders: dead letters go to keep-letters → send-receipt: events that failed to the end are kept there"},
		{"group", "", orders + "spec: {consumerGroup: b}", "charge-card/orders: group renamed shop.charge-card → b: it can not be changed, so the KafkaSource must be deleted first; the new group starts at earliest: everything that is kept is delivered again"},
		{"group_at_latest", "", orders + "spec: {consumerGroup: b, initialOffset: latest}", "charge-card/orders: group renamed shop.charge-card → b: it can not be changed, so the KafkaSource must be deleted first; the new group starts at latest: what was written before is not delivered"},
		{"latest", "", orders + "spec: {initialOffset: latest}", "charge-card/orders: starts at earliest → latest: counts only for partitions of which the group has no place yet"},
		{"unordered", "", orders + "spec: {ordering: unordered}", "charge-card/orders: ordered → unordered: an event no longer waits for the one before it in its partition"},
		{"ordered", orders + "spec: {ordering: unordered}", "", "charge-card/orders: unordered → ordered: one event in flight a partition, and one that fails holds up those behind it"},
		{"topics", "", orders + "spec: {topics: [Payments, more]}", "charge-card/orders: reads more, too: from earliest: everything that is kept is delivered again\ncharge-card/orders: reads shop_orders no more: what is written to it does not come here"},
		{"paused", "", orders + "spec: {consumers: 0}", "charge-card/orders: consumers 1 → 0: it is paused, and goes on from here when there is one again"},
		{"kafka", "", orders + "spec: {bootstrapServers: [\"b:9092\"]}", "charge-card/orders: Kafka is at kafka-0:9092,kafka-1:9093 → b:9092: where that is another Kafka, the group starts at earliest: everything that is kept is delivered again"},
		{"sink", "", orders + "spec: {sink: {ref: {name: keep-letters}}}", "charge-card/orders: events go to charge-card → keep-letters: from the next delivery on"},
		{"tokens", "", orders + "spec: {sink: {audience: a}, delivery: {deadLetterSink: {audience: b}}}", "charge-card/orders: tokens for none → a: its events say who sends them, which needs Knative's authentication-oidc"},
		{"no_tokens", orders + "spec: {sink: {audience: a}}", "", "charge-card/orders: tokens for a → none: its events do not say who sends them"},
		{"keda", "", with(orders, `annotations: {autoscaling.eventing.knative.dev/max-scale: "9"}`), "charge-card/orders: most consumers 5 → 9: where KEDA scales them"},
		{"source_gone", "", orders + gone, "charge-card/orders: is gone: events are delivered no more, and Kafka forgets its group after a week, unless told otherwise"},
		{"source_new", orders + gone, "", "charge-card/orders: is new: reads shop_orders, Payments in group shop.charge-card, which unless Kafka knows it starts at earliest: everything that is kept is delivered again"},

		{"filter", "", paid + "spec: {filters: [{exact: {type: other}}]}", "send-receipt/paid: its filter changes: from now on others of the topic's events pass; those that went by do not come again"},
		{"trigger_retries", "", paid + "spec: {delivery: {retry: 0}}", "send-receipt/paid: retries 3 → 0: an event that fails once is a dead letter at once"},
		{"trigger_new", paid + gone, "", "send-receipt/paid: is new: begins at the latest record of broker payments"},

		{"schedule", "", nightly + "spec: {schedule: \"0 3 * * *\", data: \"{}\"}", "charge-card/nightly: schedule 0 2 * * * → 0 3 * * *: from the next time on\ncharge-card/nightly: carries other data"},
		{"no_clock", "", nightly + gone, "charge-card/nightly: is gone: the clock sets it off no more"},

		{"min_scale", "", charge + scale("min-scale", "0"), "charge-card: min scale 1 → 0: it goes away while it is idle, and the first event after that waits for a start"},
		{"max_scale", "", charge + scale("max-scale", "2"), "charge-card: max scale 4 → 2: beyond that requests wait, and events are tried again"},
		{"no_max_scale", "", charge + scale("max-scale", "0"), "charge-card: max scale 4 → 0: nothing bounds its replicas"},
		{"concurrency", "", charge + "spec: {template: {spec: {containerConcurrency: 1}}}", "charge-card: concurrency 10 → 1: so many requests a replica takes at once; more wait, or start another one"},
		{"request_timeout", "", charge + "spec: {template: {spec: {timeoutSeconds: 5}}}", "charge-card: request timeout 20s → 5s: what takes longer is answered 504, which a source tries again"},
		{"visibility", "", with(charge, "labels: null"), "charge-card: is reached from outside of the cluster, too"},
		{"other_field", "", charge + "spec: {template: {spec: {enableServiceLinks: true}}}", "charge-card: changes in spec.template.spec.enableServiceLinks"},
		{"function_gone", "", charge + gone, "charge-card: is gone: whoever still calls it, or sends it events, gets no answer"},
		{"replicas", "", show + "spec: {replicas: 3}", "show-orders: replicas none → 3: each has its own share of the open streams"},
		{"no_replicas", show + "spec: {replicas: 2}\n---\n" + hpa + gone, "",
			"show-orders: replicas 2 → none: the autoscaler counts them; kubectl apply makes it one for a moment, and open streams connect again\n" +
				"show-orders: is scaled between 1 and 3 replicas by what they use"},
		{"scaler", "", hpa + "spec: {minReplicas: 2, maxReplicas: 9}", "show-orders: min scale 1 → 2: that many replicas stay while there is nothing to do\nshow-orders: max scale 3 → 9: beyond that streams crowd on those there are"},
		{"scaler_gone", "", hpa + gone, "show-orders: is scaled no more: as many replicas stay as there are"},

		{"host", "", web + "spec: {hostnames: [a.example], parentRefs: [{name: other, namespace: gateways}]}",
			"HTTPRoute shop: host shop.example → a.example: who asks at another one is not answered\nHTTPRoute shop: gateway gateways/edge → gateways/other: it must have a listener for the host"},
		{"paths", "", web + `spec: {rules: [{matches: [{path: {value: /orders/live}}], timeouts: {request: 15s}, backendRefs: [{name: show-orders}]}]}`,
			"HTTPRoute shop: requests to /orders go to serve-shop through knative-local-gateway → none: where there is none, whoever has the path above it answers\n" +
				"HTTPRoute shop: requests to /orders/live go to show-orders → show-orders within 15s: where there is none, whoever has the path above it answers"},
		{"route_new", web + gone, "", "HTTPRoute shop: is new: shop.example has /orders, /orders/live"},
		{"route_gone", "", web + gone, "HTTPRoute shop: is gone: nobody is answered at shop.example"},
		{"connects", "", net + "spec: {egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: \"::/0\"}}], ports: [{port: 5432}, {port: 4318}]}]}",
			"NetworkPolicy charge-card: may connect to port 4318 of 0.0.0.0/0 or ::/0, too\nNetworkPolicy charge-card: may connect to port 9092 of 0.0.0.0/0 or ::/0 no more\nNetworkPolicy charge-card: may connect to port 9093 of 0.0.0.0/0 or ::/0 no more"},
		{"connects_otherwise", "", net + "spec: {egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: \"::/0\"}}], ports: [{port: 5432}, {port: 9092}, {port: 9093}]}]}",
			"NetworkPolicy charge-card: changes in spec.egress"},

		{"partitions", "", topics + "spec: {partitions: 4}", "topic shop_orders: partitions 2 → 4: a key may move to another partition, and its later events overtake its earlier ones for a while"},
		{"partitions_less", "", topics + "spec: {partitions: 1}", "topic shop_orders: partitions 2 → 1: Kafka takes no partition away: Strimzi will refuse it; make a new topic"},
		{"retention", "", topics + "spec: {config: {retention.ms: 86400000}}", "topic shop_orders: retention 7d → 1d: what is older than that can be replayed no longer, and is deleted at once"},
		{"retention_more", "", topics + "spec: {config: {retention.ms: 864000000}}", "topic shop_orders: retention 7d → 10d: what is still there is kept for longer"},
		{"policy_of_an_old_function", net + gone, "", "NetworkPolicy charge-card: is new"},
		{"policy_gone", "", net + gone, "NetworkPolicy charge-card: is gone"},
		{"rights", "", who + "spec: {authorization: {acls: [{resource: {type: topic, name: Payments}, operations: [Describe, Read]}]}}", "KafkaUser charge-card: may Read topic Payments, too\nKafkaUser charge-card: may Write topic Payments no more"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := "prod"
			if strings.Contains(tc.before+tc.after, "kind: Trigger") {
				env = "dev"
			}
			changes, err := Of(shop(t, env, tc.before), shop(t, env, tc.after))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range changes {
				got = append(got, c.String())
			}
			if strings.Join(got, "\n") != tc.want {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), tc.want)
			}
		})
	}
}

// with is a patch that says more of the metadata.
func with(patch, more string) string { return strings.Replace(patch, "}", ", "+more+"}", 1) }

func scale(bound, n string) string {
	return "spec: {template: {metadata: {annotations: {autoscaling.knative.dev/" + bound + ": \"" + n + "\"}}}}"
}

// Redis is told of as a function is: by what it may do.
func TestOf_users_of_Redis(t *testing.T) {
	before := RedisUsers("# of Redis\nuser a-b on -@all ~a:* +get +set\nuser gone-on on +get\nuser same-as on +get\nuser default off\n")
	after := RedisUsers("user a-b on -@all ~b:* +get\nuser new-here on -@all &c +publish\nuser same-as off +get\nuser default off\n")
	changes, err := Of(before, after)
	var got []string
	for _, c := range changes {
		got = append(got, c.String())
	}
	want := []string{
		"a-b in Redis: may ~b:*, too", "a-b in Redis: may ~a:* +set no more: first let the functions that still do be gone",
		"gone-on in Redis: is gone: Redis keeps it until ACL DELUSER",
		"new-here in Redis: is new, and cannot log in before it has a password: may &c +publish",
		"same-as in Redis: has other rules: off +get",
	}
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("error %v, got\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A function that comes is told once, with what sets it off.
func TestOf_new_function(t *testing.T) {
	all := shop(t, "dev", "")
	var before []render.Object
	for _, o := range all {
		if !strings.HasPrefix(o.Name(), "send-receipt") {
			before = append(before, o)
		}
	}
	changes, err := Of(before, all)
	if err != nil || len(changes) != 2 || changes[0].String() != "send-receipt: is new" || changes[1].Subject != "send-receipt/paid" {
		t.Errorf("changes %v, error %v", changes, err)
	}
}

// What runs is told by its parts, and no value of a variable.
func TestOf_container(t *testing.T) {
	after := shop(t, "prod", "")
	c := render.Find(after, render.Object{"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": render.Object{"name": "charge-card"}}).
		At("spec", "template", "spec", "containers").([]any)[0].(render.Object)
	c["image"] = "registry.example:5000/shop/charge-card:2"
	c["resources"].(render.Object)["limits"] = render.Object{"memory": "64Mi"}
	delete(c, "livenessProbe")
	c["env"] = append(c["env"].([]any)[1:], render.Object{"name": "NEW", "value": "secret"})
	for _, v := range c["env"].([]any) {
		if v := v.(render.Object); v["name"] == "PRICE" {
			v["value"] = "secret"
		}
	}
	changes, err := Of(shop(t, "prod", ""), after)
	var got []string
	for _, c := range changes {
		got = append(got, c.What)
	}
	want := []string{
		"image registry.example:5000/shop/charge-card → registry.example:5000/shop/charge-card:2: new replicas take over one by one",
		"memory 200Mi → 64Mi: a replica that takes more is ended",
		"is given METRICS_PORT no more", "is given NEW, too", "is given another PRICE",
		"changes in its container: probes, ports or security context",
	}
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("error %v, got\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// That functions ask who sends is told in one sentence each, with all that comes with it.
func TestOf_senders(t *testing.T) {
	before, after := shop(t, "dev", ""), shop(t, "dev", "")
	for _, o := range before {
		if spec, _ := o.At("spec", "template", "spec").(render.Object); o.Kind() == "ksvc" {
			c := spec["containers"].([]any)[0].(render.Object)
			delete(spec, "volumes")
			delete(c, "volumeMounts")
			c["env"] = slices.DeleteFunc(c["env"].([]any), func(v any) bool { return strings.HasPrefix(v.(render.Object).Text("name"), "SENDER_") })
		}
	}
	told := func(before, after []render.Object) string {
		changes, err := Of(before, after)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, c := range changes {
			lines = append(lines, c.String())
		}
		return strings.Join(lines, "\n")
	}
	var on, off []string
	for _, name := range []string{"charge-card", "keep-letters", "send-receipt"} {
		on = append(on, name+": asks senders who they are: an event without the token of a source of its own is a dead letter at once")
		off = append(off, name+": asks senders no more who they are: whoever reaches it can send it events")
	}
	if got, want := told(before, after), strings.Join(on, "\n"); got != want {
		t.Errorf("on: got\n%s\nwant\n%s", got, want)
	}
	if got, want := told(after, before), strings.Join(off, "\n"); got != want {
		t.Errorf("off: got\n%s\nwant\n%s", got, want)
	}
	for _, o := range before {
		if o.Kind() == "ksvc" && o.Name() == "keep-letters" {
			c := o.At("spec", "template", "spec", "containers").([]any)[0].(render.Object)
			c["env"] = append(c["env"].([]any), render.Object{"name": "SENDER_SUBJECTS", "value": "a,b"})
		}
	}
	want := strings.Replace(strings.Join(on, "\n"), on[1], "keep-letters: takes events of other senders than before: system:serviceaccount:shop-dev:charge-card-orders-oidc-sources.knative.dev-kafkasource, "+
		"system:serviceaccount:shop-dev:send-receipt-paid-oidc-eventing.knative.dev-trigger", 1)
	if got := told(before, after); got != want {
		t.Errorf("others: got\n%s\nwant\n%s", got, want)
	}
}

// fakeKubectl answers with what a cluster makes of a manifest: fields filled in,
// state, and a Service of its own.
const fakeKubectl = `#!/bin/sh
echo "$*" > "$KUBECTL_LOG"
cat <<'JSON'
{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "charge-card", "ownerReferences": [{"kind": "Route"}]}},
  {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "old-function"}, "spec": {}},
  {"apiVersion": "sources.knative.dev/v1", "kind": "KafkaSource", "metadata": {"name": "charge-card-orders", "namespace": "shop", "uid": "1", "annotations": {"x": "y"}},
   "spec": {"bootstrapServers": ["kafka-0:9092"], "topics": ["shop_orders"], "consumerGroup": "g", "consumers": 1, "initialOffset": "earliest", "ordering": "ordered",
     "delivery": {"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT0.5S", "timeout": "PT30S"},
     "sink": {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "charge-card", "namespace": "shop"}}},
   "status": {"conditions": []}}
]}
JSON
`

func TestCluster(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "kubectl"), []byte(fakeKubectl), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("KUBECTL_LOG", filepath.Join(folder, "log"))
	want, err := render.Parse(orders + "spec: {bootstrapServers: [\"kafka-0:9092\"], topics: [shop_orders], consumerGroup: g, consumers: 1, initialOffset: earliest, ordering: ordered,\n" +
		"  delivery: {retry: 3, backoffPolicy: linear, backoffDelay: PT0.5S, timeout: PT30S}, sink: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: charge-card}}}\n---\n" + charge)
	if err != nil {
		t.Fatal(err)
	}
	have, err := Cluster(t.Context(), "shop", "shop", want)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := os.ReadFile(filepath.Join(folder, "log"))
	if text := "get kafkasource.sources.knative.dev,service.serving.knative.dev --namespace=shop --selector=app.kubernetes.io/part-of=shop --output=json\n"; err != nil || string(asked) != text {
		t.Errorf("asked %q (%v), want %q", asked, err, text)
	}
	changes, err := Of(have, want)
	var got []string
	for _, c := range changes {
		got = append(got, c.String())
	}
	text := strings.Join([]string{
		"charge-card: is new",
		"old-function: is gone: whoever still calls it, or sends it events, gets no answer",
		"charge-card/orders: retries 1 → 3: an outage is outlasted for 3 s, not 0.5 s; after that an event is lost",
	}, "\n")
	if err != nil || strings.Join(got, "\n") != text {
		t.Errorf("error %v, got\n%s\nwant\n%s", err, strings.Join(got, "\n"), text)
	}
}
