# One command does all the set-up on a fresh machine: `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help test lint types imports unit snapshots lock clean

help:  ## Show what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is %d.%d. Name another one: make PYTHON=python3.11 ..." % sys.version_info[:2])'
	@echo "environment  making $(VENV) from requirements.lock"
	@$(PYTHON) -m venv $(VENV) || { echo "environment  the venv module is missing; on Debian: apt install python3-venv"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

test: lint types imports unit  ## Run every check and every test

lint: $(STAMP)  ## Check style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP)  ## Check types, strictly
	@$(BIN)/mypy

imports: $(STAMP)  ## Check which room may import which
	@$(BIN)/lint-imports

unit: $(STAMP)
	@$(BIN)/pytest

snapshots: $(STAMP)  ## Renew the OpenAPI documents
	@$(BIN)/python -m downstream_stubs openapi export

lock: $(STAMP)  ## Renew requirements.lock from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --group dev --universal --generate-hashes --no-emit-index-url --no-header -o requirements.lock

clean:  ## Remove what was made, the environment included
	@rm -rf $(VENV) .cache .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
