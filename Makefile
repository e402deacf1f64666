# One environment for everything but the peers of the benchmark, which have their own.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup demo test check lint bench docs slow clean

setup: $(READY)

demo: $(READY)
	rm -rf runs/demo
	$(BIN)/metaplast run dms --out runs/demo

test: $(READY) check
	$(BIN)/python -m pytest -n 2

# Compiled as users' programs are: one of these studies asks two programs for the same numbers after many updates.
slow: $(READY)
	XLA_FLAGS=--xla_cpu_use_fusion_emitters=true $(BIN)/python -m pytest -m slow

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# Types apart from the rest: pyright fetches its engine from npm when it first runs.
lint: check
	$(BIN)/pyright

bench: $(READY) .venv-bench/.ready
	$(BIN)/python bench/run.py

docs: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/pdoc metaplast --docformat google --output-directory site

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed; make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

.venv-bench/.ready: bench/peers/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r bench/peers/requirements.txt
	touch $@

clean:
	rm -rf .venv .venv-bench runs .pytest_cache .ruff_cache .hypothesis
