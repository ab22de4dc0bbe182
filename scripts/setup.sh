#!/bin/sh
# Makes the virtual environment: Python 3.11 or 3.12 (Bytewax has wheels for these two).
# Where there is only a newer Python, uv brings a 3.12.
set -eu
venv=${1:-.venv}

say() { printf 'setup: %s\n' "$*"; }

usable() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

if [ ! -x "$venv/bin/python" ]; then
    found=
    for candidate in ${PYTHON:-} python3.12 python3.11 python3 python; do
        if usable "$candidate"; then found=$candidate; break; fi
    done
    if [ -n "$found" ]; then
        say "using $("$found" --version) ($found)"
        "$found" -m venv "$venv"
    else
        any=$(command -v python3 || command -v python || true)
        if [ -z "$any" ]; then
            say "no Python found: install Python 3.11 or 3.12, then run this again" >&2
            exit 1
        fi
        say "$("$any" --version) cannot run Bytewax (it has wheels for 3.11 and 3.12): bringing Python 3.12 with uv"
        "$any" -m venv "$venv.uv" || {
            say "the venv module is missing: install python3-venv, then run this again" >&2
            exit 1
        }
        "$venv.uv/bin/python" -m pip install -q uv==0.13.9
        "$venv.uv/bin/uv" venv -q --seed --python 3.12 "$venv"
        rm -rf "$venv.uv"
    fi
fi
say "installing packages (about 1.2 GB unpacked, mostly the embedded ClickHouse)"
"$venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
say "done"
