# Each target sets up what it needs: a virtual environment with the locked dependencies, compiled once: TensorFlow then
# starts in 2.5 CPU seconds instead of 7.5 where Python may not write what it compiled (PYTHONDONTWRITEBYTECODE).
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
UV     := 0.13.9
# Hundreds of processes that the tests start import the project: where Python may not write what it compiled, each would
# compile it anew.
COMPILE := $(BIN)/python -m compileall -q slimline flows tasks
# A process for each core. What a file's tests share is made once; the longest files come first and not last. Of a process
# that dies the file would be begun again, up to eight times: it fails at once.
PYTEST := $(BIN)/pytest --numprocesses logical --maxprocesses 4 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder

export DVC_NO_ANALYTICS := 1
export DO_NOT_TRACK := 1

.PHONY: run test test-all check docs pictures format ui lock clean
.DELETE_ON_ERROR:

run: $(VENV)/.runtime  ## retrain, compress, prove and release with what params.yaml says
	$(BIN)/slimline run

# A test that hangs fails with the place where it hangs; where no signal ends it, its process says so and ends.
test: $(VENV)/.dev     ## the tests, the long ones left out
	$(COMPILE)
	$(PYTEST) --timeout 600 -o faulthandler_timeout=660 -o faulthandler_exit_on_timeout=true

test-all: $(VENV)/.dev ## every test; with PART=2/6 the second of six parts, which together are all files
	$(COMPILE)
	$(PYTEST) -m "slow or not slow" --timeout 10800 $(if $(PART),--part $(PART))

check: $(VENV)/.dev docs ## format, lint, types, architecture, and the links of the docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy slimline flows tasks tests benchmarks examples docs/_ext
	$(BIN)/lint-imports

docs: $(VENV)/.dev     ## the docs as a site in docs/_build/html; a link that leads nowhere is an error
	$(BIN)/sphinx-build --quiet --fresh-env --nitpicky --fail-on-warning --keep-going docs docs/_build/html

pictures: $(VENV)/.dev ## the docs' pictures of the operator's pages, of three real runs; needs Chromium
	$(BIN)/python -m tests.pictures docs

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

ui: $(VENV)/.runtime   ## the server, its pages on http://127.0.0.1:4200, and a worker
	$(BIN)/slimline up

lock: $(VENV)/.uv      ## resolve the dependencies anew
	$(BIN)/uv pip compile pyproject.toml --extra line --quiet --python-version 3.11 --universal --generate-hashes \
	    --no-emit-index-url --custom-compile-command "make lock" --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra line --group dev --constraint requirements.lock --quiet --python-version 3.11 \
	    --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
	    --output-file requirements-dev.lock

clean:                 ## forget the environment; data, models and releases stay
	rm -rf $(VENV)

$(VENV)/.uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@touch $@

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/.uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirement requirements-dev.lock
	@touch $@
