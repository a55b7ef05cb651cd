# Every target is one plain command line or a few. `make` lists them.

GO       ?= go
# `make test` runs everything; -short leaves to the other builds what can differ in them.
SHORT    = -short -timeout 30m
# The packages whose tests take longest, to start with: nothing else is left to run beside the last one.
LONG     = ./cmd/elbow ./model ./kernels
# The packages that import a folder, or import what does.
importers = $$($(GO) list -f '{{.ImportPath}} {{join .Deps " "}} ' ./... | grep ' github.com/elbow-go/elbow/$(1) ' | cut -d ' ' -f 1)
# What has machine code or calls it, and so may differ with the instruction set; of bench it is the tests.
CALLS    = $(LONG) ./asm/... ./bench/... $(call importers,asm)
# Where goroutines are started, here or by internal/par, but for what make test-race names.
starters = $$(grep -rlE --include='*.go' '^\s*go [a-zA-Z]|\.Go\(|/internal/par"' . | xargs -n 1 dirname | sort -u | grep -v '^\.$$\|/_\|^./\(adapters\|cmd\|kernels\|model\)')
TOOL     = $(GO) tool -modfile=tools/go.mod
FUZZTIME = 60s
# What bench-compare and profile run.
OLD      = main
NEW      = HEAD
COUNT    = 6
BENCH    = .
# Flags of bench-peers, for a part of it: PEERS="-only models -shape small".
PEERS    =
# An input that finds something new is made smaller by a few tries only: by default that takes
# a minute each, in which nothing is looked for.
FUZZ     = $(GO) test -run xxx -fuzztime $(FUZZTIME) -fuzzminimizetime 10x -fuzz

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "%-21s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: test
test: ## all tests, default build
	$(GO) test $(LONG) ./...

.PHONY: fmt
fmt: ## format the code
	gofmt -l -w .

.PHONY: vet
vet: ## gofmt and go vet, for every system and every kind of processor that files differ for
	test -z "$$(gofmt -l .)"
	$(GO) vet ./...
	$(GO) vet -tags purego ./...
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	GOARCH=riscv64 $(GO) vet ./...
	GOOS=windows GOARCH=amd64 $(GO) vet ./...
	cd asm/_gen && $(GO) vet ./...
	cd adapters/gonnx && $(GO) vet ./...

.PHONY: gen
gen: ## write the machine code again from its generators in asm/_gen
	$(GO) generate ./asm

.PHONY: check-gen
check-gen: gen ## the machine code is what the generators write
	git diff --exit-code -- asm
	test -z "$$(git status --porcelain asm)"

.PHONY: test-gen
test-gen: ## tests of the generators (some need LLVM, qemu-aarch64 or Go 1.27 and say so; Debian: llvm qemu-user)
	cd asm/_gen && $(GO) test ./...

.PHONY: check-fused
check-fused: ## no result that counts hangs on fused multiply-adds or on package math
	$(GO) run ./internal/check/fused

.PHONY: lint
lint: ## staticcheck
	$(TOOL) staticcheck ./...
	cd adapters/gonnx && $(GO) tool -modfile=../../tools/go.mod staticcheck ./...

.PHONY: test-adapters
test-adapters: ## tests of the adapters for other libraries, each a module of its own
	cd adapters/gonnx && $(GO) test ./...

.PHONY: test-purego
test-purego: ## tests of what has machine code or calls it, without machine code
	$(GO) test $(SHORT) -tags purego $(CALLS)

# ELBOW_ISA is read before a test starts, where Go's cache of results does not see it: hence -count=1.
.PHONY: test-isa
test-isa: ## tests of what has machine code or calls it, with each instruction set of this machine forced in turn
	for isa in $$($(GO) run ./cmd/elbow doctor -isas); do echo "ELBOW_ISA=$$isa" && ELBOW_ISA=$$isa ELBOW_REQUIRE_ISA=$$isa $(GO) test -count=1 $(SHORT) $(CALLS) || exit 1; done

# What computes by itself and looks at numbers alone: neither goroutines nor memory are the point of these.
NUMBERS  = 'Gradient$$|Oracle|Accuracy|EveryISA|^TestISA$$|Alloc'

.PHONY: test-race
test-race: ## race detector, where goroutines are: plain Go, in which it sees every access, and machine code in model and the command
	$(GO) test -race $(SHORT) -tags purego ./kernels -run Fused
	$(GO) test -race $(SHORT) -skip $(NUMBERS) -tags purego $(starters) ./internal/dataset
	$(GO) test -race $(SHORT) -skip $(NUMBERS) ./cmd/... ./model

