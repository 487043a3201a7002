# Everything a newcomer needs; `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# The browser that tests of the pages drive; installed where apt is there.
CHROMIUM := command -v chromium > /dev/null || { command -v apt-get > /dev/null && apt-get update -qq && apt-get install -y -qq chromium > /dev/null; } || true

TSC := $(VENV)/node/node_modules/.bin/tsc

.DEFAULT_GOAL := help
.PHONY: help setup run test check fix bench screenshots lock types

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Make .venv with everything; fast when nothing changed

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Penstock needs Python 3.11 or newer; this is $$($(PYTHON) -V). Try: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes --only-binary :all: --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

run: setup  ## Set up and start the gateway
	@$(BIN)/penstock serve

test: setup  ## Set up and run every check and test
	@$(MAKE) --no-print-directory check
	@$(CHROMIUM)
	@$(BIN)/pytest --numprocesses 2 --dist loadfile

check: setup  ## Format, lint, types and layers, without changing anything
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports > .lint-imports.log 2>&1 || { cat .lint-imports.log; exit 1; }
	@rm -f .lint-imports.log
	@$(MAKE) --no-print-directory types

types: setup  ## Check the types in the comments of the pages' scripts, where npm is there
	@command -v npm > /dev/null || { echo "There is no npm here, so the types of the pages' scripts are not checked."; exit 0; }; \
	test -x $(TSC) || npm install --silent --no-audit --no-fund --no-save --prefer-offline --fetch-timeout 20000 --fetch-retries 0 \
	  --prefix $(VENV)/node typescript@7.0.2 > /dev/null 2>&1 \
	|| { echo "TypeScript cannot be fetched, so the types of the pages' scripts are not checked."; exit 0; }; \
	$(TSC) --project jsconfig.json

fix: setup  ## Format and repair what can be repaired
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup  ## Measure against an nginx mock; installs nginx and wrk where apt is there
	@command -v nginx > /dev/null && command -v wrk > /dev/null || { command -v apt-get > /dev/null && apt-get install -y -qq nginx-light wrk > /dev/null; } || true
	@$(BIN)/python -m benchmarks

screenshots: setup  ## Take pictures of every page into .screenshots
	@$(CHROMIUM)
	@$(BIN)/python -m tests.browser.screenshots .screenshots

lock: setup  ## Renew the lock files (needs uv)
	@uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header pyproject.toml -o requirements/run.txt
	@uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header pyproject.toml --group dev -o requirements/dev.txt
