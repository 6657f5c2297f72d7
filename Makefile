# Every target is one sentence in `make help`; anything longer than five lines lives in a module.
PYTHON ?= python3
PROFILE ?= control-plane
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Compilers beside tests make tests slow; what cannot be built here is said by the tests that lack it.
BUILD = $(BIN)/python -m testbed.kubernetes build

.DEFAULT_GOAL := help
.PHONY: help install demo test test-cluster test-image test-faults image chart testbed-up testbed-down testbed-status lint format bench docs lock clean

help:  ## Print every target in one sentence.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## Install everything, hash-pinned, into .venv (needs only python3 ≥ 3.11).

$(INSTALLED): requirements/dev.txt requirements/bootstrap.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Crossover needs Python 3.11 or newer: make PYTHON=python3.11")'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { echo "python3 has no venv module; on Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements/dev.txt
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $@

demo: install  ## Run a WorkflowTemplate's step on a real Temporal, end to end (KEEP=1 leaves it running).
	@$(BIN)/python -m testbed.demo $(if $(KEEP),--keep)

test: install lint  ## Lint, check types and import contracts, and run every test.
	@$(BUILD) --only etcd --only kube-apiserver --only helm --only kube-score || true
	@$(BIN)/pytest -n 2 --dist loadfile -m "not cluster"

test-cluster: install  ## Boot a real Kubernetes (or take KUBECONFIG's), install the chart, and prove it there.
	@$(BUILD) --profile full || true
	@$(BIN)/pytest -m cluster --timeout 600 tests/testbed tests/cluster

test-image: install  ## Build the image twice, and by its Dockerfile where there is buildah, and look into it.
	@$(BIN)/pytest -m cluster --timeout 900 tests/image

image: install  ## Write the OCI image and its SBOM to dist/, without a container engine.
	@$(BIN)/python -m image --output dist/crossover.oci.tar

test-faults: install  ## Run the fault sweeps at full length (2,000 ambiguous starts and kills).
	@CROSSOVER_FAULTS=2000 $(BIN)/pytest -m faults --timeout 3000

chart: install  ## Check the chart and package it into dist/ (needs Go, once, for helm).
	@$(BUILD) --only helm > /dev/null
	@.testbed/bin/helm lint --quiet helm/crossover -f helm/crossover/trial-values.yaml
	@.testbed/bin/helm package helm/crossover --destination dist

testbed-up: install  ## Start a real Kubernetes API server with Argo's resources (builds it once, in minutes; needs Go).
	@$(BIN)/python -m testbed.kubernetes up --profile $(PROFILE)

testbed-down: install  ## Stop it.
	@$(BIN)/python -m testbed.kubernetes down --profile $(PROFILE)

testbed-status: install  ## Say whether it runs, and where its kubeconfig is.
	@$(BIN)/python -m testbed.kubernetes status --profile $(PROFILE)

lint: install  ## Check style, types and import contracts.
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo > .import-linter.log || { cat .import-linter.log; exit 1; }

format: install  ## Format the code and fix what ruff can fix.
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

bench: install  ## Measure every figure beside its peer into bench/results.json (ONLY=prefix for some).
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

docs: install  ## Write the generated pages of docs/ (settings, errors, metrics, alerts, step, OpenAPI) and of the chart anew.
	@$(BIN)/python -m docs.generate

lock: install  ## Resolve the requirement files anew, with hashes and without addresses.
	@$(BIN)/uv pip compile -q --no-header --no-annotate --generate-hashes --universal --python-version 3.11 --upgrade requirements/bootstrap.in -o requirements/bootstrap.txt
	@$(BIN)/uv pip compile -q --no-header --no-annotate --generate-hashes --universal --python-version 3.11 --upgrade pyproject.toml -o requirements/runtime.txt
	@$(BIN)/uv pip compile -q --no-header --no-annotate --generate-hashes --universal --python-version 3.11 --upgrade pyproject.toml --extra postgresql --group dev -o requirements/dev.txt
	@$(BIN)/uv pip compile -q --no-header --no-annotate --generate-hashes --universal --python-version 3.11 --upgrade requirements/checkov.in -o requirements/checkov.txt

clean:  ## Remove what install, tests and the demo made.
	@test ! -x $(BIN)/python || $(BIN)/python -m testbed.kubernetes down --profile full > /dev/null || true
	@rm -rf $(VENV) .demo .testbed .mypy_cache .ruff_cache .import_linter_cache .hypothesis
