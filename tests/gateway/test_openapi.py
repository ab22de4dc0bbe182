"""The gateway against its own OpenAPI document: schemathesis makes the requests."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from footfall.sites import Site
from ingest_gateway import openapi
from tests.gateway.harness import GatewayProcess

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "openapi.json"
DOCUMENTED = openapi.document()["paths"]
# One bad event never sinks its batch: a body that breaks the schema inside an event is answered 202, with
# the event listed as rejected. test_parse.py has what becomes of such events.
LENIENT = ("--exclude-checks", "negative_data_rejection")


def assert_as_documented(gateway: GatewayProcess, header: str, paths: str, *arguments: str) -> None:
    """Each operation of these paths, everything but the check above: no 5xx but what the document has,
    answers as documented, valid requests taken, undeclared methods refused."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(DOCUMENT), "--url", gateway.url, "-H", header]
    command += ["-H", "Referer:https://shop.example.com/"]  # whose page the pixel is on
    command += ["--include-path-regex", paths]
    env = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.gateway.fuzz_hooks"}
    run = subprocess.run(
        [*command, *LENIENT, "--no-color", "--warnings", "off", *arguments],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    wanted = sum(len(operations) for path, operations in DOCUMENTED.items() if re.match(paths, path))
    assert wanted > 0
    assert f"Tested: {wanted}\n" in run.stdout
    assert gateway.metric("footfall_gateway_bugs_total") == 0, gateway.output.read_text()[-3000:]


def test_every_request_of_a_browser_is_answered_as_documented(gateway: GatewayProcess, site: Site) -> None:
    # The edge cases of every field; `make drill` adds the servers' endpoints and random requests.
    paths = "^/(v1/|healthz|readyz|metrics|openapi|f.js)"
    assert_as_documented(
        gateway, f"X-Footfall-Site:{site.public_id}", paths, "--seed", "1", "--phases", "coverage"
    )


@pytest.mark.drill
@pytest.mark.parametrize("who", ["browser", "server", "nobody"])
def test_every_request_is_answered_as_documented(
    gateway: GatewayProcess, site: Site, server_key: str, who: str
) -> None:
    headers = {"browser": f"X-Footfall-Site:{site.public_id}", "server": f"Authorization:Bearer {server_key}"}
    header = headers.get(who, "X-Nobody:yes")
    limits = ("-n", "200", "--max-time", "240")
    assert_as_documented(gateway, header, "^/", "--phases", "coverage,fuzzing", *limits)


def test_the_gateway_serves_the_document_and_has_its_paths(gateway: GatewayProcess) -> None:
    answer = gateway.client.get("/openapi.json")
    assert (answer.status_code, answer.content) == (200, DOCUMENT.read_bytes())
    for path, operations in DOCUMENTED.items():
        told = gateway.client.request("DELETE", path)
        assert told.status_code == 405, path
        declared = {method.upper() for method in operations}
        assert declared <= set(told.headers["allow"].split(", ")), path


def test_every_refusal_in_the_code_is_documented() -> None:
    found = set()
    for file in (ROOT / "ingest_gateway").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "RefusedError":
                status, code = (ast.literal_eval(argument) for argument in node.args[:2])
                found.add((status, code))
    documented = {(status, code) for status, (codes, _) in openapi.REFUSALS.items() for code in codes}
    assert found == documented
    assert len(found) > 10
