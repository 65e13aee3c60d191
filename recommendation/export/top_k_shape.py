"""Keeps TensorFlow's fast TFLite kernels in a model with a batch signature."""

from __future__ import annotations

from tensorflow.lite.python import schema_py_generated as schema


def settle_top_k(model: bytes) -> bytes:
    """Declares the shape that top-k operations read static.

    Where it is declared to vary with the batch, TFLite's TOPK_V2 (`topk_v2.cc`) makes
    its outputs dynamic, and one dynamic tensor in any signature makes TensorFlow 2.16's
    interpreter give up XNNPACK in all of them: LSTM and GRU then take a third longer.
    Nothing is lost: shapes follow from the inputs', which stay as they are.

    Args:
      model: Content of a `.tflite` file.

    Returns:
      The same with the shapes changed in place.
    """
    content = bytearray(model)
    root = schema.Model.GetRootAsModel(content, 0)
    for number in range(root.SubgraphsLength()):
        graph = root.Subgraphs(number)
        for place in range(graph.OperatorsLength()):
            operator = graph.Operators(place)
            code = root.OperatorCodes(operator.OpcodeIndex())
            if code.BuiltinCode() != schema.BuiltinOperator.TOPK_V2:
                continue
            scores = graph.Tensors(operator.Inputs(0))
            if scores.ShapeSignatureLength():
                # A view of the content.
                scores.ShapeSignatureAsNumpy()[:] = scores.ShapeAsNumpy()
    return bytes(content)
