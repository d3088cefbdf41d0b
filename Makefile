# The menu. `make` prints it; what a target does stands in the module that it runs.

# The first of these that is Python 3.11 or newer and can make a virtual environment.
PYTHONS := python3.13 python3.12 python3.11 python3.14 python3 python
PYTHON ?= $(shell for p in $(PYTHONS); do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: help run test check generate protos bench faults conformance second-reader render image promises lock clean setup setup-dev python

help: ## this menu
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null || cat Makefile

run: setup ## start everything on this machine; Ctrl-C stops it
	@$(BIN)/python -m devstack serve

test: setup-dev ## all tests: the whole truth, in minutes
	$(BIN)/python -m pytest

check: setup-dev ## style, types, contract, imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.api.contract

generate: setup-dev ## write all that derives: gen/ from protos/, the client's models and sync side, lists of services
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python protos/generate.py code
	$(BIN)/python client/generate
	$(BIN)/python -m k8s.generate
	$(BIN)/python -m devstack.compose

protos: generate # as `make generate` was called

bench: setup-dev ## measure every figure that the documentation claims
	$(BIN)/python -m benchmarks

faults: setup-dev ## the long fault tests: kill -9 again and again under load
	$(BIN)/python -m tests.faults

conformance: setup-dev ## the official suite of MCP, in both revisions; needs npm
	@$(BIN)/python -m tests.conformance

second-reader: setup-dev ## documents as LibreOffice reads them; needs libreoffice-writer-nogui
	@$(BIN)/python -m tests.documents.second_reader

render: setup-dev ## render every Kubernetes overlay
	$(BIN)/python -m tests.k8s.render

image: ## build the container image
	docker build --tag qmcp .

promises: setup-dev ## which promises of docs/compatibility.md a test proves
	@$(BIN)/python -m tests.promises

lock: setup-dev ## resolve the locks again: for development, for running, for uv itself
	echo hatchling | $(COMPILE) --all-extras pyproject.toml - -o requirements.lock
	echo hatchling | $(COMPILE) --extra laptop --extra meaning pyproject.toml - -c requirements.lock -o requirements-run.lock
	echo uv | $(COMPILE) - -o requirements-uv.lock

# Versions and hashes for every platform and Python, and no addresses: where to fetch from is the machine's own choice.
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

clean: ## remove the virtual environment and what was built; your data in .qmcp stays
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis

setup: python ## make .venv hold what running needs
	@$(PYTHON) devstack/environment.py run

setup-dev: python ## and what tests and checks need
	@$(PYTHON) devstack/environment.py dev

python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed; none of $(PYTHONS) is that." \
		"Debian: apt-get install python3-venv; or name one: make PYTHON=/path/to/python3.13"; exit 1; }
