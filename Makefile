# make run    train and score both textbook models and compare them over ten seeds
# make test   the test suite
# make faults kill, damage and fill: every fault of docs/reliability.md, many times
# make check  everything that a change must pass: test, lint, types, docs, wheel
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
PYTHONS ?= python3.10 python3.11 python3.12 python3.13

.PHONY: run test faults check lint types docs wheel matrix clean

# One stamp a set of extras: a changed setup.cfg installs anew.
$(VENV)/.installed-%: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	touch $@

run: $(VENV)/.installed-plot,stats
	$(BIN)/minidl train pm25_single
	$(BIN)/minidl train pm25_deep
	$(BIN)/minidl compare pm25_single pm25_deep --seeds 10

# Two processes: most tests wait for processes of their own. One of them compiles.
test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2 --dist loadgroup

# Every row of the table of faults, in full.
faults: $(VENV)/.installed-test
	$(BIN)/python -m tests.reliability.faults

check: test lint types docs wheel

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy
	$(BIN)/python -m pytest -m slow tests/test_types.py

docs: $(VENV)/.installed-docs
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

# The wheel, installed alone in a fresh environment, trains from an empty folder.
wheel: $(VENV)/.installed-dev
	rm -rf build dist
	$(BIN)/python -m build --wheel --outdir dist .
	$(PYTHON) -m venv --clear build/wheel-venv
	build/wheel-venv/bin/python -m pip install --quiet dist/*.whl
	mkdir build/empty
	cd build/empty && ../wheel-venv/bin/minidl train pm25_deep --set training.epochs=1
	cd build/empty && ../wheel-venv/bin/minidl predict runs/pm25_deep-001

# The suite on every Python that is installed, and with the oldest NumPy that setup.cfg admits.
matrix:
	for python in $(PYTHONS); do \
		if $$python -c "" 2> /dev/null; then \
			echo "== $$python"; $(MAKE) test PYTHON=$$python VENV=.venv-$$python || exit 1; \
		else echo "== $$python: not installed, left out"; fi; \
	done
	python3.10 -m venv --clear .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --editable ".[test]" "numpy==$$(sed -n 's/^ *numpy>=//p' setup.cfg).*"
	.venv-oldest/bin/python -m pytest

clean:
	rm -rf $(VENV) .venv-* build dist docs/_build *.egg-info
