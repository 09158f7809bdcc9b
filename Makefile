# make pretrain   learn from the drawn scenes: the whole job, in minutes on a CPU
# make test       lint, formatting and most of the tests, in minutes
# make test-slow  the other tests: whole families, kills, scripts, XLA, long loops; half an hour
# make fuzz       200,000 damaged files: no traceback, no hang (ARGS="--cases N")
# make kill       100 kills of commands: each ends with the results of one that lived
# make format     rewrite the code as the formatter wants it
# ARGS="..."      further flags for pretrain or pytest

PYTHON ?= python3
VENV ?= .venv
RUN = runs/scenes
INSTALLED = $(VENV)/.installed
# A file to a worker; the long ones come first, see tests/conftest.py.
WORKERS = -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
    --durations=15

.PHONY: help install pretrain test test-slow fuzz kill format clean
.DEFAULT_GOAL := help

help:
	@sed -n '/^# make/s/^# //p; /^# ARGS/s/^# //p' Makefile

install: $(INSTALLED)

$(INSTALLED): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or \
	    sys.exit("Python 3.11 to 3.13 is needed: make PYTHON=python3.12")'
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet \
	    -r requirements.txt -r requirements-dev.txt
	touch $@

# A finished run is left alone, unless ARGS say what to do with it.
pretrain: $(INSTALLED)
	@if [ -e $(RUN)/summary.json ] && [ -z "$(ARGS)" ]; then \
	    echo "$(RUN) is finished; its figures are in $(RUN)/summary.json."; \
	    echo "Learn on:    make pretrain ARGS='--epochs N', N above the present number"; \
	    echo "Start anew:  make pretrain ARGS=--overwrite"; \
	else \
	    $(VENV)/bin/python -m ssl_voc.pretrain \
	        --config examples/scenes.yaml --out $(RUN) $(ARGS); \
	fi

test: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/python -m pytest $(WORKERS) -m "not slow" $(ARGS)

test-slow: $(INSTALLED)
	$(VENV)/bin/python -m pytest $(WORKERS) -m slow $(ARGS)

fuzz: $(INSTALLED)
	$(VENV)/bin/python -m tests.fuzzing $(ARGS)

kill: $(INSTALLED)
	$(VENV)/bin/python -m tests.killing $(ARGS)

format: $(INSTALLED)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf build dist .pytest_cache .ruff_cache
	find ssl_voc pipelines tests benchmarks examples \
	    -name __pycache__ -prune -exec rm -rf {} +
