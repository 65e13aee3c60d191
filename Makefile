# `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export TF_CPP_MIN_LOG_LEVEL ?= 3

BIN := .venv/bin
# mypy does not see through an editable installation: it gets the package as links.
FOLDERS := schemas recommendation components pipelines lineage

.PHONY: help setup demo test test-unit test-integration lint types format \
  protos web lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

setup:  ## the environment: .venv, from the committed lock
	@tools/setup.sh

demo: setup  ## MovieLens-100K: from the log to recommendations, in runs/demo/
	@$(BIN)/python -m ondevice_rec.pipelines.demo

test: lint types test-unit  ## every check but the integration tests

test-unit: setup  ## the fast tests, those of the built wheel included
	$(BIN)/pytest

test-integration: setup  ## whole pipelines, other engines, other processes
	$(BIN)/pytest -m integration || [ $$? -eq 5 ]

lint: setup  ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache --no-logo

types: setup  ## mypy
	@mkdir -p .tools/types/ondevice_rec
	@ln -sfn $(addprefix ../../../,$(FOLDERS)) .tools/types/ondevice_rec/
	MYPYPATH=.tools/types $(BIN)/mypy -p ondevice_rec

format: setup  ## what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

protos: setup  ## schemas/*_pb2.py and .pyi from the protos
	tools/protos.sh

web:  ## LiteRT's web runtime for the page of `ondevice-rec demo`, from npm
	tools/web.sh

lock: setup  ## the lock files from setup.py; ARGS=--upgrade takes newer versions
	tools/lock.sh $(ARGS)

clean:  ## removes what the targets made, runs/ excepted
	rm -rf .venv .tools build dist ondevice_rec.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
