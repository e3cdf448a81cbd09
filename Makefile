# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports unit snapshots lock graphiql pictures clean

help:  ## Show what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is %d.%d. Name another one: make PYTHON=python3.11 ..." % sys.version_info[:2])'
	@echo "environment  making $(VENV) from requirements.lock"
	@$(PYTHON) -m venv $(VENV) || { echo "environment  the venv module is missing; on Debian: apt install python3-venv"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

graphiql: $(STAMP)  ## Build the GraphiQL bundle that both BFFs serve
	@$(BIN)/python graphiql/build.py

demo: $(STAMP) graphiql  ## Start the services and both BFFs, and say where they are
	@exec $(BIN)/bff demo

test: lint types imports graphiql unit  ## Run every check and every test

lint: $(STAMP)  ## Check style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP)  ## Check types, strictly
	@$(BIN)/mypy

imports: $(STAMP)  ## Check which room may import which
	@$(BIN)/lint-imports

# Three parts at once, each with services of its own: the faults mostly wait, and go first when they wake up, since
# their times are real; what starts programs waits for those; the rest works.
STARTS := $(wildcard $(addprefix tests/,browser clients cli conformance demo deploy docs))
unit: $(STAMP)
	@mkdir -p .cache
	@$(BIN)/pytest -p no:cacheprovider tests/faults >.cache/faults.log 2>&1 & faults=$$!; \
	nice -n 10 $(BIN)/pytest -p no:cacheprovider $(STARTS) >.cache/starts.log 2>&1 & starts=$$!; \
	nice -n 10 $(BIN)/pytest $(addprefix --ignore=,tests/faults $(STARTS)); failed=$$?; \
	for part in faults starts; do \
		echo "tests  .cache/$$part.log ends too"; \
		if wait $$(eval echo \$$$$part); then tail -n 1 .cache/$$part.log; else failed=1; cat .cache/$$part.log; fi; \
	done; \
	exit $$failed

pictures: graphiql  ## Take the pictures of the README anew
	@CI=1 PICTURES=docs/pictures $(BIN)/pytest -q tests/browser/test_shop.py

snapshots: $(STAMP)  ## Renew the schemas, the OpenAPI documents and the golden files
	@$(BIN)/python -m downstream_stubs openapi export
	@$(BIN)/bff schema export
	@$(BIN)/pytest -q tests/golden tests/docs/test_settings.py tests/docs/test_measured.py --golden-update

lock: $(STAMP)  ## Renew requirements.lock from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --group dev --universal --generate-hashes --no-emit-index-url --no-header -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --quiet --extra stubs --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --constraint requirements.lock -o deploy/requirements.lock

clean:  ## Remove what was made, the environment included
	@rm -rf $(VENV) .cache .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache graphiql/node_modules tests/clients/node_modules bff_core/edge/static
