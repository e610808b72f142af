"""Smaller ONNX files of a student: weights stored in float16, and convolutions in int8."""

import logging
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat, quantize_static

from aml.search.student import INPUT

WHITENING = "whitening_projection"  # as `aml.search.network_file.Describer` names it


def store_in_float16(source: Path, target: Path) -> None:
    """Write `source` with float16 weights of its convolutions and a float16 projection of the whitening.

    They are cast when the file is opened, so that it computes in float32 on every machine and needs half the bytes.
    """
    model = onnx.load(source)
    graph, casts = model.graph, []
    weights = {node.input[1] for node in graph.node if node.op_type == "Conv"} | {WHITENING}
    for tensor in graph.initializer:
        if tensor.name in weights and tensor.data_type == TensorProto.FLOAT:
            name, stored = tensor.name, f"{tensor.name}.float16"
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), stored))
            casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, target)


def quantise(source: Path, target: Path, images: Iterable[np.ndarray]) -> None:
    """Write `source` with convolutions of 8-bit integers (onnxruntime's static quantisation).

    Weights are quantised by channel, activations by the least and the largest value that occurs for `images` `(1, 3, H,
    W)` uint8. Pooling, whitening and normalisation stay as they are, but the whitening's projection is stored in
    float16.
    """
    logging.getLogger().setLevel(logging.ERROR)  # it advises to merge BatchNorm first, which `folded` has done
    inputs = ({INPUT: image} for image in images)
    quantize_static(
        source,
        target,
        SimpleNamespace(get_next=lambda: next(inputs, None)),  # a CalibrationDataReader
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        per_channel=True,
    )
    store_in_float16(target, target)
