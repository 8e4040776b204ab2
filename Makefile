# Every target makes what it needs, on a machine with Python 3.10 or newer and make. See `make help`.

PYTHON ?= python3
VENV   ?= .venv
# A PyTorch built for the CPU is enough for every test, and much smaller. pytorch.org names the package index of these builds:
# make test TORCH_INDEX=<that index>
TORCH_INDEX ?=
TORCH  := $(shell sed -n 's/^torch==/&/p' constraints.txt)

TEXT ?= नमस्ते दुनिया
OUT  ?= namaste.wav
PYTEST_ARGS ?=
# of `make web`: the folder of a voice, or the name of one in voices/
VOICE ?= src/ssmphony/voices/default

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
# Python writes the bytecode that it uses; compiling all of it costs 32 MB.
INSTALL := $(PIP) install --quiet --no-compile --constraint constraints.txt

export OMP_NUM_THREADS ?= 1
export TEXT OUT
# the theme announces its successor on every build
export NO_MKDOCS_2_WARNING = 1

.PHONY: help speak test test-integration test-all check lint types imports format docs docs-serve web peers benchmark wheel clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

speak: $(RUNTIME)  ## speak TEXT="…" into the file OUT=namaste.wav
	$(BIN)/ssmphony say "$$TEXT" --output "$$OUT"

test: check docs $(DEV)  ## all checks and the quick tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --durations 15 $(PYTEST_ARGS)

test-integration: $(DEV)  ## the tests that train, export or start programs
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --durations 15 -m "integration and not slow" $(PYTEST_ARGS)

test-all: check docs $(DEV)  ## all checks and all tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --durations 15 -m "" $(PYTEST_ARGS)

check: lint types imports  ## ruff, pyright and the import contracts

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV)
	$(BIN)/pyright --pythonpath $(BIN)/python

imports: $(DEV)
	$(BIN)/lint-imports

format: $(DEV)  ## let ruff format and fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(DEV)  ## build the documentation into site/
	$(BIN)/mkdocs build --quiet --strict

docs-serve: $(DEV)  ## show the documentation in a browser while you write
	$(BIN)/mkdocs serve

web: $(DEV)  ## build the page that speaks without a server, and the documentation around it (needs Node.js)
	$(BIN)/python tools/web.py --voice "$(VOICE)"
	$(BIN)/mkdocs build --quiet --strict

peers: $(DEV)  ## make the environments of the systems that the benchmark compares with (1 GB)
	$(BIN)/python -m benchmarks.speed.environments

benchmark: $(DEV)  ## measure speed and fill the tables of README.md and docs/
	$(BIN)/python -m benchmarks.run

wheel: $(DEV)  ## build dist/ssmphony-*.whl
	$(BIN)/python -m hatchling build -t wheel

clean:  ## remove the environment and everything built
	rm -rf $(VENV) build dist site web/dist web/node_modules .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/.pip: tools/environment.py
	$(PYTHON) tools/environment.py $(VENV)
	@touch $@

$(RUNTIME): $(VENV)/.pip pyproject.toml constraints.txt
	$(INSTALL) --editable .
	@touch $@

# A CPU build that pip finds by itself, else what TORCH_INDEX or the platform offers.
$(VENV)/.torch: $(VENV)/.pip constraints.txt
	$(INSTALL) "$(TORCH)+cpu" 2>/dev/null || $(INSTALL) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	@touch $@

$(DEV): $(RUNTIME) $(VENV)/.torch
	$(INSTALL) --editable ".[train,serve,eval,reference,docs,dev]"
	@touch $@
