"""The SDK's types, derived from the event schema: sdk-js/src/generated/event.ts."""

from __future__ import annotations

import inspect
from typing import Any, cast

from footfall import event, names

HEAD = "// Generated from footfall/event.py by `make generate`: change it there.\n"
# What the gateway fills in or takes from server keys alone is left to those who may send it.
LIMITS = (
    "MAX_BATCH_EVENTS", "MAX_BATCH_BYTES", "MAX_PROPS", "MAX_PROP_BYTES", "MAX_NAME_CHARS", "MAX_URL_CHARS",
    "MAX_ITEMS",
)  # fmt: skip


def event_types() -> str:
    """Interfaces of a batch and all its parts, the known names, and the limits."""
    schema = cast("dict[str, Any]", event.json_schema()["$defs"])
    parts = [HEAD]
    parts += [f"export const {name} = {getattr(event, name)};" for name in LIMITS]
    known = " | ".join(f"'{name.value}'" for name in names.EventName if name is not names.EventName.CUSTOM)
    parts += [
        "",
        "/** The names Footfall knows; any other is a custom event. */",
        f"export type KnownName = {known};",
    ]
    parts += [
        "",
        "/** Of an event: text, number, truth. */",
        "export type Props = Record<string, string | number | boolean | null>;",
    ]
    for name in sorted(schema):
        parts += ["", *_interface(name, schema[name])]
    return "\n".join(parts) + "\n"


def _interface(name: str, schema: dict[str, Any]) -> list[str]:
    doc = inspect.cleandoc(schema["description"]).split("\n\n")[0].replace("\n", " ")
    required = schema["required"]
    lines = [f"/** {doc} */", f"export interface {name} {{"]
    for field, of in schema["properties"].items():
        limits = _limits(of)
        lines += [f"  /** {limits} */"] if limits else []
        lines.append(f"  {field}{'' if field in required else '?'}: {_type(of, field)};")
    return [*lines, "}"]


def _limits(of: dict[str, Any]) -> str:
    if "maxLength" in of:
        return f"At most {of['maxLength']} characters."
    if of.get("type") in ("integer", "number") and "maximum" in of:
        return f"From {of['minimum']} to {of['maximum']}."
    return ""


def _type(of: dict[str, Any], field: str) -> str:
    if field == "props":
        return "Props"
    if "$ref" in of:
        return str(of["$ref"]).rpartition("/")[2]
    if "anyOf" in of:
        return " | ".join(_type(one, field) for one in of["anyOf"] if one.get("type") != "null")
    if of["type"] == "array":
        return f"{_type(of['items'], field)}[]"
    return {"integer": "number", "number": "number", "string": "string"}[of["type"]]
