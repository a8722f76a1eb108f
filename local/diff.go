package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"somssi/local/diff"
	"somssi/local/render"
	"somssi/local/template"
)

const redisUsers = "redis/users.acl" // in a folder; Redis itself is not asked

// changesAnswer is the answer of diff.
type changesAnswer struct {
	Environment string        `json:"environment"`
	Against     string        `json:"against"`
	Changes     []diff.Change `json:"changes"`
}

func (c *cli) diff() *cobra.Command {
	var r rendering
	var cluster bool
	cmd := &cobra.Command{
		Use:   "diff [folder]",
		Short: "Say what template.yaml would change for events and requests, against a folder of manifests or a cluster",
		Long: `Say in words of delivery what would become different if template.yaml were rendered and applied
now: retries, groups, order, scale, timeouts, topics, retention. What there is before is in
infra/knative, in another folder of manifests, or with --cluster in the cluster that kubectl
talks to, of whose resources those count that have the label app.kubernetes.io/part-of.

Images are told with the version --version. Values of variables are not shown.

Exit code 0: nothing changes; 1: something does, or it could not be found out; 2: template.yaml
has an error.`,
		Example: `  go run ./local diff
  git worktree add ../before HEAD~1 && go run ./local diff ../before/infra/knative
  go run ./local diff --cluster --version 1.4.0`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cluster && len(args) > 0 {
				return inputError{fmt.Errorf("--cluster and the folder %s are two things to compare with: give one", args[0])}
			}
			files, folder, err := r.files(c)
			if err != nil {
				return inputError{err}
			}
			after, err := render.Resources(files, r.env)
			if err != nil {
				return err
			}
			users := diff.RedisUsers(files[redisUsers])
			answer := changesAnswer{Environment: r.env, Against: folder}
			var before []render.Object
			if cluster {
				answer.Against = "cluster"
				before, err = c.inCluster(cmd, r.env, after)
			} else {
				if len(args) > 0 {
					answer.Against = args[0]
				}
				if files, err = render.Read(answer.Against); err == nil {
					before, err = render.Resources(files, r.env)
					before, after = append(before, diff.RedisUsers(files[redisUsers])...), append(after, users...)
				}
			}
			if err != nil {
				return err
			}
			found, err := diff.Of(before, after)
			if err != nil {
				return err
			}
			answer.Changes = append([]diff.Change{}, found...)
			if err := c.print(answer, answer.write); err != nil {
				return err
			}
			if len(found) > 0 {
				return fmt.Errorf("%s against %s", number(len(found), "change"), answer.Against)
			}
			return nil
		},
	}
	r.flags(cmd)
	cmd.Flags().BoolVar(&cluster, "cluster", false, "compare with the cluster that kubectl talks to")
	return cmd
}

func (c *cli) inCluster(cmd *cobra.Command, env string, want []render.Object) ([]render.Object, error) {
	file, err := c.templateFile(nil)
	if err != nil {
		return nil, err
	}
	t, err := template.Load(file, env)
	if err != nil {
		return nil, err
	}
	return diff.Cluster(cmd.Context(), t.App, t.Namespace, want)
}

func (d changesAnswer) write(w io.Writer) {
	subjects := map[string][]string{} // by what: a change of globals is told once, of all that have it
	for _, change := range d.Changes {
		subjects[change.What] = append(subjects[change.What], change.Subject)
	}
	for _, change := range d.Changes {
		if all := subjects[change.What]; all[0] == change.Subject {
			fmt.Fprintln(w, diff.Change{Subject: strings.Join(all, ", "), What: change.What})
		}
	}
	if len(d.Changes) == 0 {
		fmt.Fprintf(w, "nothing changes against %s\n", d.Against)
	}
}
