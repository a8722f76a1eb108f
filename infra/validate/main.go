// Command validate judges the manifests of a cluster without one: by the types,
// defaults and validation of Knative itself, by Pod Security restricted, by the
// types of Kubernetes, by the schemas of other people's CustomResourceDefinitions,
// and by whether what they name is there. What kubectl apply -k would apply is
// judged as it would be applied, and told where it is written.
//
// It is a module of its own, so that Kubernetes stays out of the product's.
//
// Exit code 0: all is right; 1: something is not; 2: what was given is wrong.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"somssi/local/template"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

const usage = `usage: make validate, or in infra/validate: go run . [folder ...]

Judges the manifests below folders, which are named from the root of the repository;
without one infra/knative, and infra/observability where it is there.`

func run(args []string, out, problems io.Writer) int {
	root, err := rootAbove(".")
	if err == nil && len(args) > 0 && strings.HasPrefix(args[0], "-") {
		err = errors.New(usage)
	}
	var secrets func(env, workload string) []string
	if err == nil {
		secrets, err = secretsOf(filepath.Join(root, "template.yaml"))
	}
	var c *checker
	if err == nil {
		c, err = newChecker(root, secrets)
	}
	if err != nil {
		fmt.Fprintln(problems, err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"infra/knative"}
		if _, err := os.Stat(c.path("infra/observability")); err == nil {
			args = append(args, "infra/observability")
		}
	}
	judged := 0
	for _, folder := range args {
		n, err := c.folder(filepath.ToSlash(filepath.Clean(folder)))
		if err == nil && n == 0 && len(c.all) == 0 {
			err = fmt.Errorf("there is no manifest in it: run go run ./local render")
		}
		if err != nil {
			fmt.Fprintf(problems, "validate %s: %v\n", folder, err)
			return 2
		}
		judged += n
	}
	for _, p := range c.sorted() {
		fmt.Fprintln(out, p)
	}
	if len(c.all) > 0 {
		fmt.Fprintf(problems, "%d wrong in %d objects\n", len(c.all), judged)
		return 1
	}
	fmt.Fprintf(out, "%d objects: all right\n", judged)
	return 0
}

// rootAbove is the repository's folder: this one, or the nearest above it.
func rootAbove(dir string) (string, error) {
	here, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for ; ; here = filepath.Dir(here) {
		if _, err := os.Stat(filepath.Join(here, "template.yaml")); err == nil {
			return here, nil
		}
		if here == filepath.Dir(here) {
			return "", errors.New("no template.yaml here or above: run this in the repository")
		}
	}
}

// secretsOf are those that a template asks the operator for: of an environment,
// and of a workload in it. What belongs to no environment has none.
func secretsOf(file string) (func(env, workload string) []string, error) {
	t, err := template.Load(file, "")
	if err != nil {
		return nil, err
	}
	patterns := map[string]string{}
	for _, env := range t.Environments {
		if of, err := template.Load(file, env); err == nil {
			patterns[env] = of.Secret
		} else {
			return nil, err
		}
	}
	return func(env, workload string) []string {
		if patterns[env] == "" {
			return nil
		}
		return []string{strings.ReplaceAll(patterns[env], "{function}", workload)}
	}, nil
}
