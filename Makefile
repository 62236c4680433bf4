# The two commands that matter: `make run` trains the digit network, `make test` runs every test.

SWIFT ?= swift

.PHONY: run test passes bench check clean help dependencies

run: dependencies ## install what is missing, build, and train the digit network (ARGS="--model mlp" for options)
	$(SWIFT) build -c release --product hillock
	.build/release/hillock train digits $(ARGS)

# In release: the kernels are too slow without optimisation. One after another: they use every core themselves, and waiting for a server is timed.
# Programs are checked between passes, and algorithms chosen by rule: what other work on the machine does must not matter.
test passes: export HILLOCK_VERIFY = 1
test passes: export HILLOCK_TUNING = off
test: dependencies ## install what is missing, and run every test (ARGS="--filter Sampler" for some)
	$(SWIFT) test -c release --no-parallel $(ARGS)

passes: dependencies ## the tests with each pass of the compiler left out in turn, and with all (ARGS="none fuse" for some); about 40 minutes
	$(SWIFT) build -c release --build-tests
	scripts/test-passes.sh $(ARGS)

bench: dependencies ## measure the workloads beside the peers, where their program is at hand (ARGS="--only T03", ARGS=--report)
	scripts/prepare-peers.sh
	$(SWIFT) build -c release --package-path Benchmarks
	cd Benchmarks && .build/release/bench --python ../.venv-bench/bin/python $(ARGS)

check: dependencies ## five steps of each workload: losses as specified, the same bits over runs and threads (ARGS="T03 T12" for some, DEVICE=xla-cpu)
	$(SWIFT) build -c release --package-path Benchmarks --product workload
	Benchmarks/.build/release/workload --check $(if $(DEVICE),--device $(DEVICE)) $(ARGS)

dependencies:
	@scripts/install-dependencies.sh

clean: ## remove what was built; runs are kept
	rm -rf .build Benchmarks/.build

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
