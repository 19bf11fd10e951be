# Each target can be run again at once. `make setup` is part of those that need it.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench lock stop clean

PYTHON_RUN := .venv/bin/python
SAMPLES := $(sort $(wildcard data/sample/*.csv data/sample/*.tsv data/sample/*.csv.gz))

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: system packages, .venv with the locked dependencies
	@.ci/setup

demo: setup ## Load the sample files and ask both databases for a few rows
	@$(PYTHON_RUN) -m engine.ingest $(SAMPLES)
	@echo; echo "MySQL, sales_data:"
	@$(PYTHON_RUN) -m engine.embedded mysql -e "SELECT region, COUNT(*) AS transactions, SUM(quantity * price) AS revenue \
	  FROM sales_data GROUP BY region ORDER BY revenue DESC"
	@echo; echo "PostgreSQL, file_metadata:"
	@$(PYTHON_RUN) -m engine.embedded psql -e "SELECT file_name, target_table, ingestion_status, row_count, column_count \
	  FROM file_metadata ORDER BY id DESC LIMIT 6"

test: setup ## Run all tests on private servers; INGEST_MYSQLD=… chooses the MySQL, ARGS=… goes to pytest
	@$(PYTHON_RUN) -m pytest $(ARGS)

lint: setup ## Check style, formatting and types
	@$(PYTHON_RUN) -m ruff check
	@$(PYTHON_RUN) -m ruff format --check
	@$(PYTHON_RUN) -m mypy

bench: setup ## Measure the engine beside plain LOAD DATA, then its rooms; ARGS=… goes to python -m bench
	@$(PYTHON_RUN) -m bench $(ARGS)

lock: ## Renew requirements.lock from pyproject.toml (needs uv)
	@uv=$$(command -v .venv/bin/uv || command -v uv) || { echo "make lock needs uv: .venv/bin/pip install uv" >&2; exit 1; }; \
	$$uv pip compile pyproject.toml .ci/build.in --extra dev --universal --python-version 3.11 --generate-hashes --no-header --quiet \
	  --output-file requirements.lock $(ARGS)

stop: ## Stop the private servers; their data stays
	@if [ -x $(PYTHON_RUN) ]; then $(PYTHON_RUN) -m engine.embedded stop; fi

clean: ## Stop the private servers, remove them and what was staged; data/input and data/archive stay
	@if [ -x $(PYTHON_RUN) ]; then $(PYTHON_RUN) -m engine.embedded clean; fi
	@rm -rf .local/mysql-server data/staging .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	@rmdir .local 2>/dev/null || true
