# What one can do here. 'make' alone prints this list; CONTRIBUTING.md says more.
SHELL := /bin/bash
.DEFAULT_GOAL := help

TOOLS         := $(CURDIR)/bin/tools
GOLANGCI_LINT := $(TOOLS)/golangci-lint-v2.15.0
GOFUMPT       := $(TOOLS)/gofumpt-v0.12.0

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# RELEASE=1 leaves the paths of this machine out of the binary; that compiles everything anew, so it is not the default.
TRIMPATH := $(if $(RELEASE),-trimpath)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: browser prometheus help demo dev test race kills upgrade chaos soak machines lint check schemathesis contract e2e contract-lts e2e-lts bench generate build clean tools

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: ## two real Pulp servers and pulp-manager on this machine; Ctrl-C stops all of it
	@lab/demo

dev: ## the same servers, and only the daemon, with data kept in .tmp/dev
	@DEMO_DIR=$(CURDIR)/.tmp/dev lab/demo --serve

# Many tests wait more than they reckon, so more packages than cores run at a time. 'make check' vets; debugging needs no symbols here.
test: ## unit, property, contract-on-the-fake and structure tests: needs only Go
	env -u PULPMAN_TEST_PULP -u PULPMAN_TEST_POSTGRES -u PULPMAN_TEST_LDAP CGO_ENABLED=0 go test -vet=off -ldflags=-w -p 4 ./...

# SQLite is C made into Go: watched by the detector it is many times slower, and its memory is its own.
race: ## the same tests of internal/ with the race detector (needs a C compiler)
	env -u PULPMAN_TEST_PULP -u PULPMAN_TEST_POSTGRES -u PULPMAN_TEST_LDAP CGO_ENABLED=1 go test -race -gcflags=modernc.org/...=-race=false ./internal/...

kills: ## killed and disturbed at every single request of every job, on the fake (KILLS=100 FAULTS=200: so many, by chance)
	PULPMAN_KILLS=$${KILLS:-all} PULPMAN_FAULTS=$${FAULTS:-all} CGO_ENABLED=0 go test -timeout 30m -run 'Killed|Faults|Disturbed' ./internal/job/...

machines: ## real processes on a real PostgreSQL: restarts, kills, cut networks, a database that is gone, clocks that differ (SCENARIOS="kill skew")
	test/machines/run $(SCENARIOS)

chaos: ## random faults on a simulated fleet, then all invariants (CHAOS_SEED, CHAOS_SECONDS, CHAOS_DATABASE_URL, CHAOS_REAL: docs/operations.md)
	CGO_ENABLED=0 go run ./test/chaos

soak: ## two simulated weeks of schedules, then an hour of real ones: what grows (SOAK_SECONDS=3600)
	CGO_ENABLED=0 go run ./test/bench soak

lint: $(GOLANGCI_LINT) ## golangci-lint, import rules included
	$(GOLANGCI_LINT) run ./...

check: $(GOFUMPT) ## generated code current, formatting, vet, licence headers, no machine paths
	GOFUMPT=$(GOFUMPT) .ci/check

schemathesis: build ## every operation of the OpenAPI document, on simulated servers (needs Python 3.11)
	.ci/schemathesis

prometheus: build ## metrics, dashboards and alerts on a real Prometheus (Debian's package)
	test/prometheus/run

browser: build ## the pages in headless Chromium: documentation, login, jobs
	test/browser/run

contract: ## the Pulp contract on a real pair, the store contract on PostgreSQL, the LDAP contract on slapd
	.ci/contract

e2e: ## the built binary against real Pulp servers, read by apt, dnf and curl
	test/e2e/run

# The older set has a lab of its own, beside the normal one; only one of the two need run.
LTS := LAB_SET=lts LAB_HOME=$${LAB_HOME_LTS:-/var/tmp/pulp-manager-lab-lts} LAB_PORT=25717 LAB_PGPORT=5462 LAB_UPSTREAM_PORT=25750 LAB_SERVICES_PORT=25760 LAB_LDAP_PORT=25770

contract-lts: ## the Pulp contract on the older supported set (docs/pulp-versions.md); stops that lab
	@$(LTS) .ci/lts contract

e2e-lts: ## the Pulp contract and the end-to-end run on the older supported set; stops that lab
	@$(LTS) .ci/lts contract e2e

upgrade: ## an older release, this one and a newer one take over a running sync from each other (UPGRADE_FROM, UPGRADE_POSTGRES)
	CGO_ENABLED=0 go run ./test/upgrade

bench: ## the benchmark harness (figures: test/bench/README.md)
	test/bench/run

generate: ## regenerate what is generated
	go generate ./...

build: ## bin/pulp-manager (RELEASE=1: without the paths of this machine)
	CGO_ENABLED=0 go build $(TRIMPATH) -ldflags '$(LDFLAGS)' -o bin/pulp-manager ./cmd/pulp-manager

clean: ## remove what was built, tools included; the lab stays (lab/pulp destroy)
	rm -rf bin .tmp

tools: $(GOLANGCI_LINT) $(GOFUMPT)

# The version is part of the file's name: another version here installs anew.
$(GOLANGCI_LINT):
	GOBIN=$(TOOLS) CGO_ENABLED=0 go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	@mv $(TOOLS)/golangci-lint $@

$(GOFUMPT):
	GOBIN=$(TOOLS) CGO_ENABLED=0 go install mvdan.cc/gofumpt@v0.12.0
	@mv $(TOOLS)/gofumpt $@
