# `make demo` and `make test` need only Python >= 3.11 (with venv and pip) and make:
# each builds .venv from the pinned versions when it is missing or out of date.

PYTHON ?= python3
VENV := .venv
PHOENIX := .venv-phoenix
MLFLOW := .venv-mlflow
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# pip compiles what it installs, but not what it installs as editable: without this a command that
# may write no bytecode takes half as long again.
COMPILE := $(BIN)/python -m compileall -q investigator
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal
GOLDEN := $(wildcard tests/*/golden)
PINS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test integration test-all check format golden docs live phoenix bench constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## investigate the bundled sample traces and print the reports
	@$(BIN)/investigator demo

test: $(VENV)/.dev $(PHOENIX)/.ready $(MLFLOW)/.ready ## the core and a sample of the rest; first sets up .venv, a Phoenix and an MLflow (2.7 GB, a few minutes)
	@$(PYTEST)

integration: $(VENV)/.dev $(PHOENIX)/.ready $(MLFLOW)/.ready ## every test against real servers and a browser
	@$(PYTEST) --tier integration

test-all: $(VENV)/.dev $(PHOENIX)/.ready $(MLFLOW)/.ready ## every test there is, the long ones too
	@$(PYTEST) --tier all

check: $(VENV)/.dev $(PHOENIX)/.ready $(MLFLOW)/.ready ## the gate: format, lint, strict types, and what make test runs
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(PYTEST)

format: $(VENV)/.dev ## rewrite the code as `make check` wants it
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

golden: $(VENV)/.dev ## rewrite the bundled samples and every golden file
	$(BIN)/python -m demo.samples.generate
	INVESTIGATOR_REWRITE_GOLDEN=1 $(BIN)/python -m pytest -q -k golden
	git status --short -- investigator/samples tests README.md docs

docs: $(VENV)/.dev ## the documentation as a site, in build/site
	@$(BIN)/python -m zensical build --strict -f zensical.toml

live: $(VENV)/.dev ## a run of each engine with a small local model (downloads 200 MB once)
	@$(BIN)/python -m benchmarks.live

phoenix: $(VENV)/.dev $(PHOENIX)/.ready ## a real Phoenix with annotated traces of a small agent, until Ctrl-C
	@$(BIN)/python -m benchmarks.phoenix

bench: ## list the benchmark commands
	@for file in $$(grep -l __main__ benchmarks/*.py); do \
	  printf '%s\n    %s\n' "$(BIN)/python -m benchmarks.$$(basename $$file .py)" \
	    "$$(sed -n '1s/^"""//p' $$file)"; \
	done

constraints: $(VENV)/.dev ## pin the newest allowed versions (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --upgrade --no-header --no-annotate -o constraints.txt
	echo arize-phoenix | uv pip compile - --universal --python-version 3.11 --upgrade --no-header --no-annotate -o constraints-phoenix.txt
	echo mlflow | uv pip compile - --universal --python-version 3.11 --upgrade --no-header --no-annotate -o constraints-mlflow.txt

clean: ## forget the environment and every cache
	rm -rf $(VENV) $(PHOENIX) $(MLFLOW) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11; name another: make demo PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# What a run needs; the developer's environment has it too.
$(VENV)/.run: $(PINS) | $(BIN)/python
	@if [ ! -e $(VENV)/.dev ] || [ pyproject.toml -nt $(VENV)/.dev ] || [ constraints.txt -nt $(VENV)/.dev ]; then \
	  $(PIP) install --quiet -e . -c constraints.txt; fi
	@$(COMPILE)
	@touch $@

# A Phoenix to test against and to try: an installation of its own, since it is large.
$(PHOENIX)/.ready: constraints-phoenix.txt
	$(PYTHON) -m venv $(PHOENIX)
	$(PHOENIX)/bin/python -m pip --disable-pip-version-check install --quiet arize-phoenix -c constraints-phoenix.txt
	@touch $@

# An MLflow to test against, likewise.
$(MLFLOW)/.ready: constraints-mlflow.txt
	$(PYTHON) -m venv $(MLFLOW)
	$(MLFLOW)/bin/python -m pip --disable-pip-version-check install --quiet mlflow -c constraints-mlflow.txt
	@touch $@

$(VENV)/.dev: $(PINS) | $(BIN)/python
	$(PIP) install --quiet -e '.[dev]' -c constraints.txt
	@$(COMPILE)
	@touch $@
