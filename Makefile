# What there is to run. `make test` is everything, and what CI runs.

GO       ?= go
FUZZTIME ?= 5s
TIMEOUT  ?= 40m
DIST     ?= .
VERSION  ?= 0.0.0~dev
NFPM     ?= github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0

.PHONY: all test setup check unit fuzz mutate bench scorecard build deb image man clean

all: build

# test runs every check and every test there is. The steps are separate
# commands, so that their order holds under make -j as well.
test:
	scripts/setup
	$(MAKE) check
	$(MAKE) unit
	$(MAKE) fuzz

# setup installs what the tests need and starts a Docker engine if none answers.
setup:
	scripts/setup

# check is what needs no test to run.
check:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt: $$unformatted" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) mod tidy -diff
	$(GO) mod verify
	$(GO) tool staticcheck ./...

# unit runs all tests, the end-to-end ones among them, and counts them. The fault
# harness runs by itself and without the race detector: it stops each process at
# each system call, and what it tests is the command as it is shipped.
unit:
	GO=$(GO) scripts/count -race -count=1 -timeout=$(TIMEOUT) $$($(GO) list ./... | grep -v /internal/faults$$)
	GO=$(GO) scripts/count -count=1 -timeout=$(TIMEOUT) ./internal/faults

# fuzz runs each fuzz target for FUZZTIME.
fuzz:
	GO=$(GO) scripts/fuzz $(FUZZTIME)

# mutate runs each fuzz target on MUTATIONS inputs, without watching coverage.
# 100,000,000 of what decodes the store's files take an hour of one processor; of
# archives, four.
MUTATIONS ?= 1000000
mutate:
	GO=$(GO) scripts/mutate $(MUTATIONS) $(TARGETS)

bench:
	$(GO) test -run='^$$' -bench=. -benchmem -timeout=$(TIMEOUT) ./...

# scorecard measures what the store survives and writes docs/RELIABILITY.md. It
# takes an hour or more; with FAULTTIME=20m the sweeps stop after that.
scorecard:
	GO=$(GO) scripts/scorecard $(FAULTTIME)

# build makes the command in DIST, static, so that one file is all there is to
# install. The same commit gives the same bytes, whichever the directory.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -ldflags='-s -w' -o $(DIST)/warmstore ./cmd/warmstore

# deb makes a Debian package of VERSION in DIST.
deb: build
	BINARY=$(DIST)/warmstore VERSION=$(VERSION) ARCH=$$($(GO) env GOARCH) \
		$(GO) run $(NFPM) package --config packaging/nfpm.yaml --packager deb --target $(DIST)/

# image makes a container image of the command alone.
image: build
	docker build --tag warmstore --file packaging/Dockerfile $(DIST)

# man makes the manual page from the definitions of the commands.
man:
	$(GO) run ./cmd/warmstore __man >packaging/man/warmstore.8

clean:
	rm -f $(DIST)/warmstore $(DIST)/warmstore_*.deb
