#!/bin/sh
# Pins every package with its hashes for Python 3.11 and 3.12; run after changing pyproject.toml.
set -eu
[ -x .venv/bin/uv ] || .venv/bin/pip install -q uv==0.13.9
exec .venv/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
    --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.txt "$@"
