# Every target sets up what it needs in .venv: only Python 3 (with its venv module) and make have to be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= .tidegate
# A file's tests stay together, as they share what is slow to start.
PARALLEL ?= --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
SOURCES := definitions worker adapter tidegate tests bench demo

# The stamp is newer than what it was made from as long as the environment is up to date.
STAMP := $(VENV)/.setup-done
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.10 --no-emit-index-url \
	--custom-compile-command "make requirements"

.DEFAULT_GOAL := help
.PHONY: help setup demo run test retest lint bench schema requirements wipe clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)  ## make .venv with everything, tests included

$(STAMP): requirements/test.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "Tidegate needs Python 3.10 or newer; name one with: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "Python's venv module is missing: install it (Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup  ## run the approval flow from start to end, on free ports
	$(BIN)/python demo/approval.py

run: setup  ## keep Temporal, a worker and the adapter up until Ctrl-C
	$(BIN)/tidegate dev --data $(DATA)

test: setup  ## run all tests, in as many processes as there are CPUs: each has servers of its own
	$(BIN)/python -m pytest $(PARALLEL)

retest: setup  ## run once more what has failed in the last run
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none

lint: setup  ## check style and types
	$(BIN)/ruff check $(wildcard $(SOURCES))
	$(BIN)/ruff format --check $(wildcard $(SOURCES))
	$(BIN)/mypy $(wildcard $(SOURCES))

bench: setup  ## measure against the same flow written by hand
	$(BIN)/python -m bench
	$(BIN)/python -m bench.correlated
	$(BIN)/python -m bench.links
	$(BIN)/python -m bench.actions
	$(BIN)/python -m bench.signals
	$(BIN)/python -m bench.events

schema: setup  ## write definitions/schema.json anew from the model
	$(BIN)/python -m definitions.schema

requirements: setup  ## pin anew, after a change of pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	echo 'setuptools>=80' | $(COMPILE) --output-file requirements/build.txt -
	$(COMPILE) --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) --output-file requirements/image.txt --constraint requirements/runtime.txt \
		--extra database --extra javascript pyproject.toml
	$(COMPILE) --output-file requirements/test.txt --constraint requirements/runtime.txt \
		--extra dev --extra javascript --extra test pyproject.toml

wipe:  ## delete the data of `make run`
	rm -rf $(DATA)

clean: wipe  ## delete all that make made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
