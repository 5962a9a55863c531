# The door: every target first makes .venv, and installs again when pyproject.toml or constraints.txt change.
PY ?= python3
VENV ?= .venv
EXTRAS ?= dev
CONSTRAINTS ?= constraints.txt
ARGS ?=
BIN := $(VENV)/bin
ASSETS := src/thermodepth/assets

.PHONY: help setup study results pictures transfer-picture world test check format pack rgb-teacher thermal-small assets clean
help:            ## this list
	@awk -F' *## ' '/^[a-z-]+:.*##/ {sub(/:.*/, "", $$1); printf "%-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.stamp  ## the virtual environment
$(VENV)/.stamp: pyproject.toml $(CONSTRAINTS)
	$(PY) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[$(EXTRAS)]'
	touch $@

study: setup     ## the paper's five arms on the shipped pack: table, figures, report in runs/paper-synthetic
	$(BIN)/thermodepth study run paper $(ARGS)

results: setup   ## put the tables and figures of finished studies into the README and docs/results.md
	$(BIN)/python docs/refresh.py

pictures: setup  ## the picture on top of the README
	$(BIN)/python docs/first_picture.py

world: setup     ## the pictures of docs/world.md
	$(BIN)/python docs/world_pictures.py

test: check      ## style, types and layers, then every test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(ARGS)

check: setup     ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup    ## rewrite the sources in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

transfer-picture: setup  ## the picture of docs/teachers.md; DATA=a folder with one frame of MS2
	$(BIN)/python docs/transfer_picture.py $(DATA)

# ---- what ships inside the package; each is made from seeds that no other one uses
assets: pack rgb-teacher thermal-small  ## everything that ships, made anew (about 1.5 hours on two cores)

pack: setup      ## the synthetic pack
	rm -f $(ASSETS)/synthetic-pack.zip
	$(BIN)/thermodepth data render --scenes 530/40/120 --seed 0 --size 128x96 --out $(ASSETS)/synthetic-pack.zip

rgb-teacher: setup   ## the built-in RGB teacher
	$(BIN)/thermodepth data render --scenes 4000/0/0 --seed 1000000 --size 128x96 --out build/teacher.zip
	$(BIN)/thermodepth train --recipe rgb-teacher --data synthetic:build/teacher.zip --labels build/labels --out build/rgb-teacher
	$(BIN)/python -m thermodepth.model build/rgb-teacher $(ASSETS)/rgb-small

thermal-small: setup ## the small model that `predict` uses
	$(BIN)/thermodepth data render --scenes 3000/0/0 --seed 2000000 --size 128x96 --out build/student.zip
	$(BIN)/thermodepth train --data synthetic:build/student.zip --labels build/labels --steps 4500 --set optimiser.ema_decay=0.998 --out build/thermal-small
	$(BIN)/python -m thermodepth.model build/thermal-small $(ASSETS)/thermal-small

clean:           ## the environment and caches; runs and assets stay
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache
