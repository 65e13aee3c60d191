"""Which operations a TFLite model has, read from its flatbuffer."""

from __future__ import annotations

from tensorflow.lite.python import schema_py_generated as schema

_NAMES = {
    code: name
    for name, code in vars(schema.BuiltinOperator).items()
    if isinstance(code, int)
}


def operators(model: bytes) -> list[str]:
    """Names of the operations: "GATHER"; of custom ones "CUSTOM(FlexErf)".

    Args:
      model: Content of a `.tflite` file.
    """
    root = schema.Model.GetRootAsModel(model, 0)
    names = set()
    for number in range(root.OperatorCodesLength()):
        code = root.OperatorCodes(number)
        # Codes up to 127 stand in the old field too, which alone old converters fill.
        name = _NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        custom = code.CustomCode()
        names.add(f"CUSTOM({custom.decode()})" if custom else name)
    return sorted(names)


def not_built_in(model: bytes) -> list[str]:
    """Operations that plain TFLite runtimes do not have: Flex's and others' own.

    Args:
      model: Content of a `.tflite` file.
    """
    return [name for name in operators(model) if name.startswith("CUSTOM")]
