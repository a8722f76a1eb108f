package diff

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"somssi/local/render"
	"somssi/local/template"
)

// workload tells what becomes of the replicas of a function.
func workload(was, is render.Object) (told []string) {
	pod := func(o render.Object, key string) string { return o.Text("spec", "template", "spec", key) }
	scale := func(o render.Object, bound string) string {
		return cmp.Or(o.Text("spec", "template", "metadata", "annotations", "autoscaling.knative.dev/"+bound), "0")
	}
	const visibility = "networking.knative.dev/visibility"
	if a, b := was.Text("metadata", "labels", visibility), is.Text("metadata", "labels", visibility); a != b {
		told = append(told, map[bool]string{
			true: "has no host of its own outside of the cluster any more: a gateway calls it, or nobody does", false: "is reached from outside of the cluster, too",
		}[b == "cluster-local"])
	}
	least := "that many replicas stay while there is nothing to do"
	if scale(is, "min-scale") == "0" {
		least = "it goes away while it is idle, and the first event after that waits for a start"
	}
	most := "beyond that requests wait, and events are tried again"
	if scale(is, "max-scale") == "0" {
		most = "nothing bounds its replicas"
	}
	concurrency := "so many requests a replica takes at once; more wait, or start another one"
	if cmp.Or(pod(is, "containerConcurrency"), "0") == "0" {
		concurrency = "nothing bounds what a replica takes at once"
	}
	return slices.Concat(told,
		set("min scale", scale(was, "min-scale"), scale(is, "min-scale"), least),
		set("max scale", scale(was, "max-scale"), scale(is, "max-scale"), most),
		set("replicas", was.Text("spec", "replicas"), is.Text("spec", "replicas"), replicas(is)),
		set("concurrency", cmp.Or(pod(was, "containerConcurrency"), "0"), cmp.Or(pod(is, "containerConcurrency"), "0"), concurrency),
		set("request timeout", unit(pod(was, "timeoutSeconds"), "s"), unit(pod(is, "timeoutSeconds"), "s"), "what takes longer is answered 504, which a source tries again"),
		container(was, is))
}

func unit(number, unit string) string {
	if number == "" {
		return ""
	}
	return number + unit
}

// container tells what becomes of what runs, and of what it is given; not of the
// values, which may be secret in a cluster.
func container(was, is render.Object) (told []string) {
	a, b := first(was), first(is)
	told = slices.Concat(
		set("image", a.Text("image"), b.Text("image"), "new replicas take over one by one"),
		set("memory", a.Text("resources", "limits", "memory"), b.Text("resources", "limits", "memory"), "a replica that takes more is ended"),
		set("cpu", a.Text("resources", "requests", "cpu"), b.Text("resources", "requests", "cpu"), "what is set aside for a replica"))
	before, after := environment(a), environment(b)
	told = append(told, senders(before, after)...)
	for _, v := range slices.Sorted(keys(before, after)) {
		x, had := before[v]
		y, has := after[v]
		switch {
		case !had:
			told = append(told, fmt.Sprintf("is given %s, too", v))
		case !has:
			told = append(told, fmt.Sprintf("is given %s no more", v))
		case !reflect.DeepEqual(x, y):
			told = append(told, fmt.Sprintf("is given another %s", v))
		}
	}
	if !reflect.DeepEqual(mounts(was), mounts(is)) {
		told = append(told, "is given other files")
	}
	for _, told := range []string{"image", "resources", "env", "volumeMounts"} {
		delete(a, told)
		delete(b, told)
	}
	if !reflect.DeepEqual(a, b) {
		told = append(told, "changes in its container: probes, ports or security context")
	}
	return told
}

// first is a copy of the first container.
func first(o render.Object) render.Object {
	if all, _ := o.At("spec", "template", "spec", "containers").([]any); len(all) > 0 {
		if c, ok := all[0].(render.Object); ok {
			return maps.Clone(c)
		}
	}
	return render.Object{}
}

