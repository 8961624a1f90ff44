# Every verb installs what it needs; nothing outside .venv*, .data and the user's cache is written.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# What serving needs, apart from what development does
RUN := .venv-run/.installed
AGENTOS := .venv-agentos/.installed
BENCH ?= full
# PostgreSQL servers that database, store and contract are tested on
OLDEST_AND_NEWEST := 13,18
# Test processes: servers want a share of the cores too
PROCESSES ?= 2

.DEFAULT_GOAL := help
.PHONY: help run test test-matrix lint contract-test fuzz soak e2e docs lock clean bench bench-growth bench-answers bench-operator

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN) ## Serve demo sessions from an embedded PostgreSQL on http://127.0.0.1:8080
	@PYTHONPATH=service $(<D)/bin/python -m session_service serve --embedded --demo

test: lint $(AGENTOS) ## Lint, types, unit, service, operator and contract tests
	POSTGRES_VERSIONS=$(OLDEST_AND_NEWEST) $(BIN)/pytest --numprocesses $(PROCESSES) --dist loadfile

test-matrix: $(INSTALLED) $(AGENTOS) ## Tests with each PostgreSQL, agno and Python, as a table (an hour; ONLY=agno for one kind)
	@PROCESSES=$(PROCESSES) $(BIN)/python -m tests.matrix $(ONLY)

lint: $(INSTALLED) ## Style, types, the layers of docs/architecture.md, plain English, and Dockerfiles
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/plain_english.py
	$(BIN)/hadolint Dockerfile.* tests/e2e/Dockerfile.* examples/*/Dockerfile

contract-test: $(INSTALLED) $(AGENTOS) ## Replay the contract against AgentOS itself and against the service
	$(BIN)/pytest tests/contract -s

fuzz: $(INSTALLED) ## Send 100,000 odd inputs to the service (a few minutes; FUZZ_SEED for others)
	FUZZ_INPUTS=100000 $(BIN)/pytest tests/service/http/test_fuzz.py -s

soak: $(INSTALLED) ## Ten minutes of mixed load on the service; its memory may grow by 5 % after the first
	$(BIN)/python -m tests.service.soak

e2e: $(INSTALLED) $(AGENTOS) ## A real Kubernetes node, both images, a SessionStore, agno's own client
	$(BIN)/pytest tests/e2e --timeout=1800

docs: $(INSTALLED) ## The documentation site, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(INSTALLED) $(AGENTOS) ## Measure the service beside AgentOS (15 minutes; BENCH=quick is one)
	@$(BIN)/python -m tests.bench routes --plan $(BENCH) $(if $(SERVERS),--servers $(SERVERS)) $(if $(POSTGRES),--postgres $(POSTGRES))

bench-growth: $(INSTALLED) ## Measure pages of up to 1,000,000 sessions (5 minutes)
	@$(BIN)/python -m tests.bench growth --plan $(BENCH)

bench-answers: $(INSTALLED) ## Measure the memory that long answers take, on two versions of PostgreSQL (5 minutes)
	@$(BIN)/python -m tests.bench.answers_report

bench-operator: $(INSTALLED) ## Measure the operator over 1,000 SessionStores (4 minutes)
	@$(BIN)/python -m tests.bench.operator_report

lock: $(INSTALLED) ## Regenerate requirements/*.txt from pyproject.toml
	UV=$(BIN)/uv requirements/lock.sh

clean: ## Remove the virtual environment, caches and demo data
	rm -rf .venv .venv-* .data .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis site

$(INSTALLED): pyproject.toml requirements/dev.txt
	@echo "Installing into $(VENV) (about a minute the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(RUN): requirements/run.txt
	@echo "Installing into $(@D) (half a minute the first time)" >&2
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

# AgentOS itself, the reference of the contract test, apart from the product's dependencies.
$(AGENTOS): requirements/agentos.txt
	@echo "Installing AgentOS into $(@D) (about a minute the first time)"
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --require-hashes --requirement $<
	@touch $@
