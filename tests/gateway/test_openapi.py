"""The gateway against its own OpenAPI document: schemathesis makes the requests."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from footfall.sites import Site
from ingest_gateway import openapi
from tests.gateway.harness import GatewayProcess

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "openapi.json"
# One bad event never sinks its batch: a body that breaks the schema inside an event is answered 202, with
# the event listed as rejected. test_parse.py has what becomes of such events.
LENIENT = ("--exclude-checks", "negative_data_rejection")


def schemathesis(gateway: GatewayProcess, header: str, *arguments: str) -> None:
    """Everything but the check above: no 5xx but what the document has, answers as documented, valid
    requests taken, undeclared methods refused."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(DOCUMENT), "--url", gateway.url, "-H", header]
    command += ["-H", "Referer:https://shop.example.com/"]  # whose page the pixel is on
    env = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.gateway.fuzz_hooks"}
    run = subprocess.run(
        [*command, *LENIENT, "--no-color", "--warnings", "off", *arguments],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    assert gateway.metric("footfall_gateway_bugs_total") == 0, gateway.output.read_text()[-3000:]


def test_every_request_of_a_browser_is_answered_as_documented(gateway: GatewayProcess, site: Site) -> None:
    # The edge cases of every field; `make drill` adds the servers' endpoints and random requests.
    chosen = ("--include-path-regex", "^/(v1/|healthz|readyz|metrics|openapi)", "--phases", "coverage")
    schemathesis(gateway, f"X-Footfall-Site:{site.public_id}", "--seed", "1", *chosen)


@pytest.mark.drill
@pytest.mark.parametrize("who", ["browser", "server", "nobody"])
def test_every_request_is_answered_as_documented(
    gateway: GatewayProcess, site: Site, server_key: str, who: str
) -> None:
    headers = {"browser": f"X-Footfall-Site:{site.public_id}", "server": f"Authorization:Bearer {server_key}"}
    header = headers.get(who, "X-Nobody:yes")
    schemathesis(gateway, header, "--phases", "coverage,fuzzing", "-n", "200", "--max-time", "240")


def test_the_gateway_serves_the_document_and_has_its_paths(gateway: GatewayProcess) -> None:
    answer = gateway.client.get("/openapi.json")
    assert (answer.status_code, answer.content) == (200, DOCUMENT.read_bytes())
    for path, operations in openapi.document()["paths"].items():
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
