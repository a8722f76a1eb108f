package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"somssi/local/render"
)

// renderedAnswer is the answer of render.
type renderedAnswer struct {
	Folder  string   `json:"folder"`
	Changed []string `json:"changed"` // a sentence a file, as it was before
}

// rendering are the flags that render and diff share.
type rendering struct{ env, version, images string }

func (r *rendering) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.env, "env", "prod", "the environment of template.yaml that is rendered")
	cmd.Flags().StringVar(&r.version, "version", "dev", "the version that {version} in the names of images stands for")
	cmd.Flags().StringVar(&r.images, "images", "", "the images.json of make images: its version, and images named by digest")
}

// files are the manifests as template.yaml has them now, and the folder where they are kept.
func (r *rendering) files(c *cli) (files map[string]string, folder string, err error) {
	root, err := c.root()
	if err != nil {
		return nil, "", err
	}
	file, err := c.templateFile(nil)
	if err != nil {
		return nil, "", err
	}
	released := render.Release{Version: r.version}
	if r.images != "" {
		if released, err = render.ReadRelease(r.images); err != nil {
			return nil, "", err
		}
		if r.version != "dev" && r.version != released.Version {
			return nil, "", fmt.Errorf("--version %s, and the images in %s are of version %s", r.version, r.images, released.Version)
		}
	}
	files, err = render.Files(os.DirFS(root), file, r.env, released)
	return files, filepath.Join(root, "infra", "knative"), err
}

func (c *cli) render() *cobra.Command {
	var r rendering
	var out string
	var check bool
	cmd := &cobra.Command{
		Use:   "render",
		Short: "Write the manifests of a cluster from template.yaml: infra/knative",
		Long: `Write what a cluster needs to run template.yaml into infra/knative, or another folder:
base, with a file for each function; migrate, the Job of the SQL schema; and overlays, one for
each environment of template.yaml but local. They are for kubectl apply -k. The base is of the
environment --env, the overlays have what differs from it, and where the images are.

A function is given only the addresses and passwords that its code reads, each by reference to a
Secret; where it may connect to, and what it may do in Kafka, PostgreSQL and Redis, follows from
its code, too. How an operator uses all of it is in infra/deploy.md.

Exit code 0: written, or with --check up to date; 1: with --check something is not; 2: template.yaml
has an error, or lacks what a cluster needs.`,
		Example: `  go run ./local render
  go run ./local render --version 1.4.0 --out ../manifests
  go run ./local render --images .somssi/images/images.json
  go run ./local render --check        # in CI
  kubectl apply -k infra/knative/overlays/prod`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			files, folder, err := r.files(c)
			if err != nil {
				return inputError{err}
			}
			if out != "" {
				folder = out
			}
			stale, err := render.Stale(folder, files)
			if err != nil {
				return err
			}
			if !check {
				err = render.Write(folder, files)
			} else if len(stale) > 0 {
				err = fmt.Errorf("%s not up to date: run go run ./local render", number(len(stale), "file"))
			}
			answer := renderedAnswer{Folder: folder, Changed: append([]string{}, stale...)}
			return errors.Join(c.print(answer, func(w io.Writer) { answer.write(w, check) }), err)
		},
	}
	r.flags(cmd)
	cmd.Flags().StringVar(&out, "out", "", "the folder to write to; without it infra/knative")
	cmd.Flags().BoolVar(&check, "check", false, "write nothing, and fail where the folder differs")
	return cmd
}

func (a renderedAnswer) write(w io.Writer, check bool) {
	if !check || len(a.Changed) == 0 {
		fmt.Fprintf(w, "%s: %s changed\n", a.Folder, number(len(a.Changed), "file"))
		return
	}
	for _, line := range a.Changed {
		fmt.Fprintln(w, line)
	}
}
