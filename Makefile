# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

EXAMPLE ?= host-gw
STAGES := lint docs sanity importer unit report kernel lab site cores integration molecule bench-smoke

# sizes of the benchmark; an empty one leaves its family out
ROUNDS ?= 3
ENDPOINTS ?= 10 100 500 1000
PEERS ?= 10 100 1000 5000
CONTROLLER ?= 100 1000 5000
LAB ?= 2 4 50
PROOF ?= 10 100 1000 2000
DATAPATH ?= 2
CHANGES ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev example demo demo-down vms vms-ssh vms-down test $(STAGES) test-vms faults walks cuts cuts-vms fresh engines bench build clean

VM ?= vm1
VM_LAB = PYTHONPATH=.venv/collections PYTHONDONTWRITEBYTECODE=1 .venv/bin/python3 scripts/vm_lab

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: ## what the demo needs: packages, a virtual environment
	@scripts/setup user

setup-dev:
	@scripts/setup dev

demo: example setup ## an example end to end in a lab on this machine: make demo EXAMPLE=docker-bridge
	@scripts/demo up $(EXAMPLE)

demo-down: example setup ## end the demo's lab: make demo-down EXAMPLE=docker-bridge
	@scripts/demo down $(EXAMPLE)

# before anything is installed
example:
	@. scripts/environment; check_example '$(EXAMPLE)'

vms: example ## virtual machines for an example, made under QEMU: make vms EXAMPLE=ipip
	@scripts/setup vms
	@$(VM_LAB) up $(EXAMPLE)

vms-ssh: ## a shell on one of them: make vms-ssh VM=vm2
	@$(VM_LAB) ssh $(VM)

vms-down: ## end them
	@$(VM_LAB) down

test: setup-dev ## everything: lint, sanity, unit, kernel, lab, integration, molecule (as root)
	@scripts/test $(STAGES)

$(filter-out docs,$(STAGES)): setup-dev
	@scripts/test $@

docs: ## the documentation site, in build/docs/html
	@scripts/setup docs
	@.venv/bin/python3 scripts/docs

bench: ## how fast it is, against other ways, as root: make bench ROUNDS=3 ENDPOINTS="10 100" PEERS=
	@scripts/setup bench
	@scripts/bench --rounds $(ROUNDS) --endpoints "$(ENDPOINTS)" --peers "$(PEERS)" --controller "$(CONTROLLER)" --lab "$(LAB)" \
		--proof "$(PROOF)" --datapath "$(DATAPATH)" --changes "$(CHANGES)"

faults: setup-dev ## a fault at every point of every case, an hour and more (as root): make faults SHARE=0/1
	@PYTHONPATH=.venv/collections PYTHONDONTWRITEBYTECODE=1 .venv/bin/python3 tests/kernel/trials.py $(or $(SHARE),0/1)

walks: setup-dev ## the model of a packet's walk against the kernel, as root: make walks CASES=10000 SEED=1
	@NODENET_WALKS=$(or $(CASES),10000) NODENET_SEED=$(SEED) PYTHONPATH=.venv/collections PYTHONDONTWRITEBYTECODE=1 \
		.venv/bin/python3 -m pytest -q -n 2 -p no:cacheprovider tests/kernel/test_walk_model.py

cuts: setup-dev ## a site that is cut at each of its steps, an hour (as root): make cuts LABS=2 POINTS=20
	@PYTHONPATH=.venv/collections PYTHONDONTWRITEBYTECODE=1 .venv/bin/python3 tests/cuts --labs $(or $(LABS),2) \
		$(if $(POINTS),--points $(POINTS))

cuts-vms: setup-dev ## the same on virtual machines that reboot or lose power, half an hour (as root)
	@scripts/setup vms
	@NODENET_CUTS=all PATH=$(CURDIR)/.venv/bin:$(PATH) PYTHONPATH=.venv/collections PYTHONDONTWRITEBYTECODE=1 \
		ANSIBLE_COLLECTIONS_PATH=.venv/collections .venv/bin/python3 -m pytest -v -p no:cacheprovider tests/vms/test_commit.py

test-vms: setup-dev ## the playbooks and molecule on virtual machines, reboots and power cuts (as root)
	@scripts/setup vms
	@scripts/test vms

engines: setup-dev ## the tests of container engines with those of Debian 13 and unstable, as root: make engines SUITES=sid
	@scripts/engines $(SUITES)

fresh: ## the demo on fresh root file systems of Debian 12, 13 and Ubuntu 22.04, 24.04, as root: make fresh SUITES=trixie
	@scripts/fresh $(SUITES)

build: ## the collection's tarball with its CHANGELOG, in build/
	@scripts/setup build
	@scripts/collection build build

clean: ## remove what was made here
	rm -rf .venv .cache build
