# `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export TF_CPP_MIN_LOG_LEVEL ?= 3

BIN := .venv/bin

.PHONY: help setup demo test test-unit test-wheel test-integration lint types format \
  protos lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

setup:  ## the environment: .venv, from the committed lock
	@tools/setup.sh

demo: setup  ## MovieLens-100K: from the log to recommendations, in runs/demo/
	@$(BIN)/python -m ondevice_rec.pipelines.demo

test: lint types test-unit test-wheel  ## every check but the integration tests

test-unit: setup
	$(BIN)/python -m pytest

test-wheel: setup
	tools/test_wheel.sh

test-integration: setup  ## whole pipelines, other engines, other processes
	$(BIN)/python -m pytest -m integration || [ $$? -eq 5 ]

lint: setup  ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup  ## mypy
	$(BIN)/python tools/namespace.py .tools/namespace
	MYPYPATH=.tools/namespace $(BIN)/mypy -p ondevice_rec

format: setup  ## what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

protos: setup  ## schemas/*_pb2.py and .pyi from the protos
	tools/protos.sh

lock: setup  ## the lock files from setup.py; ARGS=--upgrade takes newer versions
	tools/lock.sh $(ARGS)

clean:  ## removes what the targets made, runs/ excepted
	rm -rf .venv .tools build dist ondevice_rec.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
