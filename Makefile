# The two commands of the README are `make repro` and `make test`; the rest is convenience.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# otherwise a run ends if it meets another command of DVC, be it only for a second
DVC := dvc --wait-for-lock
# Python runs this line when it starts, so that the stages of .venv/bin/dvc find their python without .venv/bin in PATH
OWN_PROGRAMS := 'import os, sys; os.environ["PATH"] = os.pathsep.join([sys.prefix + "/bin", os.environ.get("PATH", "")])'
# dvc repro, without reading and writing all of a dvc.lock after each stage
REPRO := python -m tools.repro
# if published teachers score too far off, tables fails after writing its files, and the page shows it
REPORTS := $(DVC) repro --single-item --force tables; tables=$$?; \
	$(DVC) repro --single-item --force page && exit $$tables
# a page that came with the clone shows another machine's run: make a new one, unless the page (or `experiment`, which
# it does not show) is the last stage that ran here
OWN_PAGE := grep -v '"stage": "experiment"' work/stages.jsonl 2> /dev/null | tail -n 1 | grep -q '"stage": "page"' || \
	$(DVC) repro --single-item --force page

.PHONY: repro test cluster seeds beyond budget experiment search paper published tables pdf bench gpu lock clean

repro: $(VENV)/ready  ## the whole graph; after a failure the other cells, then tables of what is up to date
	python -m tools.doctor
	python -m tools.repair
	$(REPRO) check
	$(REPRO) --keep-going || { $(MAKE) --no-print-directory tables; exit 1; }
	@$(OWN_PAGE)

cluster: $(VENV)/cluster  ## as repro, many stages at once with Ray; CLUSTER="--address auto" for more than this machine
	python -m tools.doctor
	python -m tools.repair
	$(REPRO) check  # and before it `code`, so that only stages whose code has changed are asked
	python -m tools.cluster --keep-going $(CLUSTER) || { $(MAKE) --no-print-directory tables; exit 1; }
	@$(OWN_PAGE)

seeds beyond budget: $(VENV)/cluster  ## a study beside the default, into reports/<its name>; SEEDS="0 1 2" for others
	python -m tools.doctor
	python -m tools.studies $@ $(SEEDS)

experiment: $(VENV)/ready  ## only the cell under study: student, teacher, loss and seed in params.yaml
	$(REPRO) experiment

search: $(VENV)/ready  ## the student under study as ONNX files, its teacher's index: then `python -m tools.search photo.jpg`
	$(DVC) repro graph/search/dvc.yaml

tables: $(VENV)/ready  ## tables, figures and page of the results that are up to date; a dash and a name for the others
	python -m tools.tidy reports/metrics data/queries reports/experiment.json reports/ranked_lists
	python -m stages.figures reports/metrics reports/complexity.csv data/queries models reports/figures
	mkdir -p reports/ranked_lists  # or DVC would not run the page, which does without them
	$(REPORTS)

pdf: $(VENV)/ready  ## the tables as reports/tables.pdf; needs pdflatex or tectonic
	python -m tools.pdf reports/tables reports/tables.pdf

paper: $(VENV)/ready  ## the supplement's own setting: real data, real networks, a GPU
	cp params.paper.yaml params.yaml
	$(MAKE) --no-print-directory repro

published: $(VENV)/ready  ## the printed tables, from the authors' own networks: real test sets, no training, a GPU
	cd published && python -m tools.doctor && python -m tools.repair && { $(REPRO) --keep-going || { \
	python -m tools.tidy reports/metrics data/queries; ( $(REPORTS) ); exit 1; }; } && { $(OWN_PAGE); }

test: $(VENV)/ready
	ruff check .
	ruff format --check .
	OMP_NUM_THREADS=1 pytest -n 2 --dist loadfile --no-loadscope-reorder  # two cores, two processes of one thread

bench: $(VENV)/ready  ## our code against plain versions of the same work: reports/benchmarks.json, growth.svg; more than an hour
	python -m benchmarks

gpu: $(VENV)/ready  ## what one GPU does, in eight minutes at most: its tests, speeds, precisions; reports/gpu.json, gpu.md
	python -m benchmarks.gpu $(GPU)

lock:  ## requirements.lock, after a change of requirements.txt; needs uv
	{ sed -n '/^#/p' requirements.lock; uv pip compile --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
	--generate-hashes --no-header --no-annotate --quiet requirements.txt; } > requirements.lock.new && \
	mv requirements.lock.new requirements.lock || { rm requirements.lock.new; exit 1; }

clean:  ## everything that a run makes, and the environment; the DVC cache stays
	rm -rf data/raw data/local data/checkpoints data/processed data/ground_truth data/weights data/targets data/descriptors data/queries data/exported data/index
	rm -rf models/* models/.*.partial work published/work $(VENV)
	rm -rf published/data/{raw,local,checkpoints,processed,ground_truth,descriptors,queries} published/models/* published/models/.*.partial

$(VENV)/ready: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --disable-pip-version-check --quiet --requirement requirements.txt
	echo $(OWN_PROGRAMS) > "$$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/own.pth"
	touch $@

$(VENV)/cluster: $(VENV)/ready requirements-cluster.txt
	$(VENV)/bin/pip install --disable-pip-version-check --quiet --requirement requirements-cluster.txt
	touch $@
