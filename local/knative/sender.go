package knative

import (
	"crypto/md5"
	"fmt"
	"strings"
	"unicode"
)

// Subject is who a KafkaSource, PingSource or Trigger is in the tokens that it sends: the ServiceAccount that
// Knative makes for it where authentication-oidc is on. Its dead letters come from the same.
func Subject(kind, namespace, name string) string {
	group, _, _ := strings.Cut(sources, "/")
	if kind == "Trigger" {
		group, _, _ = strings.Cut(eventing, "/")
	}
	return "system:serviceaccount:" + namespace + ":" + childName(name, "-oidc-"+group+"-"+kind)
}

// childName joins a name and a suffix of more than 31 letters to what Kubernetes takes, as kmeta.ChildName of
// Knative does: one that is too long is cut, and is told apart by a hash.
func childName(name, suffix string) string {
	const longest, head = 63, 31
	if len(name)+len(suffix) <= longest {
		return strings.ToLower(name + suffix)
	}
	child := fmt.Sprintf("%s%x", name[:min(head, len(name))], md5.Sum([]byte(name+suffix))) // no secret: a name
	child += suffix[:longest-len(child)]
	return strings.ToLower(strings.TrimRightFunc(child, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }))
}

// Audience is whom a token is for that a Knative Service is sent, in the form of Knative's own audiences.
func Audience(service, namespace string) string {
	return "serving.knative.dev/service/" + namespace + "/" + service
}
