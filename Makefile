# One command a chore. Each sets up what it needs: Python 3.11+, make and the package registry are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow check lint format types contracts lock catalogue clean

help:  ## list the chores
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Turnpoint needs Python 3.11 or newer; name one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY)  ## .venv with the package and every extra that development needs

demo: $(READY)  ## the main job on the bundled real data; the report's path is the last line
	@$(BIN)/turnpoint demo

test: $(READY)  ## the tests
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(READY)  ## the slow studies among the tests (simulate and recover)
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports

check: lint types contracts test  ## lint, types, import contracts, tests

catalogue: $(READY)  ## collect the strings for translation and say what is missing
	$(BIN)/python scripts/catalogue.py

format: $(READY)  ## rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:  ## resolve requirements.lock anew (needs uv)
	uv pip compile pyproject.toml --extra dev --generate-hashes --no-header --no-annotate --no-emit-package turnpoint --python-version 3.11 --universal --output-file requirements.lock

clean:
	rm -rf $(VENV) dist build .hypothesis .pytest_cache .mypy_cache .ruff_cache
