# `make demo` and `make test` need a Swift 6.2 toolchain or newer and what `deps` installs or names: no Python, no GPU.
.PHONY: demo test build bench bench-peers oracle oracle-environment acceptance acceptance-environment acceptance-remote serve-abuse serve-load serve-failover serve-fuzz sanitize sanitize-threads neon fuzz format lint docs install clean deps wire-llamacpp

SWIFT ?= swift
PREFIX ?= /usr/local
PYTHON ?= python3
VENV := .venv-bench

RELEASE = $(SWIFT) build -c release --product resift

# What a build needs besides the toolchain: git, which SwiftPM fetches packages with, and the headers of SQLite (the
# index), zlib (gzip) and libxml2 (HTML). macOS has these three in its SDK.
deps:
	@command -v $(SWIFT) >/dev/null || { echo "No Swift toolchain found: https://www.swift.org/install"; exit 1; }
	@sh Tools/install-missing.sh git git
	@test "$$(uname)" = Darwin || sh Tools/install-missing.sh pkg-config pkg-config
	@test "$$(uname)" = Darwin || sh Tools/install-missing.sh --library sqlite3 libsqlite3-dev
	@test "$$(uname)" = Darwin || sh Tools/install-missing.sh --library zlib zlib1g-dev
	@test "$$(uname)" = Darwin || sh Tools/install-missing.sh --library libxml-2.0 libxml2-dev

demo: deps
	$(RELEASE)
	@sh Examples/demo/run.sh "$$($(SWIFT) build -c release --show-bin-path)/resift"

build: deps
	$(RELEASE)

test: deps
	RESIFT_SHARED="$${RESIFT_SHARED:-../shared}" $(SWIFT) test -c release

bench: deps
	$(RELEASE)
	$(SWIFT) build -c release --package-path Benchmarks
	@sh Benchmarks/run.sh

bench-peers: deps
	$(SWIFT) build -c release --package-path Benchmarks
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet -r Benchmarks/requirements.txt
	@$(VENV)/bin/python Benchmarks/compare.py

# With it, `make test` compares measures and p-values with pytrec_eval, ir_measures and scipy, from PyPI.
oracle-environment:
	@test -x .venv-oracle/bin/python || $(PYTHON) -m venv .venv-oracle
	@.venv-oracle/bin/python -m pip install --quiet -r Tools/oracle/requirements-measures.txt

oracle: deps oracle-environment
	$(RELEASE)
	@.venv-oracle/bin/python Tools/oracle/compare.py "$$($(SWIFT) build -c release --show-bin-path)/resift"

# With it, `make test` drives `resift serve` with the real clients of PyPI, and shares a cache with huggingface_hub.
acceptance-environment:
	@PYTHON=$(PYTHON) sh Tools/acceptance/environments.sh first second hub

acceptance: deps acceptance-environment
	$(RELEASE)
	@$(PYTHON) Tools/acceptance/run.py "$$($(SWIFT) build -c release --show-bin-path)/resift" --verbose
	@.venv-acceptance-hub/bin/python Tools/acceptance/hub.py "$$($(SWIFT) build -c release --show-bin-path)/resift"

# Rerank servers of others (infinity-emb, llama.cpp), asked by the remote rerankers. Several gigabytes of Python packages.
acceptance-remote: deps
	@PYTHON=$(PYTHON) sh Tools/acceptance/environments.sh remote
	$(RELEASE)
	@.venv-acceptance-remote/bin/python Tools/acceptance/remote.py "$$($(SWIFT) build -c release --show-bin-path)/resift" --test-command "$(SWIFT) test -c release"

# A chat server of others (llama.cpp), asked by the clients of language models.
wire-llamacpp: deps
	@PYTHON=$(PYTHON) sh Tools/acceptance/environments.sh wire
	@.venv-acceptance-wire/bin/python Tools/acceptance/wire.py --test-command "$(SWIFT) test -c release"

# Hostile clients; 64 clients for two minutes and SIGTERM; a killed node behind HAProxy; schemathesis over the OpenAPI.
serve-abuse serve-load serve-failover: serve-%: deps
	$(RELEASE)
	@$(PYTHON) Tools/acceptance/$*.py "$$($(SWIFT) build -c release --show-bin-path)/resift"

serve-fuzz: deps
	@PYTHON=$(PYTHON) sh Tools/acceptance/environments.sh fuzz
	$(RELEASE)
	@$(PYTHON) Tools/acceptance/fuzz.py "$$($(SWIFT) build -c release --show-bin-path)/resift"

sanitize: deps
	sh Tools/kernel-checks/run.sh sanitize

# Data races in the thread pool and in everything that runs on it.
sanitize-threads: deps
	$(SWIFT) test -c release --scratch-path .build-tsan --sanitize thread --filter RerankingTests

neon: deps
	@sh Tools/install-missing.sh qemu-aarch64 qemu-user
	@sh Tools/install-missing.sh aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross
	sh Tools/kernel-checks/run.sh neon

# The sanitizer also refuses allocations over 1 GB: no damaged file of some kilobytes may ask for one.
fuzz: deps
	ASAN_OPTIONS=max_allocation_size_mb=1024 $(SWIFT) run -c release --scratch-path .build-fuzz --sanitize address ResiftFuzz --cases 100000

format:
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests Benchmarks Tools Examples

lint:
	@! git grep -nE "^(<<<<<<<|>>>>>>>) " || { echo "marks of a merge"; exit 1; }
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Benchmarks Tools Examples

docs: deps
	sh Tools/docs/build.sh

install: build
	install -d $(PREFIX)/bin $(PREFIX)/share/resift/default-model
	install -m 755 "$$($(SWIFT) build -c release --show-bin-path)/resift" $(PREFIX)/bin/resift
	install -m 644 Sources/Resift/Resources/default-model/* $(PREFIX)/share/resift/default-model
	install -m 644 Sources/ResiftServer/Resources/* $(PREFIX)/share/resift

clean:
	rm -rf .build .build-* $(VENV) Benchmarks/.build
