.DEFAULT_GOAL := help
MODULES := infra/images infra/validate
LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
.PHONY: help run demo test check render validate images bench go

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: go ## run everything on this machine until Ctrl-C (FRESH=1: with nothing kept from before; REAL=1: on real Kafka, Redis and PostgreSQL)
	@go run ./local up $(if $(FRESH),--fresh) $(if $(REAL),--real)

demo: go ## do the main job from end to end, count, and exit (REAL=1)
	@go run ./local demo $(if $(REAL),--real)

test: go ## all tests, on embedded and on real parts
	@local/install.sh
	@go run ./local parts -- go test -race -shuffle=on -timeout 20m ./...
	@for module in $(MODULES); do go test -C $$module -shuffle=on ./... || exit 1; done

check: go ## format, vet, lint, dependencies, manifests up to date, known vulnerabilities
	@test -z "$$(gofmt -l functions infra local shared)" || { gofmt -l functions infra local shared; echo 'not formatted: run gofmt -w .'; exit 1; }
	@for module in . $(MODULES); do (set -x; cd $$module && go vet ./... && go mod tidy -diff && go run $(LINT) run --allow-parallel-runners ./...) || exit 1; done
	@go run ./local render --check
	@local/vulnerabilities.sh

validate: go ## judge the manifests by the rules of Knative and Kubernetes, without a cluster
	@go run ./local render --check
	@go -C infra/validate run .

render: go ## write the manifests of a cluster from template.yaml
	@go run ./local render

images: go ## build the images that ENVIRONMENT=prod names for VERSION=dev, into .somssi/images (PUSH=1: into the registry of the environment)
	@go run -C infra/images . -env $(or $(ENVIRONMENT),prod) -version $(or $(VERSION),dev) $(if $(PUSH),-push) \
	  $(if $(PLATFORM),-platform $(PLATFORM)) $(if $(BASE),-base $(BASE)) $(if $(SOURCE),-source $(SOURCE))

bench: go ## speed, as ratios measured side by side in one run (ROW=7: only that)
	@go run ./local/bench $(if $(ROW),-row $(ROW))

go:
	@command -v go >/dev/null || { echo 'Go is not installed: get 1.26 or newer from https://go.dev/dl'; exit 1; }
	@have=$$(go env GOVERSION | sed 's/^go//; s/-.*//'); \
	test "$$(printf '%s\n' 1.26 "$$have" | sort -V | head -1)" = 1.26 || \
	{ echo "Go $$have is too old: get 1.26 or newer from https://go.dev/dl"; exit 1; }
