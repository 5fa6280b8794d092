# make          lists the doors
# All of it happens in .venv; nothing else on the machine is touched.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check format bench bench-gpu docs clean

help:
	@echo "make demo      install into .venv and train on the shipped subset of MNIST, with a picture (2 minutes)"
	@echo "make test      the tests that run on every change (a few minutes)"
	@echo "make test-all  these and the slow ones"
	@echo "make check     ruff, format and mypy"
	@echo "make bench     speed and memory against the eager loop and the peers (installs these into ~/.cache, 1.4 GB)"
	@echo "make bench-gpu the same for the GPU backends; writes benchmarks/results/gpu.json and gpu.png"
	@echo "make docs      how to read the documentation"
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

demo: .venv/.demo
	$(BIN)/python -m spikingjelly.activation_based.examples.lif_fc_mnist -tau 2.0 -T 100 -b 64 -epochs 15 -opt adam -lr 1e-3

test: .venv/.dev
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow"

test-all: .venv/.dev
	$(BIN)/python -m pytest -n $(JOBS)

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

docs:
	@echo "README.md is the guide of this version; every public class and function documents itself:"
	@echo "  $(BIN)/python -m pydoc spikingjelly.activation_based.neuron"

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
