# What a person runs is what CI runs. `make help` lists everything.
VENV ?= .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo shop up test lint type bench drill generate sdk fmt audit env clean

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml requirements.txt scripts/setup.sh
	@sh scripts/setup.sh $(VENV)
	@touch $@

setup: $(STAMP) ## make the virtual environment and install everything into it

demo: $(STAMP) ## start Footfall whole, send it traffic, watch sessions close
	$(VENV)/bin/footfall demo

shop: $(STAMP) ## a made-up shop to click through, while `make up` runs
	$(VENV)/bin/footfall shop

up: $(STAMP) ## run Footfall until you press Ctrl-C
	$(VENV)/bin/footfall up

test: $(STAMP) ## all tests but the long drills
	$(VENV)/bin/pytest $(PYTEST_ARGS)

fmt: $(STAMP) ## format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

lint: $(STAMP) ## style, import directions
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/lint-imports

type: $(STAMP) ## mypy --strict
	$(VENV)/bin/mypy

generate: $(STAMP) ## write the generated files anew (docs/openapi.json, docs/event.schema.json, docs/settings.md ...)
	$(PY) -m scripts.generate

SDK := sdk-js/node_modules/.ready

$(SDK): sdk-js/package.json sdk-js/package-lock.json $(STAMP)
	$(PY) -m scripts.node npm ci --prefix sdk-js --no-audit --no-fund --loglevel=error
	@touch $@

sdk: $(SDK) ## build the script that the gateway serves and the npm package, check sizes, types and style, test it
	$(PY) -m scripts.node npm run --silent --prefix sdk-js check
	$(PY) -m scripts.node npm test --silent --prefix sdk-js
	$(PY) -m scripts.node npm run --silent --prefix sdk-js build
	$(PY) -m scripts.node npm run --silent --prefix sdk-js package

bench: $(STAMP) ## measure everything docs/benchmarks.md reports (about 15 minutes)
	$(PY) -m bench

drill: $(STAMP) ## kill, stop and restart every part, 20 rounds; property tests with 20 times the examples (about 80 minutes)
	$(VENV)/bin/pytest -m hypothesis --hypothesis-profile=drill -n 2 --timeout=1800
	$(VENV)/bin/pytest -m drill -n 0 --timeout=1800

audit: $(STAMP) ## licences and known vulnerabilities of what is locked
	$(PY) -m scripts.audit

env: $(STAMP) ## random passwords for docker-compose.yml, in .env
	$(PY) -m scripts.make_env

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) sdk-js/node_modules .mypy_cache .ruff_cache .pytest_cache build *.egg-info