func environment(container render.Object) map[string]render.Object {
	all := map[string]render.Object{}
	list, _ := container["env"].([]any)
	for _, v := range list {
		if v, ok := v.(render.Object); ok {
			all[v.Text("name")] = v
		}
	}
	return all
}

// senders tells whom a function lets in, and takes the variables out that say so.
func senders(before, after map[string]render.Object) (told []string) {
	const subjects = "SENDER_SUBJECTS"
	switch a, b := before[subjects].Text("value"), after[subjects].Text("value"); {
	case a == "" && b != "":
		told = []string{"asks senders who they are: an event without the token of a source of its own is a dead letter at once"}
	case a != "" && b == "":
		told = []string{"asks senders no more who they are: whoever reaches it can send it events"}
	case a != b:
		told = []string{"takes events of other senders than before: " + strings.ReplaceAll(b, ",", ", ")}
	}
	for _, env := range []map[string]render.Object{before, after} {
		delete(env, subjects)
		if told != nil {
			maps.DeleteFunc(env, func(name string, _ render.Object) bool { return strings.HasPrefix(name, "SENDER_") })
		}
	}
	return told
}

// mounts are the files that a function is given, but for those that it asks its senders by.
func mounts(o render.Object) (all []any) {
	volumes, _ := o.At("spec", "template", "spec", "volumes").([]any)
	places, _ := first(o)["volumeMounts"].([]any)
	for _, one := range slices.Concat(volumes, places) {
		if one, _ := one.(render.Object); one.Text("name") != "sender" {
			all = append(all, one)
		}
	}
	return all
}

// audience tells whether a source says who it is.
func audience(was, is string) []string {
	return set("tokens for", was, is, map[bool]string{
		true: "its events say who sends them, which needs Knative's authentication-oidc", false: "its events do not say who sends them",
	}[is != ""])
}

func ping(was, is render.Object) []string {
	told := slices.Concat(
		audience(was.Text("spec", "sink", "audience"), is.Text("spec", "sink", "audience")),
		set("schedule", was.Text("spec", "schedule"), is.Text("spec", "schedule"), "from the next time on"),
		set("timezone", was.Text("spec", "timezone"), is.Text("spec", "timezone"), "the same fields mean another time"),
		set("events go to", was.Text("spec", "sink", "ref", "name"), is.Text("spec", "sink", "ref", "name"), "from the next time on"))
	if was.Text("spec", "data") != is.Text("spec", "data") {
		told = append(told, "carries other data")
	}
	return told
}

func topic(was, is render.Object) []string {
	number := func(o render.Object, keys ...string) int {
		n, _ := strconv.Atoi(o.Text(keys...))
		return n
	}
	then := "a key may move to another partition, and its later events overtake its earlier ones for a while"
	if number(is, "spec", "partitions") < number(was, "spec", "partitions") {
		then = "Kafka takes no partition away: Strimzi will refuse it; make a new topic"
	}
	a, b := retention(was), retention(is)
	kept := "what is older than that can be replayed no longer, and is deleted at once"
	if number(is, "spec", "config", "retention.ms") > number(was, "spec", "config", "retention.ms") {
		kept = "what is still there is kept for longer"
	}
	return slices.Concat(
		set("partitions", was.Text("spec", "partitions"), is.Text("spec", "partitions"), then),
		set("retention", a, b, kept),
		set("replicas", was.Text("spec", "replicas"), is.Text("spec", "replicas"), "so many brokers have each record; Strimzi needs Cruise Control to change it"),
		set("in-sync replicas", was.Text("spec", "config", "min.insync.replicas"), is.Text("spec", "config", "min.insync.replicas"), "with fewer nothing can be written"))
}

func retention(o render.Object) string {
	ms, err := strconv.ParseInt(o.Text("spec", "config", "retention.ms"), 10, 64)
	if err != nil {
		return o.Text("spec", "config", "retention.ms")
	}
	return template.Duration(time.Duration(ms) * time.Millisecond).String()
}

