# One target per thing a person does here. `make` alone lists them.
# VENV and PYTHON may be given: make test PYTHON=python3.13

VENV ?= .venv
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev
COMPILED := build/compiled/.made

.DEFAULT_GOAL := help
.PHONY: help demo test check fix docs bench chaos clean

help: ## List the targets.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

demo: $(RUNTIME) ## See the main job done on this machine: events in, CRM writes out, all accounted for.
	@$(BIN)/transformer demo

test: $(DEV) ## Run every test.
	@echo "==> running the tests"
	@$(BIN)/python -m pytest

check: $(DEV) ## Check style, types, generated pages and the documentation.
	@echo "==> ruff check"; $(BIN)/ruff check
	@echo "==> ruff format"; $(BIN)/ruff format --check
	@echo "==> mypy"; $(BIN)/mypy
	@echo "==> documentation"; $(BIN)/python -m pytest -q tests/docs tests/test_architecture.py

fix: $(DEV) ## Format the code and apply the safe fixes.
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: $(DEV) ## Make the generated pages and schemas again.
	@$(BIN)/python -m transformer.pages

bench: $(DEV) $(COMPILED) ## Measure the hot path, and the API calls that identifies take at every CRM.
	@echo "==> plain, as in this tree"; $(BIN)/python -m tests.bench.run hot
	@echo "==> compiled, as in the image"; cd $(dir $(COMPILED)) && $(abspath $(BIN))/python -m tests.bench.run

SEED ?= 1
EVENTS ?= 4000
DEEDS ?= 64

chaos: $(DEV) ## Mistreat workers, broker and CRM on real Kafka and judge what is left: SEED, EVENTS, DEEDS.
	@$(BIN)/python -m tests.chaos $(SEED) $(EVENTS) $(DEEDS)

$(COMPILED): $(DEV) pyproject.toml deploy/compiled.sh $(shell find transformer destinations tests -name '*.py' -not -path '*/node_modules/*')
	@deploy/compiled.sh $(abspath $(BIN))/python $(dir $@)
	@touch $@

clean: ## Remove the virtual environment and all caches.
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	@echo "==> installing the program into $(VENV)"
	@$(INSTALL) -e '.[embedded]'
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	@echo "==> installing the program and its development tools into $(VENV)"
	@$(INSTALL) -e '.[dev]'
	@touch $(RUNTIME) $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer was found. Install one, or run: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: this Python has no venv module. Install it (Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo "==> creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
