# Needs only Python 3.11 and make. The first command makes .venv, which takes a few minutes.
PYTHON ?= python3.11
BIN := .venv/bin
DEMO := .cache/demo

.PHONY: help demo test lint places mutants clean

help:
	@echo "make demo    train, export, classify and benchmark on a small synthetic corpus (one to three minutes)"
	@echo "make test    lint, types, import rules and every test"
	@echo "make lint    only the first three"
	@echo "make places  test the installed wheel on every Python, library and processor of docs/results/places.md"
	@echo "make mutants how many mistakes in a sample the tests notice (half an hour on two cores; goes on after Ctrl-C)"
	@echo "make clean   remove .venv, caches and the demo's files"

.venv/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[train,qat,bench,dev]'
	touch $@

# ONNX Runtime Web, for the tests of pages; npm fetches it.
.cache/onnxruntime-web: .venv/.ready
	$(BIN)/python -c 'from pathlib import Path; from export.web.onnxruntime_web import NPM, vendored; files = vendored(NPM); \
	  Path("$@").mkdir(parents=True); [Path("$@", name).write_bytes(content) for name, content in files.items()]'

lint: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# About an hour on two cores. Places whose Python this machine lacks fail: python3.11, 3.12 and 3.13, qemu-user-static.
places: .venv/.ready
	$(BIN)/python -m tests.packaging.run_places

# Mutates copies of the tree under .cache/mutants; writes docs/results/mutants.md.
mutants: .venv/.ready
	$(BIN)/python -m pip install --quiet --editable '.[mutants]'
	$(BIN)/python -m tests.mutants.run

# The whole chain on sounds made by the computer: its accuracy says that the chain works, and nothing about music.
demo: .venv/.ready
	rm -rf $(DEMO)
	@echo "Demo on a SYNTHETIC corpus: ten kinds of sound, no music. The figures below say nothing about genres."
	$(BIN)/python -m toolkit synth $(DEMO)/corpus --clips 12 --seed 0
	$(BIN)/python -m train gtzanet --data $(DEMO)/corpus --split stratified --epochs 12 --batch-size 8 --learning-rate 0.004 \
	  --plateau-patience 2 --runs $(DEMO)/runs
	$(BIN)/python -m export --runs $(DEMO)/runs --data $(DEMO)/corpus --format tflite --quantize --output $(DEMO)/artifacts
	clip=$$(find $(DEMO)/corpus -name '*.flac' | sort | head -n 1) && \
	  $(BIN)/python -m runtime "$$clip" --model $$(ls $(DEMO)/artifacts/*-int8.tflite)
	$(BIN)/python -m benchmarks $(DEMO)/artifacts/*.tflite --data $(DEMO)/corpus --min-duration 2 --min-count 20
	@echo "Done. The figures above are for synthetic sounds; README.md has those for music."

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build *.egg-info
