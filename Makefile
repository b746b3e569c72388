# `make demo` and `make test` need nothing but Python 3.11 and this checkout: each makes its own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
OUT ?= demo
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint bench docs clean

help:
	@echo "make demo       train the small networks on the stories, show which of them remember, write $(OUT)/report.html"
	@echo "make test       run the tests"
	@echo "make test-slow  the tests that take longer: mutants of the source, the whole comparison, the report in a browser"
	@echo "make lint       formatting, types and import contracts"
	@echo "make bench      the slow measurements behind the figures of the README (an hour and a half)"
	@echo "make docs       build the documentation into docs/_build/html"

$(VENV)/pip.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "keepgate needs Python 3.11 or later; name one: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@test -x $(BIN)/python || { echo "Making $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@touch $@

$(VENV)/run.stamp: $(VENV)/pip.stamp pyproject.toml constraints.txt
	@echo "Installing keepgate and torch into $(VENV) (once, about a minute) ..."
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	@echo "Installing the test tools into $(VENV) (once) ..."
	@$(INSTALL) --editable '.[dev]'
	@touch $@

$(VENV)/docs.stamp: $(VENV)/run.stamp
	@$(INSTALL) --editable '.[docs]'
	@touch $@

demo: $(VENV)/run.stamp
	@$(BIN)/keepgate compare --report $(OUT)/report.html --json $(OUT)/result.json --models $(OUT)/networks

test: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest -n $(WORKERS) --quiet

test-slow: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest -m slow --quiet

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Where the public data sets lie; only the reader's bench needs them.
CMRC2018 ?= ../shared/data/cmrc2018

bench: $(VENV)/dev.stamp
	@$(BIN)/python bench/layers.py
	@$(BIN)/python bench/stories.py
	@$(BIN)/python bench/cmrc2018.py --train $(CMRC2018)/train.json --dev $(CMRC2018)/dev.json --models models
	@$(BIN)/python bench/asked.py models/seed-0
	@$(BIN)/python bench/table.py

docs: $(VENV)/docs.stamp
	@$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

clean:
	rm -rf $(VENV) docs/_build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
