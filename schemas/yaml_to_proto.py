"""Reads YAML into a protocol message, with errors a person can act on.

The message's fields are the keys that are allowed; an error names the line, the key,
the value and what is allowed.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, MutableSequence
from typing import Any

import yaml
from google.protobuf import message as proto_message
from google.protobuf.descriptor import FieldDescriptor

from ondevice_rec.schemas.errors import UserError

_TAG = "tag:yaml.org,2002:"
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
_FLOATS = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}


class ConfigError(UserError):
    """A configuration that cannot be used; the message says why and what to do."""


def parse(text: str, message: proto_message.Message, source: str) -> None:
    """Fills `message` from YAML.

    Args:
      text: The YAML document, a mapping.
      message: The message to fill.
      source: Name of the document, to begin error messages with.

    Raises:
      ConfigError: If the text is not YAML, a key is unknown, given twice or missing,
        or a value is of the wrong type.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{source}{line}: not valid YAML: {problem}.") from error
    if node is None:
        raise ConfigError(f"{source}: the file is empty.")
    _fill_message(message, node, "", source)
    _check_required(message, source)


def unknown_name(name: str, allowed: Iterable[str]) -> str:
    """What to say of a name that is not allowed: a near one first, then all."""
    names = sorted(allowed)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean `{near[0]}`? " if near else ""
    return f"{hint}Allowed: {', '.join(names) or 'none'}."


def _fill_message(
    message: proto_message.Message, node: yaml.Node, path: str, source: str
) -> None:
    if not isinstance(node, yaml.MappingNode):
        where = f"`{path}`" if path else "the file"
        raise _error(source, node, f"{where} must be a mapping of keys to values")
    fields = message.DESCRIPTOR.fields_by_name
    seen = set()
    for key_node, value_node in node.value:
        key = str(key_node.value)
        full = f"{path}.{key}" if path else key
        if key not in fields:
            where = f" of `{path}`" if path else ""
            raise _error(
                source,
                key_node,
                f"`{key}` is not a key{where}. {unknown_name(key, fields)}",
            )
        if key in seen:
            raise _error(source, key_node, f"`{full}` is given twice")
        seen.add(key)
        if _is_null(value_node):
            raise _error(
                source, value_node, f"`{full}` has no value. Give one or remove it"
            )
        _fill_field(message, fields[key], value_node, full, source)


def _fill_field(
    message: proto_message.Message,
    field: FieldDescriptor,
    node: yaml.Node,
    path: str,
    source: str,
) -> None:
    values = getattr(message, field.name)
    if not isinstance(values, MutableSequence):
        if field.message_type is not None:
            values.SetInParent()
            _fill_message(values, node, path, source)
        else:
            setattr(message, field.name, _scalar(field, node, path, source))
        return
    if not isinstance(node, yaml.SequenceNode):
        raise _error(source, node, f"`{path}` must be a list, received {_shown(node)}")
    for index, item in enumerate(node.value):
        item_path = f"{path}[{index}]"
        if field.message_type is not None:
            _fill_message(_added(values), item, item_path, source)
        else:
            values.append(_scalar(field, item, item_path, source))


def _added(values: Any) -> proto_message.Message:
    message: proto_message.Message = values.add()
    return message


def _scalar(field: FieldDescriptor, node: yaml.Node, path: str, source: str) -> Any:
    """The value of a scalar node as the field's type."""
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        names = field.enum_type.values_by_name
        name = str(node.value).upper() if isinstance(node, yaml.ScalarNode) else ""
        if name not in names:
            raise _error(
                source,
                node,
                f"`{path}` must be one of {', '.join(names)}, received {_shown(node)}",
            )
        return names[name].number
    tag = node.tag if isinstance(node, yaml.ScalarNode) else ""
    if kind == FieldDescriptor.CPPTYPE_STRING and tag in (_TAG + "str", _TIME):
        return node.value
    if kind == FieldDescriptor.CPPTYPE_BOOL and tag == _TAG + "bool":
        return yaml.safe_load(node.value)
    if kind in _INTEGERS and tag == _TAG + "int":
        value = int(yaml.safe_load(node.value))
        if abs(value) < 2**63:
            return value
    if kind in _FLOATS:
        number = _float(node.value) if tag.startswith(_TAG) else None
        if number is not None and math.isfinite(number):
            return number
    wanted = {
        FieldDescriptor.CPPTYPE_STRING: "text (put it in quotes)",
        FieldDescriptor.CPPTYPE_BOOL: "true or false",
    }.get(kind, "a whole number" if kind in _INTEGERS else "a number")
    raise _error(source, node, f"`{path}` must be {wanted}, received {_shown(node)}")


# Unquoted dates are text to us: the log decides how moments are written.
_TIME = _TAG + "timestamp"


def _float(text: str) -> float | None:
    # YAML 1.1 takes 1e-3 for text; a user means a number.
    try:
        return float(text)
    except ValueError:
        return None


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _TAG + "null"


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        quoted = node.tag == _TAG + "str"
        return f"{node.value!r}" if quoted else str(node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"


def _error(source: str, node: yaml.Node, text: str) -> ConfigError:
    end = "" if text.endswith(".") else "."
    return ConfigError(f"{source}:{node.start_mark.line + 1}: {text}{end}")


def _check_required(message: proto_message.Message, source: str) -> None:
    # The stubs do not know it.
    for name in message.FindInitializationErrors():  # type: ignore[attr-defined]
        raise ConfigError(f"{source}: `{name}` is missing.")
