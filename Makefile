# The door: every target first makes .venv and installs when pyproject.toml or constraints.txt changed.
PY ?= python3
VENV ?= .venv
EXTRAS ?= dev
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin

.PHONY: setup study test check clean
setup: $(VENV)/.stamp

$(VENV)/.stamp: pyproject.toml $(CONSTRAINTS)
	$(PY) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[$(EXTRAS)]'
	touch $@

study: setup          ## the paper's five arms on the shipped synthetic pack
	$(BIN)/thermodepth study run paper $(ARGS)

test: check           ## style, types, layers, then every test
	$(BIN)/python -m pytest $(ARGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
