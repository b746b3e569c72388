"""A quantized layer as an ONNX file: its int8 matrices stay int8, and ONNX Runtime gives the layer's numbers."""

import onnx
import pytest
import torch
from torch import nn

import keepgate
import keepgate.onnx
from tests.onnx.configurations import run_file
from tests.oracles import flat

pytestmark = pytest.mark.usefixtures("as_users_run")


@pytest.mark.parametrize("weights", ["int8", "bfloat16"])
def test_a_quantized_layer_is_dequantized_in_the_file(weights, tmp_path):
    layer = keepgate.LSTM(30, 40, 2).eval()
    wide = keepgate.onnx.export(layer, tmp_path / "wide.onnx", torch.randn(5, 2, 30))
    keepgate.quantize(layer, weights)
    report = keepgate.onnx.export(layer, tmp_path / "a.onnx", torch.randn(5, 2, 30))
    assert report.operators == {"LSTM": 2}
    call = {"input": torch.randn(9, 4, 30)}
    with torch.no_grad():
        expected = flat(layer(**call))
    for ours, theirs in zip(run_file(report.file, layer, call), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    if weights == "int8":
        assert report.size < wide.size * 0.4
        assert {node.op_type for node in onnx.load(report.file).graph.node} >= {"DequantizeLinear", "LSTM"}
    model = nn.Sequential(layer, Output(), nn.Linear(40, 3)).eval()
    whole = keepgate.onnx.export(model, tmp_path / "whole.onnx", torch.randn(5, 2, 30))
    assert whole.difference < 1e-5


class Output(nn.Module):
    """The output alone."""

    def forward(self, result):
        return result[0]
