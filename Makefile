# make          lists the doors
# All of it happens in .venv and .venv-oldest; nothing else on the machine is touched.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
# The oldest PyTorch that pyproject.toml allows, with its Triton. Python 3.10 to 3.13 can run it.
OLDEST := .venv-oldest/bin
OLDEST_TORCH := torch==2.6.0 triton==3.2.0
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-oldest test-docs check format bench bench-gpu docs clean

help:
	@echo "make demo      install into .venv and train on the shipped subset of MNIST, with a picture (2 minutes)"
	@echo "make test      the tests that run on every change (a few minutes)"
	@echo "make test-all  these and the slow ones"
	@echo "make test-oldest  the quick ones with PyTorch 2.6, in .venv-oldest"
	@echo "make check     ruff, format and mypy"
	@echo "make bench     speed and memory against the eager loop and the peers (installs these into ~/.cache, 1.4 GB)"
	@echo "make bench-gpu the same for the GPU backends; writes benchmarks/results/gpu.json and gpu.png"
	@echo "make docs      build the documentation, in English and Chinese, into docs/_build/html (a few minutes)"
	@echo "make test-docs build it and look at it in a headless browser (chromium, where there is one)"
	@echo "make format    let ruff format the code"
	@echo "make clean     remove .venv and what was built"

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.demo: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) -e ".[all]"
	@touch $@

.venv/.dev: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) -e ".[dev]"
	@touch $@ .venv/.demo

.venv/.docs: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) -e ".[docs]"
	@touch $@

.venv-oldest/.test: pyproject.toml
	$(PYTHON) -m venv .venv-oldest
	$(OLDEST)/python -m pip --disable-pip-version-check install --quiet $(OLDEST_TORCH) -e ".[test]"
	@touch $@

demo: .venv/.demo
	$(BIN)/python -m spikingjelly.activation_based.examples.lif_fc_mnist -tau 2.0 -T 100 -b 64 -epochs 15 -opt adam -lr 1e-3

test: .venv/.dev
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow"

test-all: .venv/.dev
	$(BIN)/python -m pytest -n $(JOBS)

test-oldest: .venv-oldest/.test
	$(OLDEST)/python -m pytest -n $(JOBS) -m "not slow"

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.demo
	$(BIN)/python -m benchmarks

bench-gpu: .venv/.demo
	$(BIN)/python -m benchmarks.gpu

docs: .venv/.docs
	$(BIN)/python docs/build.py

test-docs: .venv/.dev .venv/.docs
	$(BIN)/python -m pytest tests/docs

clean:
	rm -rf .venv .venv-oldest build dist docs/_build docs/en/api docs/zh/api *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
