// Command images builds the image of each function of template.yaml and of the migrations of SQL, by ko: one
// static program, Mozilla's CAs, a user that is not root, and an SBOM beside it. The same code gives the same digests.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/google/ko/pkg/build"
	"github.com/google/ko/pkg/publish"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log.SetOutput(io.Discard) // ko's own progress: its errors are returned
	var r run
	flag.StringVar(&r.root, "root", "../..", "the repository")
	flag.StringVar(&r.folder, "out", ".somssi/images", "folder of archives, SBOMs and images.json, inside the repository unless absolute")
	flag.StringVar(&r.env, "env", "prod", "the environment of template.yaml that says where images are")
	flag.BoolVar(&r.push, "push", false, "push to the registry of the environment, in place of archives")
	flag.StringVar(&r.version, "version", "dev", "the version that {version} in the names of images stands for")
	flag.StringVar(&r.source, "source", "", "address of the code, for the label org.opencontainers.image.source")
	flag.StringVar(&r.base, "base", "", "another base, name@sha256:...; without it one is made here")
	platform := flag.String("platform", "", "like linux/amd64,linux/arm64; without it both to push, and this machine's for archives")
	flag.Parse()
	r.platforms = strings.Split(*platform, ",")
	if *platform == "" && r.push {
		r.platforms = []string{"linux/amd64", "linux/arm64"}
	} else if *platform == "" {
		r.platforms = []string{"linux/" + runtime.GOARCH}
	}
	if err := r.do(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run is one run of the command.
type run struct {
	release
	root, folder, env string
	push              bool
}

// answer is images.json, for render --images.
type answer struct {
	Version     string   `json:"version"`
	Revision    string   `json:"revision,omitempty"`
	Environment string   `json:"environment"`
	Platforms   []string `json:"platforms"`
	Images      []image  `json:"images"`
}

func (r run) do(ctx context.Context, out io.Writer) error {
	began := time.Now()
	var err error
	if r.root, err = filepath.Abs(r.root); err != nil {
		return err
	}
	r.revision = revision(ctx, r.root)
	if !filepath.IsAbs(r.folder) {
		r.folder = filepath.Join(r.root, r.folder)
	}
	if err := os.MkdirAll(r.folder, 0o755); err != nil {
		return err
	}
	images, err := named(ctx, r.root, r.env, r.version)
	if err != nil {
		return err
	}
	b, err := r.builder(ctx, r.root, r.folder)
	if err != nil {
		return err
	}
	for n := range images {
		i, started := &images[n], time.Now()
		built, err := i.build(ctx, b)
		if err != nil {
			return err
		}
		if r.push {
			err = i.publish(ctx, built)
		} else {
			i.Archive = i.Name + ".tar"
			err = writeArchive(filepath.Join(r.folder, i.Archive), i.Ref, built)
		}
		if err != nil {
			return fmt.Errorf("image %s: %w", i.Ref, err)
		}
		fmt.Fprintf(out, "%s@%s  %s MB, unpacked %s MB, %.0f s\n", i.Ref, i.Digest, megabytes(i.Pulled), megabytes(i.Bytes), time.Since(started).Seconds())
	}
	text, err := json.MarshalIndent(answer{r.version, r.revision, r.env, r.platforms, images}, "", "  ")
	if err != nil {
		return err
	}
	index := filepath.Join(r.folder, "images.json")
	if err := os.WriteFile(index, append(text, '\n'), 0o644); err != nil {
		return err
	}
	where := "archives and SBOMs in " + filepath.Dir(index)
	if r.push {
		where = "pushed, with SBOMs"
	}
	fmt.Fprintf(out, "%d images for %s in %.0f s, %s\nto run them: go run ./local render --images %s\n",
		len(images), strings.Join(r.platforms, " and "), time.Since(began).Seconds(), where, index)
	return nil
}

// publish pushes what was built for i, and its SBOM beside it as sha256-....sbom. Who may push is said
// where docker login says it.
func (i image) publish(ctx context.Context, built build.Result) error {
	repository, tag := i.Ref[:strings.LastIndexByte(i.Ref, ':')], i.Ref[strings.LastIndexByte(i.Ref, ':')+1:]
	p, err := publish.NewDefault(repository, publish.WithTags([]string{tag}),
		publish.WithNamer(func(base, _ string) string { return base }))
	if err != nil {
		return err
	}
	if _, err := p.Publish(ctx, built, build.StrictScheme+i.Name); err != nil {
		return fmt.Errorf("push: %w", err)
	}
	return p.Close()
}
