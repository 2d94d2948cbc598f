# Each target is what stands below it: lines that a person could type.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: demo test test-jax lint bench notebooks docs glossary picture design explorer release clean

demo: .venv/demo
	python -m experiments.digits_lenet5

# slipcover rewrites cnnkit's own bytecode: a tracer would halve the speed of all that Keras does.
test: .venv/test
	python -m slipcover --branch --source "$$PWD/cnnkit" --skip-covered -m pytest --numprocesses auto --dist loadfile

# Most of this run is compiling what is computed once, so it compiles fast rather than well.
test-jax: .venv/jax
	KERAS_BACKEND=jax JAX_DISABLE_MOST_OPTIMIZATIONS=1 python -m pytest tests -m "not slow and not once" --numprocesses auto --dist loadfile

lint: .venv/lint
	ruff check . && ruff format --check . && mypy && lint-imports

design: .venv/lint
	python docs/draw_design.py

# The page of `cnnkit explore`; its built files are committed, so that users need no Node.
explorer: explorer/web/node_modules
	cd explorer/web && npm run --silent build

explorer/web/node_modules: explorer/web/package-lock.json
	cd explorer/web && npm ci --silent && touch node_modules

bench: .venv/demo
	python -m benchmarks.startup

# Executes what has changed since it was executed, two at a time; an error or 90 s in a cell fail.
notebooks: .venv/notebook
	$(MAKE) --no-print-directory --jobs=2 $(patsubst %,build/%,$(wildcard notebooks/*.ipynb))

build/notebooks/%.ipynb: notebooks/%.ipynb $(shell find cnnkit -name '*.py')
	mkdir -p build/notebooks
	jupyter-execute --timeout=90 --kernel_name=python3 --output=$(CURDIR)/$@ $<

# The site, with what the notebooks printed and drew. It needs no network connection;
# build/docs/index.html opens it.
docs: .venv/docs notebooks
	TF_CPP_MIN_LOG_LEVEL=3 python -m sphinx --quiet --fail-on-warning --keep-going --builder html --conf-dir docs . build/docs
	codespell README.md CHANGELOG.md CONTRIBUTING.md docs/*.md docs/*/*.md notebooks/*.ipynb
	python -W ignore:pkg_resources docs/readability.py

# The pictures of docs/glossary.md.
glossary: .venv/demo
	cnnkit run --dataset digits --model lenet5 --model-option pool=max --model-option activation=relu --epochs 6 --runs-dir docs/runs --name glossary
	for view in features fields attribution walkthrough; do cnnkit explain $$view docs/runs/digits-lenet5/glossary test:3 --output docs/glossary/$$view.png || exit 1; done
	cnnkit explain filters docs/runs/digits-lenet5/glossary --output docs/glossary/filters.png
	cnnkit explain robustness docs/runs/digits-lenet5/glossary --change shift --change rotation --change blur --change noise --output docs/glossary/robustness.png
	cnnkit data show digits --output docs/runs/digits.png && mv docs/runs/digits.png docs/glossary
	cnnkit data show digits --augment affine --output docs/glossary/affine.png

picture: .venv/test
	python -m experiments.digits_lenet5 --runs-dir docs/runs --name picture
	chromium --headless --no-sandbox --hide-scrollbars --window-size=1000,640 --screenshot=docs/report.png docs/runs/digits_lenet5/picture/report.html
	cnnkit explore docs/runs/digits_lenet5/picture --output docs/runs/explorer.html
	python docs/film_explorer.py docs/runs/explorer.html docs/explorer.gif

# What `twine upload` publishes; tests/test_release.py installs the same and tries it.
release: .venv/test
	rm -rf build/dist
	python -m build --no-isolation --outdir build/dist
	twine check --strict build/dist/*

clean:
	rm -rf .venv build *.egg-info runs docs/runs docs/reference notebooks/runs .pytest_cache .ruff_cache .hypothesis .import_linter_cache .mypy_cache .coverage

# What was installed is remembered until setup.cfg changes, so that nothing is installed twice.
.venv/bin/python:
	python3 -m venv .venv

.venv/demo: setup.cfg .venv/bin/python
	python -m pip install --quiet --editable . && touch $@

.venv/test .venv/lint .venv/notebook .venv/docs: setup.cfg .venv/bin/python
	python -m pip install --quiet --editable ".[$(notdir $@)]" && touch $@

.venv/jax: setup.cfg .venv/bin/python
	python -m pip install --quiet --editable ".[test,jax]" && touch $@
