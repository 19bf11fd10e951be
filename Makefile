# Each target can be run again at once. `make setup` is part of those that need it.
.DEFAULT_GOAL := help
.PHONY: help setup setup-airflow setup-tests demo airflow env test test-airflow lint bench bench-quick bench-check faults robustness lock stop clean

PYTHON_RUN := .venv/bin/python
# Tests start some thousand Pythons, and each would compile the engine anew: 0.4 s.
unexport PYTHONDONTWRITEBYTECODE
# Each has servers of its own. Tests wait for those and for programs about a third of the time.
WORKERS ?= 3
SAMPLES := $(sort $(wildcard data/sample/*.csv data/sample/*.tsv data/sample/*.csv.gz))

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: system packages, .venv with the locked dependencies
	@.ci/setup

demo: setup ## Load the sample files and ask both databases for a few rows
	@$(PYTHON_RUN) -m engine.ingest $(SAMPLES)
	@echo; echo "MySQL, sales_data:"
	@$(PYTHON_RUN) -m engine.embedded mysql -e "SELECT region, COUNT(*) AS transactions, SUM(quantity * price) AS revenue \
	  FROM sales_data GROUP BY region ORDER BY revenue DESC"
	@echo; echo "PostgreSQL, file_metadata:"
	@$(PYTHON_RUN) -m engine.embedded psql -e "SELECT file_name, target_table, ingestion_status, row_count, column_count \
	  FROM file_metadata ORDER BY started_at DESC LIMIT 6"

setup-airflow: ## Install Airflow and its providers beside it, in the same .venv
	@.ci/setup airflow

airflow: setup-airflow ## Start Airflow on private servers, for this machine alone; Ctrl-C ends it
	@$(PYTHON_RUN) -m engine.airflow.local run $(ARGS)

env: ## Write .env with new secrets for docker compose; what it says already stays
	@.ci/env

setup-tests: ## Install what the tests need beyond that: Redis, a browser
	@.ci/setup tests

# Those of Airflow afterwards, one at a time: two of it at once are too much for a small machine. Where ARGS chooses none of
# them, or only them, pytest's status for "no tests" is none of a failure.
test: setup-tests ## Run all tests on private servers; INGEST_MYSQLD=… chooses the MySQL, ARGS=… goes to pytest
	@$(PYTHON_RUN) -m pytest --numprocesses $(WORKERS) --dist worksteal -m "not airflow" $(ARGS) || [ $$? -eq 5 ]
	@[ -n "$(WITHOUT_AIRFLOW)" ] || $(MAKE) --no-print-directory test-airflow

test-airflow: setup-tests ## Run only those that need an Airflow, which `make test` runs last
	@$(PYTHON_RUN) -m pytest -m airflow $(ARGS) || [ $$? -eq 5 ]

lint: setup-tests ## Check style, formatting and types
	@$(PYTHON_RUN) -m ruff check
	@$(PYTHON_RUN) -m ruff format --check
	@$(PYTHON_RUN) -m mypy

bench: setup ## Measure the engine beside LOAD DATA and other tools, then its rooms (hours); ARGS=… goes to python -m bench
	@$(PYTHON_RUN) -m bench $(ARGS)

bench-quick: setup ## The same beside LOAD DATA alone, on small files: less than five minutes
	@$(PYTHON_RUN) -m bench --quick $(ARGS)

bench-check: setup ## Fail where the engine is slower beside LOAD DATA than bench/bounds.toml allows
	@$(PYTHON_RUN) -m bench --check $(ARGS)

robustness: setup ## Load odd and broken files by the engine and by other tools; ARGS=… goes to python -m bench.robustness
	@$(PYTHON_RUN) -m bench.robustness $(ARGS)

faults: setup ## Kill and disturb loads, run them again, count what is wrong then; ARGS=… goes to python -m bench.faults
	@$(PYTHON_RUN) -m bench.faults $(ARGS)

lock: ## Renew requirements.lock from pyproject.toml (needs uv)
	@uv=$$(command -v .venv/bin/uv || command -v uv) || { echo "make lock needs uv: .venv/bin/pip install uv" >&2; exit 1; }; \
	compile="$$uv pip compile pyproject.toml .ci/build.in --universal --python-version 3.11 --generate-hashes --no-header --quiet"; \
	$$compile --extra dev --extra airflow --extra dev-airflow --output-file requirements-airflow.lock $(ARGS) && \
	$$compile --extra dev --constraint requirements-airflow.lock --output-file requirements.lock $(ARGS)

stop: ## Stop the private servers; their data stays
	@if [ -d .local/airflow ] && [ -x $(PYTHON_RUN) ]; then $(PYTHON_RUN) -m engine.airflow.local stop; fi
	@if [ -x $(PYTHON_RUN) ]; then $(PYTHON_RUN) -m engine.embedded stop; fi

clean: ## Stop the private servers, remove them and what was staged; data/input and data/archive stay
	@if [ -d .local/airflow ] && [ -x $(PYTHON_RUN) ]; then $(PYTHON_RUN) -m engine.airflow.local clean; fi
	@if [ -x $(PYTHON_RUN) ]; then $(PYTHON_RUN) -m engine.embedded clean; fi
	@rm -rf .local/mysql-server .local/peers data/staging .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	@rmdir .local 2>/dev/null || true
