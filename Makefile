# What one needs every day; .ci/run is the whole of it.

VERSION    := $(or $(patsubst v%,%,$(shell git describe --tags --always --dirty 2>/dev/null)),devel)
LDFLAGS    := -s -w -X github.com/ckpt-tool/ckpt/cmd.version=$(VERSION)
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME   ?= 30000x
FUZZPACKAGES ?= $(shell go list ./...)

# ./... leaves testdata out, by its name; its package is tested all the same.
PACKAGES = ./... ./testdata ./testdata/statedump ./testdata/bench ./testdata/generator/large ./testdata/generator/tree

.PHONY: build demo test race test-live soak soak-live bench bench-engine fuzz lint docs clean

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ckpt$(shell go env GOEXE) .

demo: build
	sh testdata/demojob.sh bin/ckpt
	sh testdata/demo.sh bin/ckpt

test:
	go test $(PACKAGES)

# The race detector needs cgo and a C compiler.
race:
	CGO_ENABLED=1 go test -race $(PACKAGES)

# Against the real thing: Flink, HDFS, Azurite, versitygw. It needs Java, Maven and Node. One package at a time: Maven
# fills one directory.
test-live:
	go test -p 1 -tags live -count=1 -timeout 60m -run Flink ./metadata ./layout/flinkconf ./layout/relocate ./backends/snapshot
	go test -tags live -count=1 -timeout 20m -run Live ./layout/storage
	go test -tags live -count=1 -timeout 20m -run Flink ./restore/cluster
	go test -tags live -count=1 -timeout 20m -run 'LivePrune|LiveRunFlink' ./cmd
	go test -tags 'live hdfsrpc' -count=1 -timeout 20m -run LiveHDFS ./layout/storage

# ckpt prune --apply below running jobs for CKPT_SOAK_SECONDS, with each version of CKPT_SOAK_FLINK.
soak-live: export CKPT_SOAK_SECONDS ?= 300
soak-live: export CKPT_SOAK_FLINK ?= 2.2.0 1.20.0
soak-live:
	go test -tags live -count=1 -timeout 60m -v -run LivePruneSoak ./cmd

# The model of Flink's writers, with prune between any two of their steps, 1,000,000 times instead of 20,000; it ends
# with a line of sums. CKPT_MODEL_SEED=N go test -run TestModel plays one run again.
# Then the engine: jobs killed 500 times, and 200 jobs each on storage that fails and on storage that lies. CKPT_SOAK_SEED=N
# CKPT_SOAK_FAULTS=1 go test -run TestStorageFaults ./cmd throws the dice of one again.
SOAK_RUNS ?= 1000000
soak: export CKPT_SOAK_KILLS ?= 500
soak: export CKPT_SOAK_FAULTS ?= 200
soak:
	CKPT_SOAK_RUNS=$(SOAK_RUNS) go test -count=1 -timeout 24h -run '^TestModel$$' -v ./layout/prune
	go test -count=1 -timeout 24h -run '^(TestKilled|TestStorageFaults|TestStorageLies)$$' -v ./cmd

# Go's benchmarks, then whole processes against Flink's own loader, which needs Java and Maven.
bench: build
	go test -run '^$$' -bench . -benchmem ./...
	go run ./testdata/bench bin/ckpt testdata

# The engine against Flink on the same jobs.
bench-engine: build
	go run ./testdata/bench -only engine bin/ckpt testdata

# Each fuzz target FUZZTIME times; go runs but one at a time. By count, as Go 1.26 may take the end of a time for a
# failure ("context deadline exceeded", golang/go#75804).
fuzz:
	@set -e; for pkg in $(FUZZPACKAGES); do \
		targets=$$(go test -list '^Fuzz' $$pkg); \
		for target in $$(printf '%s\n' "$$targets" | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 200x $$pkg; \
		done; \
	done

lint:
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
		test -z "$$unformatted" || { echo "not formatted: $$unformatted"; exit 1; }
	go vet $(PACKAGES)
	go vet -tags live $(PACKAGES)
	go vet -tags 'live hdfsrpc' ./layout/storage
	go run $(STATICCHECK) $(PACKAGES)
	go test -count=1 -run TestImports ./cmd

# docs/cli and docs/man, out of the commands themselves.
docs:
	go run . gendocs docs

clean:
	rm -rf bin dist testdata/generator/target
