package diff

import (
	"fmt"
	"slices"
	"strings"

	"somssi/local/render"
)

// RedisUsers are the users in a rendered users.acl, as objects that Of compares.
func RedisUsers(text string) (all []render.Object) {
	for line := range strings.Lines(text) {
		name, rules, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "user "), " ")
		if strings.HasPrefix(line, "user ") && name != "default" { // who is off
			all = append(all, render.Object{"kind": "RedisUser", "metadata": render.Object{"name": name}, "rules": rules})
		}
	}
	return all
}

// words are the rules of a user of Redis that are its own.
func words(o render.Object) []string {
	const ofAll = " on off resetkeys resetchannels -@all +@connection -@admin -@dangerous "
	return slices.DeleteFunc(strings.Fields(o.Text("rules")), func(word string) bool { return strings.Contains(ofAll, " "+word+" ") })
}

// redisUser tells what a function may do in Redis from now on, and no more.
func redisUser(was, is render.Object) (told []string) {
	missing := func(of, from []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(of), func(word string) bool { return slices.Contains(from, word) }), " ")
	}
	before, after := words(was), words(is)
	if more := missing(after, before); more != "" {
		told = append(told, "may "+more+", too")
	}
	if less := missing(before, after); less != "" {
		told = append(told, "may "+less+" no more: first let the functions that still do be gone")
	}
	if len(told) == 0 && was.Text("rules") != is.Text("rules") {
		told = append(told, "has other rules: "+is.Text("rules"))
	}
	return told
}

// network tells where a function may connect to from now on, or who may call it.
func network(was, is render.Object) (told []string) {
	for _, side := range []struct{ of, says string }{{"egress", "may connect to "}, {"ingress", "may be called on "}} {
		before, after := ends(was, side.of), ends(is, side.of)
		for _, end := range after {
			if !slices.Contains(before, end) {
				told = append(told, side.says+end+", too")
			}
		}
		for _, end := range before {
			if !slices.Contains(after, end) {
				told = append(told, side.says+end+" no more")
			}
		}
	}
	return told
}

// ends are the ports that the rules of a policy let through, each with its peers.
func ends(o render.Object, side string) (all []string) {
	rules, _ := o.At("spec", side).([]any)
	for _, rule := range rules {
		rule, _ := rule.(render.Object)
		peers, _ := rule[map[string]string{"egress": "to", "ingress": "from"}[side]].([]any)
		var names []string
		for _, peer := range peers {
			peer, _ := peer.(render.Object)
			name := peer.Text("namespaceSelector", "matchLabels", "kubernetes.io/metadata.name")
			if block := peer.Text("ipBlock", "cidr"); block != "" {
				name = block
			}
			names = append(names, name)
		}
		ports, _ := rule["ports"].([]any)
		for _, port := range ports {
			port, _ := port.(render.Object)
			all = append(all, fmt.Sprintf("port %s of %s", port.Text("port"), strings.Join(names, " or ")))
		}
	}
	return all
}

// scaler tells within what bounds the replicas of a stream are.
func scaler(was, is render.Object) []string {
	return slices.Concat(
		set("min scale", was.Text("spec", "minReplicas"), is.Text("spec", "minReplicas"), "that many replicas stay while there is nothing to do"),
		set("max scale", was.Text("spec", "maxReplicas"), is.Text("spec", "maxReplicas"), "beyond that streams crowd on those there are"))
}

func replicas(is render.Object) string {
	if is.Text("spec", "replicas") == "" {
		return "the autoscaler counts them; kubectl apply makes it one for a moment, and open streams connect again"
	}
	return "each has its own share of the open streams"
}

// route tells what is served where.
func route(was, is render.Object) []string {
	gateway := func(o render.Object) (text string) {
		parents, _ := o.At("spec", "parentRefs").([]any)
		for _, p := range parents {
			p, _ := p.(render.Object)
			text += p.Text("namespace") + "/" + p.Text("name")
		}
		return text
	}
	told := slices.Concat(
		set("host", was.Text("spec", "hostnames"), is.Text("spec", "hostnames"), "who asks at another one is not answered"),
		set("gateway", gateway(was), gateway(is), "it must have a listener for the host"))
	before, after := served(was), served(is)
	for _, path := range slices.Sorted(keys(before, after)) {
		told = append(told, set("requests to "+path+" go to", before[path], after[path], "where there is none, whoever has the path above it answers")...)
	}
	return told
}

// served are the paths of a route, and who answers them, how long he may take.
func served(o render.Object) map[string]string {
	all := map[string]string{}
	rules, _ := o.At("spec", "rules").([]any)
	for _, rule := range rules {
		rule, _ := rule.(render.Object)
		to := firstOf(rule, "backendRefs").Text("name")
		if host := firstOf(rule, "filters").Text("urlRewrite", "hostname"); host != "" {
			to, _, _ = strings.Cut(host, ".")
			to = fmt.Sprintf("%s through %s", to, firstOf(rule, "backendRefs").Text("name"))
		}
		if timeout := rule.Text("timeouts", "request"); timeout != "" {
			to += " within " + timeout
		}
		all[firstOf(rule, "matches").Text("path", "value")] = strings.TrimSuffix(to, " within 0s")
	}
	return all
}

// firstOf is the first of a list.
func firstOf(o render.Object, key string) render.Object {
	if list, _ := o[key].([]any); len(list) > 0 {
		one, _ := list[0].(render.Object)
		return one
	}
	return nil
}
