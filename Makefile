# The menu. `make` prints it; what a target does stands in the module that it runs.

# The first of these that is Python 3.11 or newer and can make a virtual environment.
PYTHONS := python3.13 python3.12 python3.11 python3.14 python3 python
PYTHON ?= $(shell for p in $(PYTHONS); do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Made when the virtual environment holds what requirements.lock names, and then when it holds the project too.
LOCKED_IN := .venv/locked
READY := .venv/ready

.PHONY: help run test check generate protos bench faults render image promises lock clean

help: ## this menu
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null || cat Makefile

run: $(READY) ## start everything on this machine; Ctrl-C stops it
	@$(BIN)/python -m devstack serve

test: $(READY) ## all tests: the whole truth, in minutes
	$(BIN)/python -m pytest

check: $(READY) ## style, types, contract, imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.api.contract

generate: $(READY) ## write all that derives: gen/ from protos/, the client's models and sync side, lists of services
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python protos/generate.py code
	$(BIN)/python client/generate
	$(BIN)/python -m k8s.generate
	$(BIN)/python -m devstack.compose

protos: generate # as `make generate` was called

bench: $(READY) ## measure every figure that the documentation claims
	$(BIN)/python -m benchmarks

faults: $(READY) ## the long fault tests: kill -9 again and again under load
	$(BIN)/python -m tests.faults

render: $(READY) ## render every Kubernetes overlay
	$(BIN)/python -m tests.k8s.render

image: ## build the container image
	docker build --tag qmcp .

promises: $(READY) ## which promises of docs/compatibility.md a test proves
	@$(BIN)/python -m tests.promises

lock: $(READY) ## resolve requirements.lock and requirements-image.lock again
	echo hatchling | $(BIN)/uv pip compile -q $(LOCKED) --all-extras pyproject.toml - -o requirements.lock
	$(BIN)/uv pip compile -q $(LOCKED) pyproject.toml -o requirements-image.lock

# Versions and hashes for every platform and Python, and no addresses: where to fetch from is the machine's own choice.
LOCKED := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

clean: ## remove the virtual environment and what was built; your data in .qmcp stays
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis

$(READY): $(LOCKED_IN) pyproject.toml
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(LOCKED_IN): requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed; none of $(PYTHONS) is that." \
		"Debian: apt-get install python3-venv; or name one: make PYTHON=/path/to/python3.13"; exit 1; }
	@echo "Setting up .venv with $(PYTHON); this happens once."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@
