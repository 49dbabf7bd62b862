# Every target stands alone on a fresh Debian or Ubuntu machine with Python 3.11 or newer.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help setup system demo test lint types imports bench clean

help: ## show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: system $(STAMP) ## create .venv and install everything, system libraries included

demo: setup ## distil a student that acts from pixels (about 8 minutes on 2 cores)
	$(BIN)/potstill dagger run --recipe demo

test: setup ## run the tests
	$(BIN)/pytest -n 2 --dist loadfile

lint: setup ## ruff
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup ## mypy over the namespace
	@scripts/link_types.sh
	$(BIN)/mypy -p potstill

imports: setup ## the rooms' import rules (setup.cfg)
	$(BIN)/lint-imports --config setup.cfg

bench: setup ## the quick version of every benchmark
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e '.[bench]'
	@for script in benchmarks/[a-z]*.py; do case $$script in */measurement.py) continue;; esac; \
	  echo "== $$script"; $(BIN)/python $$script --quick || exit 1; done

clean: ## remove the virtual environment and build products
	rm -rf .venv build *.egg-info

system:
	@scripts/install_system_libraries.sh

$(STAMP): constraints.txt setup.cfg pyproject.toml
	@scripts/create_venv.sh
	@touch $(STAMP)
