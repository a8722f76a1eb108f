package manifest

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"somssi/local/filter"
	"somssi/local/knative"
	"somssi/local/source"
	"somssi/local/template"
)

var servers = []string{"kafka-0:9092", "kafka-1:9092"}

func load(t *testing.T, text string) *template.Template {
	t.Helper()
	house, err := template.Parse("template.yaml", []byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	return house
}

const shop = `
version: 1
app: shop
namespace: shop
topics: {shop_orders: {}, Payments: {}}
functions:
  charge-card:
    triggers:
      created:
        kafka:
          topics: [shop_orders, Payments]
          group: shop.charge-card
          from: earliest
          delivery: {retry: 3, backoffPolicy: linear, backoffDelay: 500ms, timeout: 2h, deadLetter: {function: keep-letters}}
      again: {kafka: {topics: [shop_orders], group: shop.again, from: latest, ordering: unordered}}
  send-receipt:
    triggers:
      paid:
        broker:
          topic: Payments
          ordering: ordered
          filters: [{exact: {type: payment.captured}}, {cesql: "EXISTS region"}]
          delivery: {retry: 1, backoffDelay: 1s, deadLetter: {function: keep-letters}}
      ordered: {broker: {topic: shop_orders, filter: {attributes: {type: order.created}}}}
      moved: {broker: {topic: shop_orders}}
  keep-letters: {}
`

// What is written comes to the same as what runs.
func TestConfig(t *testing.T) {
	house := load(t, shop)
	base := source.Config{Namespace: "shop", Brokers: servers, KeyType: "string", Sink: "http://charge-card.shop.svc.cluster.local"}
	for _, tc := range []struct {
		function, trigger string
		want              func(*source.Config)
		filter            bool
	}{
		{"charge-card", "created", func(c *source.Config) {
			c.Topics, c.Group, c.Ordered = []string{"shop_orders", "Payments"}, "shop.charge-card", true
			c.Delivery = source.Delivery{Retry: 3, Delay: 500 * time.Millisecond, Timeout: 2 * time.Hour}
			c.DeadLetterSink = "http://keep-letters.shop.svc.cluster.local"
		}, false},
		{"charge-card", "again", func(c *source.Config) {
			c.Topics, c.Group, c.Latest = []string{"shop_orders"}, "shop.again", true
			c.Delivery = source.Delivery{Retry: 10, Exponential: true, Delay: 300 * time.Millisecond, Timeout: 600 * time.Second}
		}, false},
		{"send-receipt", "paid", func(c *source.Config) {
			c.Topics, c.Group, c.Latest, c.Trigger, c.Ordered = []string{"Payments"}, "knative-trigger-shop-send-receipt-paid", true, true, true
			c.Delivery = source.Delivery{Retry: 1, Exponential: true, Delay: time.Second, Timeout: 600 * time.Second}
			c.Sink, c.DeadLetterSink = "http://send-receipt.shop.svc.cluster.local", "http://keep-letters.shop.svc.cluster.local"
		}, true},
		{"send-receipt", "ordered", func(c *source.Config) {
			c.Topics, c.Group, c.Latest, c.Trigger = []string{"shop_orders"}, "knative-trigger-shop-send-receipt-ordered", true, true
			c.Sink, c.Delivery = "http://send-receipt.shop.svc.cluster.local", none
		}, true},
		{"send-receipt", "moved", func(c *source.Config) {
			c.Topics, c.Group, c.Latest, c.Trigger = []string{"shop_orders"}, "knative-trigger-shop-send-receipt-moved", true, true
			c.Sink, c.Delivery = "http://send-receipt.shop.svc.cluster.local", none
		}, false},
	} {
		t.Run(tc.function+"_"+tc.trigger, func(t *testing.T) {
			want := base
			want.Name = tc.function + "-" + tc.trigger
			tc.want(&want)
			got, err := Config(house, tc.function, tc.trigger, servers)
			if filters := got.Filter != nil; filters != tc.filter {
				t.Errorf("filters %v, want %v", filters, tc.filter)
			}
			got.Filter = nil // functions can not be compared
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("config (error %v)\n%+v, want\n%+v", err, got, want)
			}
		})
	}
}

// none is what a Trigger has without any delivery: the delay of no retry does
// not count.
var none = source.Delivery{Exponential: true, Timeout: 600 * time.Second}

func TestConfig_filters(t *testing.T) {
	c, err := Config(load(t, shop), "send-receipt", "ordered", servers)
	if err != nil {
		t.Fatal(err)
	}
	if pass, _ := c.Filter(map[string]string{"type": "order.created"}); !pass {
		t.Error("order.created does not pass")
	}
	if pass, why := c.Filter(map[string]string{"type": "order.changed"}); pass || !strings.Contains(why, "order.changed") {
		t.Errorf("order.changed passes %v because %q", pass, why)
	}
}

func TestConfig_refuses(t *testing.T) {
	house := load(t, shop)
	for _, trigger := range []string{"created", "again"} {
		_, err := Config(house, "charge-card", trigger, []string{"kafka"})
		if err == nil || !strings.HasPrefix(err.Error(), "KafkaSource shop/charge-card-"+trigger+": spec.bootstrapServers[0]: is no host:port") {
			t.Errorf("error %v", err)
		}
	}
	trigger := house.Functions["send-receipt"].Triggers["moved"]
	trigger.Broker.Filters = []filter.Spec{{}}
	if _, err := Config(house, "send-receipt", "moved", servers); err == nil || !strings.HasPrefix(err.Error(), "Trigger shop/send-receipt-moved: spec.filters[0]: ") {
		t.Errorf("error %v", err)
	}
}

func TestAll(t *testing.T) {
	all, err := All(load(t, shop), servers)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := knative.Write(&out, all...); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/shop.yaml")
	if err != nil || out.String() != string(want) {
		t.Errorf("error %v; wrote\n%s\nwant\n%s", err, out.String(), want)
	}
}

func TestAll_refuses(t *testing.T) {
	const head = "version: 1\napp: a\nnamespace: a\n"
	for name, tc := range map[string]struct{ text, want string }{
		"brokers_of_one_name": {head + `
topics: {a_b: {}, a-b: {}}
functions: {do-it: {triggers: {x: {broker: {topic: a_b}}, y: {broker: {topic: a-b}}}}}`, "topics a_b and a-b would both have the Broker a-b"},
		"topic_without_a_letter": {head + `
topics: {___: {}}
functions: {do-it: {triggers: {x: {broker: {topic: ___}}}}}`, "Broker a/: metadata.name: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := All(load(t, tc.text), servers); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
}

// Our own template makes resources that are right.
func TestAll_ours(t *testing.T) {
	house, err := template.Load("../../template.yaml", "")
	if err != nil {
		t.Fatal(err)
	}
	all, err := All(house, servers)
	if err != nil || len(all) == 0 {
		t.Errorf("%d resources, error %v", len(all), err)
	}
}
