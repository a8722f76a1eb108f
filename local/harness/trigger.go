package harness

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/rs/zerolog"

	"somssi/local/manifest"
	"somssi/local/source"
	"somssi/local/template"
)

// trigger is a trigger that takes its events from Kafka, and its source.
type trigger struct {
	Function, Name string
	config         source.Config
	source         *source.Source
}

func (t *trigger) String() string { return t.Function + "/" + t.Name }

func (h *Harness) startTriggers(ctx context.Context, t *template.Template, say func(string, ...any)) error {
	if err := h.startSources(ctx, t); err != nil {
		return err
	}
	h.clock = cron.New(cron.WithParser(cron.NewParser(cron.SecondOptional|cron.Minute|cron.Hour|cron.Dom|cron.Month|cron.Dow|cron.Descriptor)),
		cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger)))
	for _, name := range t.Names() {
		for of, spec := range t.Functions[name].Triggers {
			if spec.Cron == nil {
				continue
			}
			job := ping{name, of, t.Namespace, *spec.Cron, h.as(manifest.Subject(t, name, of)), say}
			if _, err := h.clock.AddJob("CRON_TZ="+spec.Cron.Timezone+" "+spec.Cron.Schedule, job); err != nil {
				return fmt.Errorf("schedule %s/%s: %w", name, of, err)
			}
		}
	}
	h.clock.Start()
	return nil
}

// startSources starts one for each trigger that takes its events from Kafka.
func (h *Harness) startSources(ctx context.Context, t *template.Template) error {
	log := zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: time.TimeOnly, NoColor: true}).With().Timestamp().Logger()
	for _, name := range t.Names() {
		for of, spec := range t.Functions[name].Triggers {
			if spec.Kafka == nil && spec.Broker == nil {
				continue
			}
			c, err := h.source(t, name, of, log)
			if err != nil {
				return err
			}
			if err := h.startSource(ctx, name, of, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// source is a trigger as its Knative resources have it, delivering to the
// functions as they are reached from here.
func (h *Harness) source(t *template.Template, function, name string, log zerolog.Logger) (source.Config, error) {
	c, err := manifest.Config(t, function, name, h.brokers())
	c.KafkaOpts, c.Transport, c.Log = h.kafka, h.as(manifest.Subject(t, function, name)), log.Level(zerolog.WarnLevel)
	return c, err
}

// startSource starts the source of a trigger, whose deliveries go into the history.
func (h *Harness) startSource(ctx context.Context, function, name string, c source.Config) error {
	t := &trigger{Function: function, Name: name}
	c.Observe = func(d source.Delivered) { h.History.add(delivery(t, d, false)) }
	t.config = c // before the first event, which reads it
	s, err := source.Start(ctx, c)
	if err != nil {
		return err
	}
	t.source = s
	h.mu.Lock()
	defer h.mu.Unlock()
	h.triggers = append(h.triggers, t)
	return nil
}

// running is the triggers whose sources are there, by name.
func (h *Harness) running() []*trigger {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := slices.Clone(h.triggers)
	slices.SortFunc(all, func(a, b *trigger) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// named is the triggers that a name chooses: function/trigger, or all of a function.
func (h *Harness) named(name string) []*trigger {
	return slices.DeleteFunc(h.running(), func(t *trigger) bool { return t.Function != name && t.String() != name })
}

// asked is the trigger of a request's path; where there is none the answer says so.
func (h *Harness) asked(w http.ResponseWriter, r *http.Request) *trigger {
	name := r.PathValue("function") + "/" + r.PathValue("trigger")
	if found := h.named(name); len(found) == 1 {
		return found[0]
	}
	refuse(w, http.StatusNotFound, h.noTrigger(name))
	return nil
}

func (h *Harness) noTrigger(name string) string {
	var known []string
	for _, t := range h.running() {
		known = append(known, t.String())
	}
	if len(known) == 0 {
		return "no source is running yet: the harness is starting, or template.yaml has no Kafka trigger"
	}
	return "no function or trigger " + name + " takes events from Kafka: there are " + strings.Join(known, ", ")
}
