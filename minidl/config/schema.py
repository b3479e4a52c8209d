"""A JSON Schema of all that a config may say, for editors and other tools.

Made from the same type hints that the builder reads. Looser than the builder in
one point: a file may be partial, for what it extends brings the rest. So no key
is required at the top or in a section, and a mapping without ``type`` may name
any argument of its kind.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from typing import Any

import msgspec

from minidl.core.arguments import Configurable, argument_hints, component_hint, describe, required_arguments
from minidl.core.registry import is_kind, kind_name, lookup, names

Schema = dict[str, Any]
_FILE: Schema = {
    "type": "string",
    "pattern": r"\.ya?ml$",
    "description": "The path of a YAML file that stands in this place, relative to this file.",
}


def json_schema(target: type) -> Schema:
    """The JSON Schema (draft 2020-12) of a file that describes a `target`.

    Parameters
    ----------
    target : a section such as Experiment, or the base of a kind such as Layer
        for the files in ``models/``.

    Returns
    -------
    A schema whose ``$defs`` hold each kind (``layer``), each registered class
    (``layer.Dense``) and each section (``section.Training``) that can occur.
    """
    defs: dict[str, Schema] = {}
    root = _reference(target, defs)
    schema: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"minidl {kind_name(target) if is_kind(target) else target.__name__}",
    }
    if is_kind(target):
        return {**schema, **root, "$defs": dict(sorted(defs.items()))}
    body = dict(defs[root["$ref"].rsplit("/", 1)[1]])
    extends = {"type": "string", "description": "The YAML file that this one extends, relative to this file."}
    body["properties"] = {"extends": extends, **body["properties"]}
    return {**schema, **body, "title": schema["title"], "$defs": dict(sorted(defs.items()))}


def _reference(base: type, defs: dict[str, Schema]) -> Schema:
    """A reference to the definition of a kind, a class or a section, which is made if it is new."""
    kind = next((parent for parent in base.__mro__ if is_kind(parent)), None)
    word = "section" if kind is None else kind_name(kind)
    name = word if is_kind(base) else f"{word}.{base.__name__}"
    if name not in defs:
        defs[name] = {}  # a layer may hold layers
        defs[name] = _kind(base, word, defs) if is_kind(base) else _mapping(base, None if kind is None else word, defs)
    return {"$ref": f"#/$defs/{name}"}


def _kind(base: type, word: str, defs: dict[str, Schema]) -> Schema:
    """Any member of a kind: by name, as a mapping, or from a file."""
    members = [(name, lookup(base, name)) for name in names(base)]
    if not issubclass(base, Configurable):
        return {"enum": [name for name, _ in members], "description": _first_line(base)}
    alone = [name for name, cls in members if not required_arguments(cls)]
    classes = [_reference(cls, defs) for _, cls in members]
    arguments = sorted({name for _, cls in members for name in argument_hints(cls)})
    partial = {
        "type": "object",
        "not": {"required": ["type"]},
        "properties": dict.fromkeys(arguments, True),
        "additionalProperties": False,
        "description": f"Arguments that change the {word} of the file that this one extends.",
    }
    bare = [{"enum": alone, "description": f"A {word} with its defaults."}] if alone else []
    return {"anyOf": [*bare, *classes, dict(_FILE), partial], "description": _first_line(base)}


def _mapping(cls: type, kind: str | None, defs: dict[str, Schema]) -> Schema:
    """The arguments of one class; with its ``type`` if it belongs to a kind."""
    texts = _argument_texts(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    properties: dict[str, Schema] = {}
    for name, hint in argument_hints(cls).items():
        properties[name] = _value(hint, defs)
        if name in texts:
            properties[name] = {**properties[name], "description": texts[name]}
        properties[name].update(_default(fields[name]))
    schema: Schema = {"type": "object", "title": cls.__name__, "description": _first_line(cls)}
    if kind is not None:
        properties = {"type": {"const": cls.__name__}, **properties}
        schema["required"] = ["type", *required_arguments(cls)]
    return {**schema, "properties": properties, "additionalProperties": False}


def _value(hint: Any, defs: dict[str, Schema]) -> Schema:
    """The schema of one argument."""
    asked = component_hint(hint)
    if asked is None:
        return _plain(hint, defs)
    base, many = asked
    schema = _reference(base, defs)
    if not is_kind(base):
        schema = {"anyOf": [schema, dict(_FILE)]}
    if many:
        schema = {"anyOf": [{"type": "array", "items": schema}, dict(_FILE)]}
    if type(None) in typing.get_args(hint):
        schema = {"anyOf": [schema, {"type": "null"}]}
    return schema


def _plain(hint: Any, defs: dict[str, Schema]) -> Schema:
    try:
        (schema,), named = msgspec.json.schema_components([hint], ref_template="#/$defs/{name}")
    except TypeError:  # a type that JSON does not know; the builder checks it
        return {}
    defs.update(named)
    return dict(schema)


def _default(field: dataclasses.Field[Any]) -> Schema:
    """The default as editors show it; a component with its own defaults by its name."""
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    elif field.default is not dataclasses.MISSING:
        value = field.default
    else:
        return {}
    if isinstance(value, Configurable):
        shown = describe(value)
        plain = not required_arguments(type(value)) and type(value)().to_config() == value.to_config()
        return {"default": shown["type"] if plain and "type" in shown else shown}
    if callable(value):
        return {"default": value.__name__}
    try:
        msgspec.json.encode(value)
    except TypeError:
        return {}
    return {"default": value}


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _argument_texts(cls: type) -> dict[str, str]:
    """What the docstring's section Parameters says of each argument."""
    found = re.search(r"\n *Parameters\n *-+\n(.*?)(\n *\n|\Z)", cls.__doc__ or "", re.DOTALL)
    texts: dict[str, str] = {}
    if found:
        for entry in re.split(r"\n(?= {0,4}\S)", found[1]):
            named, colon, text = entry.partition(" : ")
            if colon:
                texts |= dict.fromkeys(re.split(r",\s*", named.strip()), " ".join(text.split()))
    return texts
