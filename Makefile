# Two commands on a fresh machine with Python and make: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
# Extra arguments of pip install, e.g. where the CPU build of torch lies (docs/install.rst).
PIP_ARGS ?=
# Extra arguments of pytest, e.g. make test ARGS="-m 'not slow'", of bench-check and of soak.
ARGS ?=
# A folder of your own recordings for make demo; the clips that ship without it.
DATA ?=

BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test docs lint format bench bench-check soak clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.installed-plot ## compare the estimators on the clips that ship, or on your own: DATA=folder
	$(BIN)/python -m benchmarks.demo $(if $(DATA),--data "$(DATA)")

# One thread a worker: two workers on two cores don't oversubscribe them. Files of tests go to
# one worker each (tests/conftest.py), so that what their tests share is made once.
test: $(VENV)/.installed-test ## run the tests, doctests and examples: ARGS="-k spline"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadgroup --no-loadscope-reorder $(ARGS)

docs: $(VENV)/.installed-docs ## build the documentation into docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

lint: $(VENV)/.installed-dev ## check style, docstrings and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	find sklearn_audiosr -name '*.py' -exec $(BIN)/numpydoc lint {} +
	$(BIN)/mypy

format: $(VENV)/.installed-dev ## sort imports and lay out the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-test ## print the tables of benchmarks/bench_*.py
	@set -e; for script in benchmarks/bench_*.py; do echo "== $$script"; \
	    $(BIN)/python -m "benchmarks.$$(basename "$$script" .py)"; done

bench-check: $(VENV)/.installed-test ## fail if a recorded panel figure of a shipped model has worsened
	$(BIN)/python -m benchmarks.check_panel $(ARGS)

soak: $(VENV)/.installed-test ## pass thousands of malformed inputs (hours): ARGS="--only arrays --share 0.1"
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.soak $(ARGS)

clean: ## remove what the other targets make, but for the environment
	rm -rf build dist demo_output docs/_build docs/auto_examples docs/generated \
	    docs/sg_execution_times.rst .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -path './$(VENV)' -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing sklearn-audiosr[$*] into $(VENV): some minutes the first time"
	@$(BIN)/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt -e ".[$*]"
	@touch $@

# bin/pip and not bin/python: a venv without ensurepip leaves a python that has no pip.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "sklearn-audiosr needs Python 3.11 or newer as $(PYTHON): name one with 'make PYTHON=python3.12 ...'"; \
	    exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	    echo "'$(PYTHON) -m venv' failed: install Python's venv and ensurepip (on Debian and Ubuntu the package python3-venv), then run make again"; \
	    exit 1; }
	@$(BIN)/python -m pip install --quiet --upgrade pip
