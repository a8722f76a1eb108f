package source

import (
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"V01_no_brokers":       {func(c *Config) { c.Brokers = nil }, "brokers is missing"},
		"V01_no_topics":        {func(c *Config) { c.Topics = nil }, "topics is missing"},
		"V01_no_sink":          {func(c *Config) { c.Sink = "" }, "sink is missing"},
		"no_group":             {func(c *Config) { c.Group = "" }, "group is missing"},
		"no_name":              {func(c *Config) { c.Name = "" }, "name is missing"},
		"no_namespace":         {func(c *Config) { c.Namespace = "" }, "namespace is missing"},
		"sink_without_host":    {func(c *Config) { c.Sink = "/x" }, "no absolute http"},
		"sink_is_no_url":       {func(c *Config) { c.Sink = "http://a b" }, "sink: parse"},
		"dead_sink_scheme":     {func(c *Config) { c.DeadLetterSink = "ftp://x" }, "dead letter sink"},
		"V08_negative_retry":   {func(c *Config) { c.Delivery.Retry = -1 }, "must not be negative"},
		"V08_negative_delay":   {func(c *Config) { c.Delivery.Delay = -1 }, "must not be negative"},
		"V08_negative_timeout": {func(c *Config) { c.Delivery.Timeout = -1 }, "must not be negative"},
		"H3_upper_case":        {func(c *Config) { c.Overrides = map[string]string{"Ext": "x"} }, `override "Ext"`},
		"H3_no_name":           {func(c *Config) { c.Overrides = map[string]string{"": "x"} }, `override ""`},
		"H3_control_character": {func(c *Config) { c.Overrides = map[string]string{"ext": "a\nb"} }, "control character"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testConfig(&sinks{})
			tc.change(&c)
			if _, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}
