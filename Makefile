# `make demo` and `make test` need nothing but Python 3.11, a C++20 compiler and this checkout: each makes its own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
INSTALL := $(PIP) install --constraint constraints.txt
CORE := CMakeLists.txt $(wildcard csrc/*.h csrc/*.cc csrc/cells/*.h)
OUT ?= demo
SITE ?= site
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo site test test-slow lint wheel sanitize neon bench scoreboard figures docs clean

help:
	@echo "make demo       train the small networks on the stories, show which of them remember, write $(OUT)/report.html"
	@echo "make site       write the page with its networks as static files into $(SITE)"
	@echo "make test       run the tests"
	@echo "make test-slow  the tests that take longer: mutants of the source, the whole comparison, the report in a browser"
	@echo "make lint       formatting, types, import contracts, and generated files that are stale"
	@echo "make wheel      a wheel for this machine's kind, in dist/, to be installed where there is no compiler"
	@echo "make sanitize   the C++ core under AddressSanitizer, UBSan and ThreadSanitizer"
	@echo "make neon       the C++ core compiled for aarch64 and run by qemu: its numbers are those of this machine"
	@echo "make bench      the slow measurements behind the figures of the README (two hours)"
	@echo "make scoreboard train and measure every task of bench/README.md from $(DATA)"
	@echo "make figures    run the guide's pages, write what they print into them, and draw their pictures"
	@echo "make docs       build the documentation into docs/_build/html"

$(VENV)/pip.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "keepgate needs Python 3.11 or later; name one: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@test -x $(BIN)/python || { echo "Making $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@touch $@

# What compiles the core stays in the .venv, so that a change of csrc is compiled in seconds and without a network.
REQUIRED := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])
$(VENV)/build.stamp: $(VENV)/pip.stamp pyproject.toml
	@$(INSTALL) $$($(BIN)/python -c '$(REQUIRED)') cmake ninja
	@touch $@

$(VENV)/run.stamp: $(VENV)/build.stamp constraints.txt $(CORE)
	@echo "Compiling keepgate's core, installing keepgate and torch into $(VENV) (about two minutes the first time) ..."
	@$(INSTALL) --no-build-isolation --editable '.[serve]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	@echo "Installing the test tools into $(VENV) (once) ..."
	@$(INSTALL) --no-build-isolation --editable '.[dev]'
	@# Their weights, which docs/guide/speech.md reads; of what they depend on nothing is used.
	@$(INSTALL) --no-deps silero-vad Resemblyzer
	@touch $@

$(VENV)/docs.stamp: $(VENV)/run.stamp
	@$(INSTALL) --no-build-isolation --editable '.[docs]'
	@touch $@

demo: $(VENV)/run.stamp
	@$(BIN)/keepgate compare --report $(OUT)/report.html --json $(OUT)/result.json --models $(OUT)/networks

site: $(VENV)/run.stamp
	@$(BIN)/keepgate site $(SITE)

test: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest -n $(WORKERS) --quiet $(PYTEST)

test-slow: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest -m slow --quiet

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m keepgate.emit --check
	@$(BIN)/clang-format --dry-run --Werror csrc/*.h csrc/*.cc bench/*.cc tests/kernels/native/*.h tests/kernels/native/*.cc

DIST ?= dist

wheel: $(VENV)/dev.stamp
	@rm -rf build/unrepaired
	@$(PIP) wheel --no-deps --no-build-isolation --config-settings=build-dir=build/editable --wheel-dir build/unrepaired .
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --wheel-dir $(DIST) build/unrepaired/*.whl
	@ls $(DIST)/*.whl

sanitize: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest -m slow tests/kernels/test_native.py -k sanitizers -v

neon: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest tests/kernels/test_native.py -k neon -v

# Where the public data sets lie; only what is trained on them needs them.
DATA ?= ../shared/data

$(VENV)/bench.stamp: $(VENV)/dev.stamp
	@echo "Installing what the layers are measured against into $(VENV) (once) ..."
	@$(INSTALL) --editable '.[bench]'
	@# Its weights, which bench/models.py and bench/polyphones.py read.
	@$(INSTALL) --no-deps g2pM
	@touch $@

bench: $(VENV)/bench.stamp
	@$(BIN)/python -m bench.cells
	@$(BIN)/python -m bench.stories
	@$(BIN)/python -m bench.page
	@$(BIN)/python -m bench.guide
	@$(BIN)/python -m bench.formal
	@$(BIN)/python -m bench.automata
	@$(BIN)/python -m bench.verdicts --advice
	@$(BIN)/python -m bench.verdicts --advice --seed 2 --out bench/results/verdicts-seed-2.json
	@$(BIN)/python -m bench.verdicts --advice --seed 3 --out bench/results/verdicts-seed-3.json
	@$(BIN)/python -m bench.long_rows
	@$(BIN)/python -m bench.models
	@$(BIN)/python -m bench.formats
	@$(BIN)/python -m bench.cart_pole --seeds 0 1 2 3 4 5
	@$(BIN)/python -m bench.tasks cmrc2018 --data $(DATA) --models models
	@$(BIN)/python -m bench.asked models/cmrc2018/seed-0
	@$(BIN)/python -m bench.table

scoreboard: $(VENV)/bench.stamp
	@$(BIN)/python -m bench.tasks all --data $(DATA)
	@$(BIN)/python -m bench.table

figures: $(VENV)/run.stamp
	@$(BIN)/python -m docs.figures

docs: $(VENV)/docs.stamp
	@$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

clean:
	rm -rf $(VENV) docs/_build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
