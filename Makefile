# make help lists the targets. Each sets up what it needs; nothing here needs a password or an account.
PYTHON ?= python3
DEMO_ARGS ?=
TEST_ARGS ?=
export PYTHON
RUN := .venv/bin/python
# What runs against the clock has the machine to itself; the rest shares its cores.
CLOCK := flight or sitl or browser
FAST := not ($(CLOCK) or rehearsal or long or benchmark)

.PHONY: help setup demo test test-fast test-long lint bench clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## everything into .venv, page built
	@.ci/setup dev

demo: ## the whole system on a simulated incident (DEMO_ARGS="--seed 7 --headless")
	@.ci/setup run
	@.venv/bin/einsatzdrohne demo $(DEMO_ARGS)

test: ## all tests but the long forms
	@.ci/setup test
	@$(RUN) -m pytest -q -n auto --dist loadgroup -m "not ($(CLOCK) or long or benchmark)" $(TEST_ARGS)
	@$(RUN) -m pytest -q -m "($(CLOCK)) and not (long or benchmark)" $(TEST_ARGS)

test-fast: ## unit and property tests, under a minute
	@.ci/setup test
	@$(RUN) -m pytest -q -n auto --dist loadgroup -m "$(FAST)" $(TEST_ARGS)

test-long: ## everything, with the long forms
	@.ci/setup test
	@$(RUN) -m pytest -q -n auto --dist loadgroup -m "not ($(CLOCK) or benchmark)" $(TEST_ARGS)
	@$(RUN) -m pytest -q -m "($(CLOCK)) and not benchmark" $(TEST_ARGS)

lint: ## ruff, mypy strict, the page's type check
	@.ci/setup dev
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@if [ -d api/web/node_modules ]; then cd api/web && PATH="$$PATH:$(CURDIR)/.venv/bin" npm run check --if-present --silent; fi

bench: ## speed, with the machine it was measured on, never asserted
	@.ci/setup dev
	@$(RUN) -m pytest -q -s -m benchmark tests/benchmarks $(TEST_ARGS)

clean: ## remove what the targets made
	rm -rf .venv api/web/dist api/web/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .setup.log