// user tells what a principal of Kafka may do from now on, and no more.
func user(was, is render.Object) (told []string) {
	before, after := rights(was), rights(is)
	for _, right := range after {
		if !slices.Contains(before, right) {
			told = append(told, "may "+right+", too")
		}
	}
	for _, right := range before {
		if !slices.Contains(after, right) {
			told = append(told, "may "+right+" no more")
		}
	}
	return told
}

func rights(o render.Object) (all []string) {
	rules, _ := o.At("spec", "authorization", "acls").([]any)
	for _, one := range rules {
		rule, _ := one.(render.Object)
		operations, _ := rule["operations"].([]any)
		for _, operation := range operations {
			all = append(all, fmt.Sprintf("%v %s %s", operation, rule.Text("resource", "type"), rule.Text("resource", "name")))
		}
	}
	return all
}

// comes tells of what was not there.
func comes(kind string, is render.Object, before, after side) ([]string, error) {
	switch kind {
	case "ksvc", "Deployment":
		return []string{"is new"}, nil
	case "KafkaSource":
		c, err := effective(is)
		return []string{fmt.Sprintf("is new: reads %s in group %s, which unless Kafka knows it starts at %s", strings.Join(c.Topics, ", "), c.Group, start(c))}, err
	case "Trigger":
		return []string{"is new: begins at the latest record of broker " + is.Text("spec", "broker")}, nil
	case "PingSource":
		return []string{fmt.Sprintf("is new: %q, %s", is.Text("spec", "schedule"), is.Text("spec", "timezone"))}, nil
	case "KafkaTopic":
		return []string{fmt.Sprintf("is new: %s partitions, kept for %s", is.Text("spec", "partitions"), retention(is))}, nil
	case "HTTPRoute":
		return []string{fmt.Sprintf("is new: %s has %s", is.Text("spec", "hostnames"), strings.Join(slices.Sorted(maps.Keys(served(is))), ", "))}, nil
	}
	if belongs(is, after, before) {
		return nil, nil
	}
	switch kind {
	case "HorizontalPodAutoscaler":
		return []string{fmt.Sprintf("is scaled between %s and %s replicas by what they use", is.Text("spec", "minReplicas"), is.Text("spec", "maxReplicas"))}, nil
	case "RedisUser":
		return []string{"is new, and cannot log in before it has a password: may " + strings.Join(words(is), " ")}, nil
	}
	return []string{"is new"}, nil
}

// goes tells of what is there no more.
func goes(kind string, was render.Object, before, after side) []string {
	switch kind {
	case "ksvc", "Deployment":
		return []string{"is gone: whoever still calls it, or sends it events, gets no answer"}
	case "KafkaSource", "Trigger":
		return []string{"is gone: events are delivered no more, and Kafka forgets its group after a week, unless told otherwise"}
	case "PingSource":
		return []string{"is gone: the clock sets it off no more"}
	case "KafkaTopic":
		return []string{"is gone: when it is deleted, so are all its records"}
	}
	if belongs(was, before, after) {
		return nil
	}
	switch kind {
	case "HorizontalPodAutoscaler":
		return []string{"is scaled no more: as many replicas stay as there are"}
	case "HTTPRoute":
		return []string{fmt.Sprintf("is gone: nobody is answered at %s", was.Text("spec", "hostnames"))}
	case "RedisUser":
		return []string{"is gone: Redis keeps it until ACL DELUSER"}
	}
	return []string{"is gone"}
}

// belongs tells whether an object is that of a function which only one side has:
// of which it is enough to tell.
func belongs(o render.Object, here, there side) bool {
	return slices.ContainsFunc(here, func(f render.Object) bool {
		return (f.Kind() == "ksvc" || f.Kind() == "Deployment") && (o.Name() == f.Name() || strings.HasPrefix(o.Name(), f.Name()+"-")) && render.Find(there, f) == nil
	})
}
