# The two commands of the README are `make repro` and `make test`; the rest is convenience.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# a run would end where it meets another command's second
DVC := dvc --wait-for-lock

.PHONY: repro test experiment paper published tables bench clean

repro: $(VENV)/ready  ## the whole graph; past a failed cell, then the tables of what there is
	python -m stages.mend dvc.lock graph/*/dvc.lock
	$(DVC) repro check
	$(DVC) repro --keep-going || { $(MAKE) --no-print-directory tables; exit 1; }

experiment: $(VENV)/ready  ## only the cell under study: student, teacher and loss in params.yaml
	$(DVC) repro experiment

tables: $(VENV)/ready  ## tables and figures of the results that are up to date; a dash and a name for the others
	python -m stages.tidy reports/metrics reports/experiment.json
	$(DVC) repro --single-item --force tables
	python -m stages.figures reports/metrics reports/complexity.csv data/queries models reports/figures

paper: $(VENV)/ready  ## the supplement's own setting: real data, real networks, a GPU
	cp params.paper.yaml params.yaml
	$(MAKE) --no-print-directory repro

published: $(VENV)/ready  ## the printed tables, from the authors' own networks: real test sets, no training, a GPU
	cd published && python -m stages.mend dvc.lock && { $(DVC) repro --keep-going || { \
	python -m stages.tidy reports/metrics reports/experiment.json; \
	$(DVC) repro --single-item --force tables; exit 1; }; }

test: $(VENV)/ready
	ruff check .
	ruff format --check .
	OMP_NUM_THREADS=1 pytest -n 2 --dist loadfile --no-loadscope-reorder  # two cores, two processes of one thread

bench: $(VENV)/ready  ## our code against plain versions of the same work: reports/benchmarks.json, growth.svg; half an hour
	python -m benchmarks

clean:  ## everything that a run makes, and the environment; the DVC cache stays
	rm -rf data/raw data/processed data/weights data/targets data/descriptors models/* models/.*.work $(VENV)
	rm -rf published/data/{raw,checkpoints,processed,descriptors} published/models/* published/models/.*.work

$(VENV)/ready: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --disable-pip-version-check --quiet --requirement requirements.txt
	touch $@
