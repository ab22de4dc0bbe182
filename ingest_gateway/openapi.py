"""The gateway as OpenAPI 3.1: made of the types it decodes, so that they cannot differ.

docs/openapi.json is written from it, the gateway serves it, and tests/gateway/test_openapi.py
lets schemathesis hold a running gateway to it.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from footfall.event import MAX_BATCH_BYTES, Batch, Event
from footfall.names import RejectReason
from ingest_gateway.answers import JSON, Answer
from ingest_gateway.track import ALIASES, BATCH_FIELDS, CONVERTERS, SESSION_ACTIONS

Schema = dict[str, Any]


class Rejection(Struct):
    """An event that was refused for good."""

    index: Annotated[int, Meta(ge=0)]  # its place in the request
    reason: RejectReason


class Accepted(Struct):
    """What is accepted is durable."""

    accepted: Annotated[int, Meta(ge=0)]
    rejected: list[Rejection]


class Refused(Struct):
    """The request was not taken: a permanent code, and what to do."""

    error: str
    message: str


class Status(Struct):
    """The answer to a probe."""

    status: str


# Status: the codes in `error`, and what they mean.
REFUSALS: dict[int, tuple[tuple[str, ...], str]] = {
    400: (("unreadable",), "Not JSON, no events, or a field of the batch is wrong; the message says which."),
    401: (("no_site", "unknown_site", "key"), "Nobody we know; an expired or revoked key."),
    403: (("origin", "network", "dev_origin"), "The site or key is not for this origin or network."),
    404: (("not_found",), "No such path."),
    405: (("method",), "Not with this method; see Allow."),
    408: (("timeout",), "The body did not come in time: send it again."),
    413: (("too_large",), f"More than 500 events or {MAX_BATCH_BYTES} bytes: send fewer at once."),
    415: (("content_type", "content_encoding"), "Send JSON, compressed with gzip, br, zstd or nothing."),
    429: (("address_rate", "rate"), "More than this address, site or key may send; see Retry-After."),
    503: (("unavailable",), "It cannot be taken now; see Retry-After and send the same again."),
}
WAITS = frozenset({429, 503})  # these say how long to wait
ANY_REQUEST = (400, 503)
SENDING = (400, 401, 403, 408, 413, 415, 429, 503)

_SECONDS = {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 1}}
_ALLOW = {"description": "The methods of this path.", "required": True, "schema": {"type": "string"}}
_DROPPED = {
    "description": "Not counted at all: the site is strict and the browser asked for privacy.",
    "schema": {"type": "string", "enum": ["gpc", "dnt"]},
}
_BROWSER: list[Schema] = [{"site": []}, {"siteQuery": []}]
_SERVER: list[Schema] = [{"serverKey": []}]


@cache
def document() -> Schema:
    """The whole document."""
    kinds = [Batch, Event, Accepted, Refused, Status]
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    # A type cannot say this: the gateway looks at it where it is used.
    addresses: list[Schema] = [{"const": ""}, {"format": "ipv4"}, {"format": "ipv6"}]
    schemas["Batch"]["properties"]["address"]["anyOf"] = addresses
    schemas["BatchWithSite"] = {
        "allOf": [_ref("Batch")],
        "properties": {"site": {"type": "string", "maxLength": 64, "description": "The public id."}},
    }
    for path in CONVERTERS:
        schemas[_track_name(path)] = _track_fields(path.rpartition("/")[2], schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Footfall gateway",
            "version": "1",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "How events come in. docs/api.md explains what the fields mean.",
        },
        "paths": _paths(),
        "components": {
            "schemas": schemas,
            "responses": {str(status): _refusal(status) for status in REFUSALS},
            "securitySchemes": {
                "site": {"type": "apiKey", "in": "header", "name": "X-Footfall-Site"},
                "siteQuery": {"type": "apiKey", "in": "query", "name": "site"},
                "serverKey": {"type": "http", "scheme": "bearer"},
            },
        },
    }


@cache
def encoded() -> bytes:
    """The document as it is written to docs/ and served."""
    return msgspec.json.format(msgspec.json.encode(document(), order="sorted"), indent=2) + b"\n"


async def openapi(_request: object) -> Answer:
    """`GET /openapi.json`."""
    return Answer(200, JSON, encoded())


def _paths() -> Schema:
    # `{}`: the public id may be in the body, as `site`.
    batch = _sending("Send a batch of events", "BatchWithSite", [*_BROWSER, *_SERVER, {}])
    paths: Schema = {"/v1/batch": {"post": batch, "options": _preflight()}}
    for path in CONVERTERS:
        told = f"Send one event from a server: {path.rpartition('/')[2]}"
        paths[path] = {"post": _sending(told, _track_name(path), _SERVER), "options": _preflight()}
    paths["/v1/pixel.gif"] = {"get": _pixel()}
    for path, told in (("/healthz", "Does the process run?"), ("/readyz", "Does the log take records?")):
        found = _answers({200: _body("Yes.", "Status")}, ANY_REQUEST)
        head = _answers({200: {"description": "Yes."}}, ANY_REQUEST)
        paths[path] = {"get": {"summary": told, **found}, "head": {"summary": told, **head}}
    text = {"description": "Prometheus text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    paths["/metrics"] = {"get": {"summary": "For Prometheus", **_answers({200: text}, ANY_REQUEST)}}
    own = {"description": "OpenAPI.", "content": {"application/json": {"schema": {"type": "object"}}}}
    for path in ("/f.js", "/pixel.js"):
        paths[path] = {method: _script(method) for method in ("get", "head")}
    paths["/openapi.json"] = {"get": {"summary": "This document", **_answers({200: own}, ANY_REQUEST)}}
    return paths


def _sending(told: str, schema: str, security: list[Schema]) -> Schema:
    content = {"application/json": {"schema": _ref(schema)}, "text/plain": {"schema": _ref(schema)}}
    taken = _body("Durable; the events that were refused for good are listed.", "Accepted")
    return {
        "summary": told,
        "security": security,
        "requestBody": {"required": True, "content": content},
        **_answers({202: {**taken, "headers": {"X-Footfall-Dropped": _DROPPED}}}, SENDING),
    }


def _pixel() -> Schema:
    names = {"url": "The page; else the Referer.", "referrer": "Where from.", "title": "The page's title."}
    gif = {"image/gif": {"schema": {"type": "string", "format": "binary"}}}
    shown = {"description": "Durable.", "content": gif, "headers": {"X-Footfall-Dropped": _DROPPED}}
    return {
        "summary": "Count a page view without script",
        "security": _BROWSER,
        "parameters": [
            {"name": name, "in": "query", "description": told, "schema": {"type": "string"}}
            for name, told in names.items()
        ],
        **_answers({200: shown}, (400, 401, 403, 429, 503)),
    }


def _script(method: str) -> Schema:
    javascript: Schema = (
        {"content": {"text/javascript": {"schema": {"type": "string"}}}} if method == "get" else {}
    )
    same = {"description": "The browser has this very content (If-None-Match)."}
    return {
        "summary": "The SDK's script",
        "description": "Its parts are beside it, as in f.auto.js; pinned to the release it is f-<version>.js. "
        "A site may have a name of its own in place of f. See docs/tag.md.",
        "security": [],
        **_answers({200: {"description": "JavaScript.", **javascript}, 304: same}, (400, 404, 503)),
    }


def _preflight() -> Schema:
    allowed = {"description": "This origin may send.", "headers": {"Access-Control-Allow-Methods": {**_ALLOW}}}
    return {"summary": "CORS preflight", "security": [], **_answers({204: allowed}, (400, 403, 503))}


def _answers(good: dict[int, Schema], refused: tuple[int, ...]) -> Schema:
    found = {str(status): answer for status, answer in good.items()}
    found |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in refused}
    return {"responses": found}


def _refusal(status: int) -> Schema:
    codes, told = REFUSALS[status]
    schema = {"allOf": [_ref("Refused")], "properties": {"error": {"enum": list(codes)}}}
    answer: Schema = {"description": told, "content": {"application/json": {"schema": schema}}}
    if status in WAITS:
        answer["headers"] = {"Retry-After": _SECONDS}
    if status == 405:
        answer["headers"] = {"Allow": _ALLOW}
    return answer


def _track_name(path: str) -> str:
    return "Track" + path.rpartition("/")[2].capitalize()


def _track_fields(kind: str, schemas: Schema) -> Schema:
    """One event: its own fields and the batch's in one object, other trackers' names too."""
    fields: Schema = {name: schemas["Batch"]["properties"][name] for name in sorted(BATCH_FIELDS)}
    fields |= schemas["Event"]["properties"]
    fields["occurred_at"] = {"anyOf": [fields["occurred_at"], {"type": "string", "format": "date-time"}]}
    fields |= {alias: fields[name] for alias, name in ALIASES.items()}
    found: Schema = {"type": "object", "properties": fields}
    if kind == "event":
        return found | {"anyOf": [{"required": ["name"]}, {"required": ["event"]}]}
    del fields["name"], fields["event"]  # the path says it
    if kind == "pageview":
        return found | {"required": ["url"]}
    if kind == "session":
        fields["action"] = {"enum": list(SESSION_ACTIONS), "default": "start"}
        return found
    fields["metric"] = schemas["Vital"]["properties"]["name"]
    fields["value"] = schemas["Vital"]["properties"]["value"]
    return found | {"anyOf": [{"required": ["metric", "value"]}, {"required": ["vital"]}]}


def _body(told: str, schema: str) -> Schema:
    return {"description": told, "content": {"application/json": {"schema": _ref(schema)}}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
