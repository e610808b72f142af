# The two commands of the README are `make repro` and `make test`; the rest is convenience.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: repro test cluster experiment paper published tables bench clean

repro: $(VENV)/ready  ## the whole graph; past a failed cell, then the tables of what there is
	dvc repro check
	dvc repro --keep-going || { $(MAKE) --no-print-directory tables; exit 1; }

cluster: $(VENV)/cluster  ## as repro, many stages at once with Ray; CLUSTER="--address auto" for more than this machine
	python -m stages.cluster --keep-going $(CLUSTER) || { $(MAKE) --no-print-directory tables; exit 1; }

experiment: $(VENV)/ready  ## only the cell under study: student, teacher and loss in params.yaml
	dvc repro experiment

tables: $(VENV)/ready  ## the tables of the results that are up to date; a dash and a name for the others
	python -m stages.tidy reports/metrics reports/experiment.json
	dvc repro --single-item --force tables

paper: $(VENV)/ready  ## the supplement's own setting: real data, real networks, a GPU
	cp params.paper.yaml params.yaml
	$(MAKE) --no-print-directory repro

published: $(VENV)/ready  ## the printed tables, from the authors' own networks: real test sets, no training, a GPU
	cd published && { dvc repro --keep-going || { python -m stages.tidy reports/metrics reports/experiment.json; \
	dvc repro --single-item --force tables; exit 1; }; }

test: $(VENV)/ready
	ruff check .
	ruff format --check .
	pytest

bench: $(VENV)/ready  ## our code against plain versions of the same work: reports/benchmarks.json, growth.svg; half an hour
	python -m benchmarks

clean:  ## everything that a run makes, and the environment; the DVC cache stays
	rm -rf data/raw data/processed data/weights data/targets data/descriptors models/* $(VENV)
	rm -rf published/data/{raw,checkpoints,processed,descriptors} published/models/*

$(VENV)/ready: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --disable-pip-version-check --quiet --requirement requirements.txt
	touch $@

$(VENV)/cluster: $(VENV)/ready requirements-cluster.txt
	$(VENV)/bin/pip install --disable-pip-version-check --quiet --requirement requirements-cluster.txt
	touch $@
