# make setup   install into .venv         make demo   plant a backdoor, find it, repair it
# make test    run the tests              make check  style, types, import rules, manifests
# make docs    build the site of the documents into build/docs/site
# make test-long   every family of keras.applications through the readers, and long random walks
# make test-jax    what optimises and trains, on the other backend
# make fuzz    mutated files for the readers and the quarantine, FUZZ_SECONDS=300, and beside others' readers, FUZZ_FILES=100000
# make test-browser   submit, watch and search in a real browser, 2 minutes; screenshots in build/screenshots
# make wheel   build the package into build/wheel     make test-wheel   install it elsewhere, scan, serve
# make test-examples   run the notebooks of examples/
# make test-stack    whole scans: the command line on real processes, real models, nets that hide their gradient
# make test-faults   kill workers and brokers, lose messages, and see that nothing is lost
# make benchmark-gpu   what a GPU makes of slots, XLA and bfloat16, 5 minutes    make benchmark-hosts   several hosts

PYTHON ?= python3
EXTRA ?= cpu
FUZZ_SECONDS ?= 300
FUZZ_FILES ?= 100000
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(EXTRA)

EVASIONS := tests/nc_core/inversion/test_evasions.py

# Tests of nc_core that scan or repair whole nets, which takes a quarter of a minute each.
SCANS := $(EVASIONS) $(addprefix tests/nc_core/,test_backends.py inversion/test_any_target.py inversion/test_transfer.py \
	inversion/test_universal.py mitigation/test_gangsweep.py scanning/test_twins.py)

# What optimises and trains, once more on the other backend; nets that hide their gradient, and each number of slots
# traced anew, take minutes there, and what a file may cost is the same.
ON_JAX := $(addprefix tests/nc_core/,inversion mitigation preflight models/test_precision.py) \
	--ignore $(EVASIONS) --ignore tests/nc_core/preflight/test_bombs.py \
	--deselect tests/nc_core/inversion/test_transfer.py::test_neither_slots_nor_neighbours_change_it

STARTS := tests/e2e/test_up.py

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-jax test-browser test-faults test-stack test-long test-wheel test-examples wheel check docs fuzz
.PHONY: benchmark-gpu benchmark-hosts lock clean

help:
	@sed -n -e '/^$$/q' -e 's/^# //p' Makefile

setup: $(STAMP)

# --no-deps: the lock is complete, so pip need not resolve anything; every file is checked against its hash.
$(STAMP): requirements/$(EXTRA).txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"python3 is {v[0]}.{v[1]}; 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/$(EXTRA).txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m deploy.demo

# What random tests draw here is little; `make test-long`, `make fuzz` and `make test-faults` have the rest. Of the whole
# stack this asks whether it starts and takes a submission to its verdict; `make test-stack` the rest.
test: setup
	$(BIN)/python -m pytest --numprocesses 2 --ignore tests/e2e --ignore tests/faults --ignore tests/browser \
		--ignore tests/packaging --ignore tests/examples $(addprefix --ignore ,$(SCANS))
	$(BIN)/python -m pytest --numprocesses 2 -m e2e $(STARTS)

# Files in the order that the stack gives itself: the longest first.
test-stack: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m e2e --durations 10 \
		tests/e2e $(addprefix --ignore ,$(STARTS))
	$(BIN)/python -m pytest --numprocesses 2 $(SCANS)

test-jax: setup
	KERAS_BACKEND=jax $(BIN)/python -m pytest --numprocesses 2 $(ON_JAX)

test-browser: setup
	$(BIN)/python -m pytest tests/browser

test-faults: setup
	$(BIN)/python -m pytest --numprocesses 2 tests/faults

test-wheel: setup
	$(BIN)/python -m pytest tests/packaging

test-examples: setup
	$(BIN)/python -m pytest --numprocesses 2 tests/examples

# What setuptools leaves in build/lib would come along, files that were moved or removed since, too.
wheel: setup
	rm -rf build/lib build/bdist.*
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel .

test-long: setup
	$(BIN)/python -m pytest -m long --durations 10

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint deploy/docker/*.Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions deploy/action/action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.gitlab-ci deploy/gitlab/cleanse.yaml
	$(BIN)/kubernetes-validate --strict --quiet --no-warn deploy/kubernetes/*.yaml deploy/kubernetes/admission/*.yaml

# A link or an anchor that leads nowhere ends it.
docs: setup
	$(BIN)/python -m docs.generate build/docs/pages
	$(BIN)/zensical build --strict --clean

fuzz: setup
	$(BIN)/python -m tests.hostile.fuzz --seconds $(FUZZ_SECONDS)
	$(BIN)/python -m tests.differential.fuzz --files $(FUZZ_FILES)
	$(BIN)/python -m tests.differential.onnx.fuzz --files $(FUZZ_FILES)

# Installs TensorFlow for GPUs, too, and ends with one line where there is none.
benchmark-gpu:
	@$(MAKE) --no-print-directory setup EXTRA=gpu
	$(BIN)/python -m tests.benchmarks.gpu --record

# As root, on Linux: hosts are network namespaces.
benchmark-hosts: setup
	$(BIN)/python -m tests.benchmarks.scaleout --record

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
EXTRAS := --extra postgresql --extra s3 --extra tracing
# Of what reads files of data; api reads none.
READS := --extra parquet

# Writes the locks anew, those of the images with what the others have settled. They hold names, versions and hashes,
# no addresses.
lock:
	$(LOCK) --extra cpu --extra jax $(EXTRAS) $(READS) --extra dev pyproject.toml requirements/build.in -o requirements/cpu.txt
	$(LOCK) --extra gpu --extra jax $(EXTRAS) $(READS) --extra dev pyproject.toml requirements/build.in -o requirements/gpu.txt
	$(LOCK) $(EXTRAS) pyproject.toml requirements/build.in -c requirements/cpu.txt -o requirements/api.txt
	$(LOCK) --extra cpu $(EXTRAS) $(READS) pyproject.toml requirements/build.in -c requirements/cpu.txt -o requirements/worker-cpu.txt
	$(LOCK) --extra gpu $(EXTRAS) $(READS) pyproject.toml requirements/build.in -c requirements/gpu.txt -o requirements/worker-gpu.txt

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