.PHONY: test-asan
test-asan: ## address sanitizer, plain Go, and machine code in model (needs cgo and gcc); under it everything allocates, and bits are looked at elsewhere
	$(GO) test -asan $(SHORT) -skip 'Alloc|NoEscape|^Test(Vec)?Golden$$|BlockSums|Scalar' -tags purego ./kernels ./cell ./asm/... ./blas
	$(GO) test -asan $(SHORT) -skip 'Alloc|NoEscape|Gradient$$|EveryISA|PassBits' ./model

.PHONY: test-arm64
test-arm64: ## tests for arm64 under qemu-aarch64 (Debian: qemu-user), but for what only reads and shows; the command runs there in check-bits
	GOARCH=arm64 CGO_ENABLED=0 ELBOW_REQUIRE_ISA=neon $(GO) test $(SHORT) -skip 'Gradient$$|PassBits' -exec qemu-aarch64 ./model ./kernels $$($(GO) list ./... | grep -v '/cmd/\|/bench\|/examples/serve\|/internal/\(check\|figure\|music\|report\)')

.PHONY: count-arm64
count-arm64: ## loops of the machine code for arm64 take no more instructions than they should
	$(GO) run ./internal/check/count

.PHONY: mca-arm64
mca-arm64: ## cycles that LLVM's models of cores estimate for these loops and a fused step (Debian: llvm-22)
	$(GO) run ./internal/check/count -mca

.PHONY: check-bits
check-bits: ## short trainings leave the same bits in every build, on every instruction set, with any threads, on arm64 (Debian: qemu-user)
	$(GO) run ./internal/check/bits

# That machine code has no instruction beyond AVX2, and that it is chosen: what it computes is looked at in test-isa.
.PHONY: test-avx2
test-avx2: ## all machine code under an emulated CPU with AVX2 and without AVX-512 (Debian: qemu-user)
	CGO_ENABLED=0 ELBOW_REQUIRE_ISA=avx2 $(GO) test $(SHORT) -exec "qemu-x86_64 -cpu max" ./asm/... ./internal/pages
	CGO_ENABLED=0 ELBOW_REQUIRE_ISA=avx2 $(GO) test $(SHORT) -exec "qemu-x86_64 -cpu max" -run 'ISA$$|FusedSteps$$|Shapes|Fences|Gemv$$|Parts$$' ./kernels ./blas ./cell ./internal/tile

.PHONY: test-openblas
test-openblas: ## tests of blas and what imports it with OpenBLAS linked in (Debian: libopenblas-dev), and with the tag but without cgo
	$(GO) vet -tags openblas ./...
	$(GO) test $(SHORT) -tags openblas ./cmd/elbow ./model ./bench/... ./blas/... $(call importers,blas)
	CGO_ENABLED=0 $(GO) test $(SHORT) -tags openblas ./blas/... ./cmd/...

.PHONY: test-mpi
test-mpi: ## tests over processes that Open MPI starts (needs gcc; Debian: libopenmpi-dev openmpi-bin pkg-config)
	$(GO) vet -tags mpi ./dist ./cmd/elbow
	$(GO) test -tags mpi ./dist
	$(GO) test -tags mpi ./cmd/elbow -run MPI

.PHONY: check-hosts
check-hosts: ## trainings on several hosts, network namespaces, keep their bits and end when a rank or a host is lost (minutes; as root, Debian: as test-mpi, with iproute2)
	$(GO) run ./internal/check/hosts

.PHONY: test-netlib
test-netlib: ## tests of the reference BLAS and of gonum's mat and lapack on our products (needs gcc; Debian: libblas-test libblas3)
	$(GO) vet ./internal/check/netlib/_shim
	$(GO) run ./internal/check/netlib
	$(GO) run ./internal/check/gonum

.PHONY: test-exhaustive
test-exhaustive: ## every float32 through every function of one argument, every shape of the fused steps (hours)
	$(GO) test ./kernels -run 'FusedSteps$$|DistISA$$' -exhaustive -timeout 1h
	$(GO) test ./kernels -run 'ScalarAccuracy|ScalarMonotone|ISAExhaustive|BlockSums|Sigma$$|GaussSame' -exhaustive -timeout 3h -v

.PHONY: test-exhaustive-arm64
test-exhaustive-arm64: ## every float32 through exp, log, tanh and sigmoid for arm64, under qemu-aarch64 (an hour)
	GOARCH=arm64 CGO_ENABLED=0 $(GO) test -exec qemu-aarch64 ./kernels -run 'BlockSums/.*/isa=neon' -exhaustive -timeout 6h -v

