# Every target is a short name for a command that also works without make. PYTHON is the interpreter that .venv is made
# with (3.11 or newer); uv, where it is on the PATH, installs in place of pip. ARGS is passed on to pytest, demo and
# benchmark.

PYTHON ?= python3
ARGS ?=

UV := $(shell command -v uv 2>/dev/null)
ifdef UV
VENV_WORKS = .venv/bin/python -c ""
MAKE_VENV = $(PYTHON) -m venv --clear --without-pip .venv
INSTALL = uv pip install --quiet --python .venv/bin/python --require-hashes
else
VENV_WORKS = .venv/bin/python -c "import pip"
MAKE_VENV = $(PYTHON) -m venv --clear .venv
INSTALL = .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes
endif

TOO_OLD = Parley needs Python 3.11 or newer, $(PYTHON) is older. Name another: make PYTHON=python3.12
TEMPLATES = $(shell find templates conversations messaging -name '*.html' 2>/dev/null)
COMPILE = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"

# The tests that start whole sites and drive browsers: together they take longer than all others. `.ci/run` runs them too.
LONG = browser or benchmark or chaos

# An environment like a production site's, for `check --deploy`. The keys are dummies and nothing connects anywhere.
PRODUCTION = BASE_URL=https://parley.example.org ALLOWED_HOSTS=parley.example.org DEBUG=off SANDBOX=off \
	SECRET_KEY=a-dummy-for-the-deploy-check-only-0123456789-abcdefghijklmnopqrstuvwxyz \
	ERASURE_KEY=an-erasure-key-for-the-deploy-check-of-make-check-only \
	FIELD_ENCRYPTION_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
	DATABASE_URL=postgres://parley@database.example.org/parley REDIS_URL=redis://valkey.example.org

.DEFAULT_GOAL := help
.PHONY: help venv setup run test long demo check audit fix browser chaos benchmark chromium lock

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: # what Parley runs on, in .venv; costs nothing when requirements.txt is as it was
	@$(VENV_WORKS) 2>/dev/null || { $(PYTHON) -c "import sys; sys.version_info >= (3, 11) or sys.exit('$(TOO_OLD)')" && $(MAKE_VENV); }
	@cmp -s requirements.txt .venv/installed.txt || { echo "Installing requirements.txt ..." && $(INSTALL) -r requirements.txt && cp requirements.txt .venv/installed.txt; }

setup: venv ## install what Parley and its tests need into .venv
	@cmp -s requirements-dev.txt .venv/installed-dev.txt || { echo "Installing requirements-dev.txt ..." && $(INSTALL) -r requirements.txt -r requirements-dev.txt && cp requirements-dev.txt .venv/installed-dev.txt; }

run: venv ## run everything on this machine until Ctrl-C
	@.venv/bin/python manage.py dev

test: setup ## run the test suite
	@.venv/bin/pytest --numprocesses=2 -m "not ($(LONG))" $(ARGS)

long: setup ## run the tests that take long: in the browser, of benchmarks, the rest of chaos
	@.venv/bin/pytest --numprocesses=2 -m "$(LONG)" $(ARGS)

demo: venv ## do the main job through every provider against the sandbox
	@.venv/bin/python manage.py demo $(ARGS)

check: setup ## lint, types, layering, migrations, settings for production
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/djade --check --target-version 5.2 $(TEMPLATES)
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python manage.py makemigrations --check --dry-run
	$(PRODUCTION) .venv/bin/python manage.py check --deploy --fail-level WARNING

audit: setup ## compare what is installed with the advisories known to PyPI
	.venv/bin/uv tool run --quiet --from pip-audit==2.9.0 pip-audit --requirement requirements.txt --disable-pip --require-hashes --progress-spinner off

fix: setup ## put right what can be put right by itself
	.venv/bin/ruff check --fix
	.venv/bin/ruff format
	.venv/bin/djade --target-version 5.2 $(TEMPLATES)

browser: setup chromium ## run the browser tests alone
	@REQUIRE_BROWSER=1 .venv/bin/pytest -m browser $(ARGS)

chaos: setup ## break every part on purpose and see what became of each message
	@.venv/bin/pytest tests/chaos -m "" $(ARGS)

benchmark: venv ## measure how fast messages leave and pages come (ARGS="inbox")
	@.venv/bin/python manage.py benchmark $(ARGS)

chromium: # install Debian's Chromium where it is missing and apt-get may do it
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium fonts-inter; }

lock: setup ## compile the .in files into requirements.txt and requirements-dev.txt
	$(COMPILE) requirements.in --output-file requirements.txt
	$(COMPILE) requirements-dev.in --output-file requirements-dev.txt
