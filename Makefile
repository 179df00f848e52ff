# Each target sets up .venv by itself, with the exact versions that were tested.
PYTHON ?= python3
# Extras to install: "make check EXTRAS=test,reference" compares with PyTorch as well.
EXTRAS ?= test

.PHONY: help train test check bench

help:
	@echo "make train    sets up .venv, then trains the paper's best net, about an hour on two cores"
	@echo "make test     sets up .venv, then runs the tests that are not slow, about five minutes on two cores"
	@echo "make check    sets up .venv, then runs ruff and all tests, about half an hour"
	@echo "make bench    times the training step beside the machine's limit"

train: .venv/.ready
	.venv/bin/python -m bigdeep.main --config=configs/mlp5.py

test: .venv/.ready
	.venv/bin/python -m pytest -m "not slow"

check: .venv/.ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python -m pytest

bench: .venv/.ready
	.venv/bin/python benchmarks/train_step.py --config=configs/mlp5.py

.venv/.ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@