.PHONY: test-faults
test-faults: ## trainings killed 250 times and kept from writing 200 times, at random moments (minutes)
	ELBOW_TEST_LONG=1 $(GO) test ./cmd/elbow -run 'TestKill|TestWriteErrors' -v -timeout 30m

.PHONY: fuzz
fuzz: ## fuzzing of the readers of files, of products, of gates and of wrong sizes, FUZZTIME for each
	$(FUZZ) FuzzParse ./internal/idx
	$(FUZZ) FuzzParseABC ./internal/music
	$(FUZZ) FuzzParseJSON ./internal/music
	$(FUZZ) FuzzParseMIDI ./internal/music
	$(FUZZ) FuzzParse ./internal/npy
	$(FUZZ) FuzzReadZip ./internal/npy
	$(FUZZ) FuzzParse ./sound
	$(FUZZ) FuzzOpen ./internal/dataset
	$(FUZZ) FuzzStrokes ./internal/dataset
	$(FUZZ) FuzzCheckpoint ./model
	$(FUZZ) FuzzSafetensors ./weights
	$(FUZZ) FuzzNPZ ./weights
	$(FUZZ) FuzzONNX ./weights
	$(FUZZ) FuzzPyTorch ./weights
	$(FUZZ) FuzzPickle ./weights
	$(FUZZ) FuzzFrames ./examples/serve
	$(FUZZ) FuzzStream ./cell
	$(FUZZ) FuzzGemm ./blas
	$(FUZZ) FuzzCalls ./blas
	$(FUZZ) FuzzKernels ./kernels
	$(FUZZ) FuzzCalls ./kernels

.PHONY: bench
bench: ## all benchmarks ten times, implementations alternating, into bench.out
	for i in 1 2 3 4 5 6 7 8 9 10; do $(GO) test -run xxx -bench . -count=1 ./bench || exit 1; done | tee bench.out

.PHONY: bench-stat
bench-stat: ## the table of bench.out, one column per implementation
	$(TOOL) benchstat -col /impl bench.out

.PHONY: bench-short
bench-short: ## a few shapes of every benchmark, two minutes in all
	$(GO) test -run xxx -bench . -short ./bench

.PHONY: bench-compare
bench-compare: ## benchmarks of two revisions in turn, and their table: OLD=main NEW=HEAD BENCH=LSTMStep COUNT=6
	COUNT=$(COUNT) bench/compare.sh "$(OLD)" "$(NEW)" "$(BENCH)"

.PHONY: profile
profile: ## where the time of a benchmark goes, by functions: BENCH=Train/model=vrnn/size=jsb
	$(GO) test -run xxx -bench '$(BENCH)' -cpuprofile cpu.out -o bench.test ./bench
	$(GO) tool pprof -top -nodecount 40 bench.test cpu.out

.PHONY: bench-peers
bench-peers: ## beside SLEEF, libmvec, OpenBLAS, MKL, oneDNN, PyTorch, ONNX Runtime, and the targets (hours; a part: PEERS="-only steps", see bench/peers/doc.go)
	@$(GO) run ./bench/peers $(PEERS)

.PHONY: readme-tables
readme-tables: ## write the tables of figures in README.md from bench/results
	$(GO) run ./bench/tables

.PHONY: scaling
scaling: ## write the tables and the picture of docs/scaling.md
	$(GO) run ./bench/scaling

.PHONY: peers-install
peers-install: ## PyTorch, ONNX Runtime, oneDNN, OpenBLAS and MKL into bench/peers/bin (Debian: gcc g++ python3-venv libsleef-dev)
	python3 -m venv bench/peers/bin/venv
	bench/peers/bin/venv/bin/pip install -r bench/peers/requirements.txt

.PHONY: vad-model
vad-model: ## the weights of examples/vad into examples/vad/model, with pip (11 MB)
	python3 -m pip download --no-deps --dest examples/vad/model silero-vad==6.2.3

.PHONY: cover
cover: ## coverage of the tests, into coverage.html
	$(GO) test -coverpkg=./... -coverprofile=coverage.out ./...
	$(GO) tool cover -html=coverage.out -o coverage.html

.PHONY: clean
clean: ## remove what runs and tests leave behind
	rm -rf run bench.out bench-peers.out bench-compare bench.test cpu.out bench/peers/bin coverage.out coverage.html

.PHONY: check
check: vet lint check-fused check-gen test-gen test test-adapters test-purego test-race ## what a commit should pass
