# Holdfast. One build configuration (release) serves the demo, the tests and the lab, so that a machine builds once.
.PHONY: help setup build demo test trials lint bench-build bench-failover bench-idle bench-checks bench-planner simulate clean

BUILD = swift build -c release
KEEP ?=
OUT ?=
SUITES = CoreTests PolicyTests SimulatorTests GuardTests ProbeTests HostTests AddressTests NodeTests StoreTests HypervisorTests LabTests

help:
	@echo "make demo            three hosts on this machine, nine containers, one host killed (KEEP=1 leaves them up)"
	@echo "make test            everything: unit, conformance, lab (LAB=off without root)"
	@echo "make trials          the lab with its long trials: every fault of an evacuation, services that fail, addresses, a store that fills"
	@echo "make bench-build     a build from nothing, timed"
	@echo "make bench-failover  ten host failures, measured (OUT=file writes JSON)"
	@echo "make bench-idle      what 50 idle containers cost on a node, and what an isolated guard costs"
	@echo "make bench-checks    what 500 checks cost a node that asks each of them once a second (OUT=file writes JSON)"
	@echo "make simulate        10,000 virtual hours and 50,000 short storms of a cluster with every fault"
	@echo "make bench-planner   one node lost in clusters of up to 1000 nodes, planned by us and by others"
	@echo "make build lint clean"

setup:
	@Scripts/setup

build: setup
	$(BUILD)

demo: build
	.build/release/holdfast-lab demo $(if $(KEEP),--keep)

test: setup lint
	$(BUILD) --build-tests
	@Scripts/test-suites $(SUITES)

# The whole lab: what takes minutes as well, with its figures. Half an hour more than in the tests on a small machine.
trials: setup
	$(BUILD) --build-tests
	@LAB=all Scripts/test-suites LabTests

# In a directory of its own: what is built already would be left out.
bench-build: setup
	@bash -c 'time $(BUILD) --scratch-path .build/from-nothing'
	@rm -rf .build/from-nothing

bench-failover: build
	.build/release/holdfast-lab bench-failover $(if $(OUT),--out $(OUT))

bench-idle: build
	.build/release/holdfast-lab bench-idle $(if $(OUT),--out $(OUT))

bench-checks: build
	.build/release/holdfast-lab bench-checks $(if $(OUT),--out $(OUT))

# The great run: hours of five nodes and thirty workloads, and short storms with every fault at once. Hours of both on a small machine.
simulate: build
	.build/release/holdfast simulate --seeds 1..10000
	.build/release/holdfast simulate --short --seeds 1000001..1050000

bench-planner: setup
	$(BUILD) --product planner-bench
	.build/release/planner-bench $(if $(OUT),--out $(OUT))

lint:
	swift format lint --strict -r Package.swift Sources Tests Lab Examples
	@Scripts/lint-scripts

clean:
	rm -rf .build
