package main

import (
	"fmt"
	"net/netip"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/labels"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kinds are those that are judged by their Go types. All others are judged by the
// schemas of their CustomResourceDefinitions.
var kinds = map[string]func(*checker, *object){
	"v1 ConfigMap":                           typed((*checker).configMap),
	"v1 Namespace":                           typed(func(*checker, *object, *corev1.Namespace) {}),
	"v1 Secret":                              typed((*checker).writtenSecret),
	"v1 Service":                             typed((*checker).service),
	"v1 ServiceAccount":                      typed(func(*checker, *object, *corev1.ServiceAccount) {}),
	"apps/v1 Deployment":                     typed((*checker).deployment),
	"autoscaling/v2 HorizontalPodAutoscaler": typed((*checker).autoscaler),
	"batch/v1 Job":                           typed((*checker).job),
	"networking.k8s.io/v1 NetworkPolicy":     typed((*checker).networkPolicy),
	"policy/v1 PodDisruptionBudget":          typed((*checker).disruption),
	"serving.knative.dev/v1 Service":         (*checker).knativeService,
	"sources.knative.dev/v1 PingSource":      (*checker).pingSource,
	"eventing.knative.dev/v1 Trigger":        (*checker).trigger,
	"eventing.knative.dev/v1 Broker":         (*checker).broker,
	"sources.knative.dev/v1 KafkaSource":     (*checker).kafka,
}

// typed judges an object of a Go type, once it is read into it.
func typed[T any](check func(*checker, *object, *T)) func(*checker, *object) {
	return func(c *checker, o *object) {
		var into T
		if c.decode(o, &into) {
			check(c, o, &into)
		}
	}
}

func (c *checker) configMap(o *object, m *corev1.ConfigMap) {
	for name := range m.Data {
		for _, what := range utilvalidation.IsConfigMapKey(name) {
			c.at(o, ruleCore, join("data", name), what, "use another key")
		}
	}
}

// writtenSecret refuses what a Secret would be written down by. One that a
// kustomization makes of a file has what the file has.
func (c *checker) writtenSecret(o *object, s *corev1.Secret) {
	if o.made {
		return
	}
	for _, field := range []string{"data", "stringData"} {
		if _, written := o.value[field]; written {
			c.at(o, ruleSecret, field, "is in a manifest, where everybody reads it", "remove it: the operator makes the Secret")
		}
	}
}

func (c *checker) service(o *object, s *corev1.Service) {
	if len(s.Spec.Ports) == 0 && s.Spec.ClusterIP != corev1.ClusterIPNone && s.Spec.Type != corev1.ServiceTypeExternalName {
		c.at(o, ruleCore, "spec.ports", "missing", "name at least one port")
	}
	names := map[string]bool{}
	for i, p := range s.Spec.Ports {
		at := fmt.Sprintf("spec.ports[%d]", i)
		c.port(o, ruleCore, at+".port", int(p.Port))
		if p.TargetPort.StrVal == "" && p.TargetPort.IntVal != 0 {
			c.port(o, ruleCore, at+".targetPort", int(p.TargetPort.IntVal))
		}
		if names[p.Name] || p.Name == "" && len(s.Spec.Ports) > 1 {
			c.at(o, ruleCore, at+".name", "is not the port's own", "give each port a name of its own")
		}
		names[p.Name] = true
	}
}

func (c *checker) port(o *object, rule, field string, port int) {
	if port < 1 || port > 65535 {
		c.at(o, rule, field, fmt.Sprintf("%d is no port", port), "use 1 to 65535")
	}
}

func (c *checker) deployment(o *object, d *appsv1.Deployment) {
	c.selector(o, "spec.selector", d.Spec.Selector)
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	switch {
	case d.Spec.Selector == nil || err == nil && selector.Empty():
		c.at(o, ruleCore, "spec.selector", "selects nothing in particular", "select the labels of the template")
	case err == nil && !selector.Matches(labels.Set(d.Spec.Template.Labels)):
		c.at(o, ruleCore, "spec.selector", "does not select the template's own labels", "write the same labels in both")
	}
	if d.Spec.Replicas != nil && *d.Spec.Replicas < 0 {
		c.at(o, ruleCore, "spec.replicas", "is negative", "use 0 or more")
	}
	if p := d.Spec.Template.Spec.RestartPolicy; p != "" && p != corev1.RestartPolicyAlways {
		c.at(o, rulePod, "spec.template.spec.restartPolicy", fmt.Sprintf("%s is none that a Deployment can have", p), "remove it")
	}
	c.pod(o, "spec.template", &d.Spec.Template)
}

func (c *checker) job(o *object, j *batchv1.Job) {
	if p := j.Spec.Template.Spec.RestartPolicy; p != corev1.RestartPolicyNever && p != corev1.RestartPolicyOnFailure {
		c.at(o, rulePod, "spec.template.spec.restartPolicy", "is none that a Job can have", "use Never or OnFailure")
	}
	if j.Spec.BackoffLimit != nil && *j.Spec.BackoffLimit < 0 {
		c.at(o, ruleCore, "spec.backoffLimit", "is negative", "use 0 or more")
	}
	c.pod(o, "spec.template", &j.Spec.Template)
}

func (c *checker) networkPolicy(o *object, p *networkingv1.NetworkPolicy) {
	c.selector(o, "spec.podSelector", &p.Spec.PodSelector)
	for i, t := range p.Spec.PolicyTypes {
		if t != networkingv1.PolicyTypeIngress && t != networkingv1.PolicyTypeEgress {
			c.at(o, ruleCore, fmt.Sprintf("spec.policyTypes[%d]", i), fmt.Sprintf("%q is no direction", t), "use Ingress or Egress")
		}
	}
	for i, rule := range p.Spec.Ingress {
		c.peers(o, fmt.Sprintf("spec.ingress[%d]", i), "from", rule.From, rule.Ports)
	}
	for i, rule := range p.Spec.Egress {
		c.peers(o, fmt.Sprintf("spec.egress[%d]", i), "to", rule.To, rule.Ports)
	}
}

func (c *checker) peers(o *object, path, side string, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) {
	for i, p := range ports {
		at := fmt.Sprintf("%s.ports[%d]", path, i)
		if p.Port != nil && p.Port.StrVal == "" {
			c.port(o, ruleCore, at+".port", p.Port.IntValue())
		}
		if p.EndPort != nil && (p.Port == nil || p.Port.StrVal != "" || int(*p.EndPort) < p.Port.IntValue()) {
			c.at(o, ruleCore, at+".endPort", "is before the port, or beside none that is a number", "give the first port as port")
		}
		c.protocol(o, at+".protocol", p.Protocol)
	}
	for i, p := range peers {
		at := fmt.Sprintf("%s.%s[%d]", path, side, i)
		c.selector(o, at+".podSelector", p.PodSelector)
		c.selector(o, at+".namespaceSelector", p.NamespaceSelector)
		switch {
		case p.IPBlock == nil && p.PodSelector == nil && p.NamespaceSelector == nil:
			c.at(o, ruleCore, at, "names nobody", "give an ipBlock, a podSelector or a namespaceSelector")
		case p.IPBlock != nil && (p.PodSelector != nil || p.NamespaceSelector != nil):
			c.at(o, ruleCore, at, "has an ipBlock and a selector", "make two of it")
		case p.IPBlock != nil:
			c.block(o, at+".ipBlock", p.IPBlock)
		}
	}
}

func (c *checker) protocol(o *object, field string, p *corev1.Protocol) {
	if p != nil && *p != corev1.ProtocolTCP && *p != corev1.ProtocolUDP && *p != corev1.ProtocolSCTP {
		c.at(o, ruleCore, field, fmt.Sprintf("%q is no protocol", *p), "use TCP, UDP or SCTP")
	}
}

func (c *checker) block(o *object, path string, b *networkingv1.IPBlock) {
	c.list(o, ruleCore, utilvalidation.IsValidCIDR(asPath(path+".cidr"), b.CIDR))
	outer, err := netip.ParsePrefix(b.CIDR)
	for i, text := range b.Except {
		at := fmt.Sprintf("%s.except[%d]", path, i)
		c.list(o, ruleCore, utilvalidation.IsValidCIDR(asPath(at), text))
		if inner, bad := netip.ParsePrefix(text); err == nil && bad == nil && (!outer.Contains(inner.Addr()) || inner.Bits() <= outer.Bits()) {
			c.at(o, ruleCore, at, text+" is no part of "+b.CIDR, "except a part of the block, or nothing")
		}
	}
}

func (c *checker) disruption(o *object, b *policyv1.PodDisruptionBudget) {
	c.selector(o, "spec.selector", b.Spec.Selector)
	switch {
	case b.Spec.MinAvailable == nil && b.Spec.MaxUnavailable == nil:
		c.at(o, ruleCore, "spec", "has neither minAvailable nor maxUnavailable", "give one of them")
	case b.Spec.MinAvailable != nil && b.Spec.MaxUnavailable != nil:
		c.at(o, ruleCore, "spec.minAvailable", "is beside maxUnavailable", "keep one of them")
	}
}

func (c *checker) autoscaler(o *object, h *autoscalingv2.HorizontalPodAutoscaler) {
	low := int32(1)
	if h.Spec.MinReplicas != nil {
		low = *h.Spec.MinReplicas
	}
	if low < 1 {
		c.at(o, ruleCore, "spec.minReplicas", fmt.Sprintf("%d is too few", low), "use 1 or more")
	}
	if h.Spec.MaxReplicas < max(low, 1) {
		c.at(o, ruleCore, "spec.maxReplicas", fmt.Sprintf("%d is less than the %d of minReplicas", h.Spec.MaxReplicas, low), "use that or more")
	}
	for _, what := range validation.NameIsDNSSubdomain(h.Spec.ScaleTargetRef.Name, false) {
		c.at(o, ruleCore, "spec.scaleTargetRef.name", what, "name the object to scale")
	}
	for i, m := range h.Spec.Metrics {
		at := fmt.Sprintf("spec.metrics[%d]", i)
		given := map[autoscalingv2.MetricSourceType]bool{
			autoscalingv2.ResourceMetricSourceType: m.Resource != nil, autoscalingv2.PodsMetricSourceType: m.Pods != nil,
			autoscalingv2.ObjectMetricSourceType: m.Object != nil, autoscalingv2.ExternalMetricSourceType: m.External != nil,
			autoscalingv2.ContainerResourceMetricSourceType: m.ContainerResource != nil,
		}
		if there, known := given[m.Type]; !known || !there {
			c.at(o, ruleCore, at+".type", fmt.Sprintf("%q has no block of its own beside it", m.Type), "write type: Resource with resource, Pods with pods, and so on")
		}
	}
}
