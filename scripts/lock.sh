#!/bin/sh
# Pins every package with its hashes for Python 3.11 and 3.12; run after changing pyproject.toml.
set -eu
[ -x .venv/bin/uv ] || .venv/bin/pip install -q uv==0.13.9
lock() {
    .venv/bin/uv pip compile pyproject.toml --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --no-header --quiet "$@"
}
lock --extra dev -o requirements.txt "$@"
# What runs, without the tools: for the image.
lock -c requirements.txt -o requirements-run.txt
