.DEFAULT_GOAL := help
.PHONY: help setup-run setup-test pretrained run test storm cover check docs bench peers browser office clean

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

help: ## list these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup-run: .venv/.run ## install what `make run` needs into .venv, at the versions of requirements.lock

setup-test: .venv/.test ## install everything, tests and checks included

# What is there for the tests holds what runs: `make run` after `make test` has nothing to install.
.venv/.run: EXTRAS := worker,prophet,sources
.venv/.test: EXTRAS := dev
.venv/.test: HELD := .venv/.run
.venv/.test: WEIGHTS = $(PIP) --no-deps fracast

.venv/.run .venv/.test: pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "orecast needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable '.[$(EXTRAS)]'
	$(WEIGHTS)
	touch $(HELD) $@

pretrained: setup-run ## add the families `pretrained` and `ensemble`: half a megabyte of weights, without torch
	$(PIP) --no-deps fracast

run: setup-run ## train what is not trained, then serve (service and worker) until Ctrl-C
	@exec $(BIN)/orecast run

test: setup-test browser office ## the whole test suite
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

cover: setup-test browser office ## the same, and which lines of the code it runs: half as long again
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --cov --cov-report=

storm: setup-test peers ## long runs, and tests that take from the package registry what a user would
	$(BIN)/python -m pytest -m "registry or storm"

check: setup-test ## lint, formatting, types, import contracts, and the coverage that `make cover` found last
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if test -f .coverage; then date -r .coverage '+coverage by the tests of %F %R:'; $(BIN)/coverage report; \
	else echo 'coverage is not known yet: `make cover` runs the tests and counts, in half as long again'; fi

docs: setup-test ## write docs/columns.md, the dictionary of columns, from the code
	$(BIN)/python -m forecast.export.dictionary > docs/columns.md

bench: setup-test peers ## what the README claims, one command each; hours with all peers, minutes with QUICK=--quick
	$(BIN)/python benchmarks/training.py $(QUICK)
	$(BIN)/python benchmarks/accuracy.py $(QUICK)
	$(BIN)/python benchmarks/speed.py $(QUICK)
	$(BIN)/python benchmarks/answers.py $(QUICK)
	$(BIN)/python benchmarks/service.py $(QUICK)
	$(BIN)/python benchmarks/slow_clients.py $(QUICK)
	$(BIN)/python benchmarks/ingest.py $(QUICK)
	$(BIN)/python benchmarks/robustness.py $(QUICK)
	$(BIN)/python benchmarks/intermittent.py $(QUICK)
	$(BIN)/python benchmarks/nowcast.py $(QUICK)
	$(BIN)/python benchmarks/effect_recovery.py $(QUICK)
	$(BIN)/python benchmarks/gate.py $(QUICK)
	$(BIN)/python benchmarks/unseen_events.py $(QUICK)
	$(BIN)/python benchmarks/published_estimates.py $(QUICK)
	$(BIN)/python benchmarks/diversion.py $(QUICK)
	$(BIN)/python benchmarks/notices.py $(QUICK)

peers: .venv-peers/.installed ## an environment of its own for statsforecast, which needs an older pandas, and for fev

.venv-peers/.installed: Makefile
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check statsforecast==2.1.1 fev==0.10.0
	touch $@

browser: ## a Chromium for the tests of the page, from the system's packages
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 || { \
	  echo 'installing chromium with apt-get'; \
	  as_root=$$([ $$(id -u) = 0 ] || echo 'sudo -n'); \
	  $$as_root apt-get update -qq && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; }

office: ## a LibreOffice for the tests of exports, from the system's packages
	@command -v soffice >/dev/null 2>&1 || { \
	  echo 'installing libreoffice-calc-nogui with apt-get'; \
	  as_root=$$([ $$(id -u) = 0 ] || echo 'sudo -n'); \
	  $$as_root apt-get update -qq && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libreoffice-calc-nogui >/dev/null; }

clean: ## remove the environment, the state and the trained models
	rm -rf .venv .venv-peers var $(wildcard models/*/) dist build
