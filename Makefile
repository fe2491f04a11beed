# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

EXAMPLE ?= host-gw
STAGES := lint sanity unit kernel lab site integration molecule bench-smoke

# sizes of the benchmark; an empty one leaves its family out
ROUNDS ?= 3
ENDPOINTS ?= 10 100 500 1000
PEERS ?= 10 100 1000 5000

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo demo-down test $(STAGES) bench build clean

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: ## what the demo needs: packages, a virtual environment
	@scripts/setup user

setup-dev: setup
	@scripts/setup dev

demo: setup ## an example end to end in a lab on this machine: make demo EXAMPLE=docker-bridge
	@scripts/demo $(EXAMPLE)

demo-down: setup ## end the demo's lab
	@.venv/bin/ansible-playbook -i examples/$(EXAMPLE) nodenet.fabric.lab_down

test: setup-dev ## everything: lint, sanity, unit, kernel, lab, integration, molecule (as root)
	@scripts/test $(STAGES)

$(STAGES): setup-dev
	@scripts/test $@

bench: setup ## how fast it is, against other ways, as root: make bench ROUNDS=3 ENDPOINTS="10 100" PEERS=
	@scripts/setup bench
	@scripts/bench --rounds $(ROUNDS) --endpoints "$(ENDPOINTS)" --peers "$(PEERS)"

build: setup ## the collection's tarball, in build/
	@.venv/bin/ansible-galaxy collection build --force --output-path build

clean: ## remove what was made here
	rm -rf .venv .cache build
