# One command a chore. Each sets up what it needs: Python 3.11+, make and the package registry are enough.
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development

# The locks are complete, so they are installed as they stand: no resolver, whose answer changes with the day and with
# pip's version. `pip check` says whether anything is missing. Python compiles what is imported; all of it would take
# half the time of installing.
INSTALL := $(BIN)/python -m pip install --quiet --no-deps --no-compile
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadscope
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header --no-annotate --no-emit-package turnpoint --group build
LOCKS := .

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow coverage check lint format types contracts lock lock-check catalogue docs news release clean FORCE

help:  ## list the chores
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# .venv stays the Python it is until another one is named (make PYTHON=python3.12 demo), or until it no longer runs.
WHICH := import sys; print(sys.base_prefix, sys.version_info[:2])
$(VENV)/pyvenv.cfg: FORCE
	@has="$$($(BIN)/python -c '$(WHICH)' 2>/dev/null)"; \
	wanted="$(if $(PYTHON),$$($(PYTHON) -c '$(WHICH)'),$$has)"; \
	if [ -z "$$has" ] || [ "$$has" != "$$wanted" ]; then \
	  $(or $(PYTHON),python3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Turnpoint needs Python 3.11 or newer; name one with: make PYTHON=python3.12"; exit 1; }; \
	  rm -rf $(VENV); \
	  $(or $(PYTHON),python3) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }; \
	fi

$(RUNTIME): $(VENV)/pyvenv.cfg requirements.lock pyproject.toml
	$(INSTALL) --require-hashes --requirement requirements.lock
	$(INSTALL) --no-build-isolation --editable .
	$(BIN)/python -m pip check
	@touch $@

$(DEVELOPMENT): $(RUNTIME) requirements-dev.lock
	$(INSTALL) --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip check
	@touch $@

setup: $(DEVELOPMENT)  ## .venv with the package and every extra that development needs

demo: $(RUNTIME)  ## the main job on the bundled real data; the report's path is the last line
	@$(BIN)/turnpoint demo

test: $(DEVELOPMENT)  ## the tests
	$(PYTEST) -m "not slow"

test-slow: $(DEVELOPMENT)  ## the slow studies among the tests (simulate and recover)
	$(PYTEST) -m slow

coverage: $(DEVELOPMENT)  ## the tests, and which lines and branches they never take; fails below the floor
	$(PYTEST) -m "not slow" --cov --cov-report=term-missing:skip-covered

lint: $(DEVELOPMENT)  ## the rules for code, and its format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEVELOPMENT)  ## the types, of the tests too
	$(BIN)/mypy

contracts: $(DEVELOPMENT)  ## the rooms import only downward
	$(BIN)/lint-imports

check: lint types contracts test  ## lint, types, import contracts, tests

catalogue: $(DEVELOPMENT)  ## collect the strings for translation and say what is missing
	$(BIN)/python scripts/catalogue.py

docs: $(DEVELOPMENT)  ## the documentation site, build/site/index.html; a warning is an error
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --jobs 2 --doctree-dir build/doctrees docs build/site
	@echo build/site/index.html

format: $(DEVELOPMENT)  ## rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(DEVELOPMENT)  ## bring both locks in step with pyproject.toml (newer versions: make lock UPGRADE=--upgrade)
	$(LOCK) $(UPGRADE) pyproject.toml --extra dev --output-file $(LOCKS)/requirements-dev.lock
	$(LOCK) $(UPGRADE) pyproject.toml --constraint $(LOCKS)/requirements-dev.lock --output-file $(LOCKS)/requirements.lock

# The resolver keeps every version that is locked, so that it changes nothing unless something is missing or too much.
lock-check: $(DEVELOPMENT)  ## the locks hold what pyproject.toml asks for, extras included, and nothing else
	@mkdir -p build/locks
	@cp requirements.lock requirements-dev.lock build/locks/
	@$(MAKE) --no-print-directory --silent lock LOCKS=build/locks
	@for lock in requirements.lock requirements-dev.lock; do \
	  diff -u $$lock build/locks/$$lock || { echo "$$lock is not what the resolver says (+). Mend it with: make lock"; exit 1; }; \
	done

news: $(DEVELOPMENT)  ## what the next release's entry in the changelog will say
	$(BIN)/towncrier build --draft

release: $(DEVELOPMENT)  ## build and check what would be released; uploads nothing
	$(BIN)/python scripts/release.py

clean:  ## remove .venv and what the chores made
	rm -rf $(VENV) dist build .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage
