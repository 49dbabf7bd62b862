"""Every kind of network as ONNX: the same numbers for any batch, without torch."""

from __future__ import annotations

import onnx
import pytest

from potstill.policies.export_check import check_export
from potstill.policies.onnx_format import OnnxFormat

FACTS = {"what": "a test", "tasks": ["ä", "b"], "n": 1}


@pytest.mark.parametrize("kind", ["student", "eyeless", "code", "id", "zeros", "expert"])
def test_a_file_acts_as_its_network_did_and_is_whole_by_itself(make_export, kind, tmp_path, capsys):
    module = make_export(kind)
    path = tmp_path / "alone" / "network.onnx"
    path.parent.mkdir()
    path.write_bytes(OnnxFormat().encode(module, FACTS))
    loaded = OnnxFormat().load(path)
    check = check_export(module, loaded)
    assert check.passed, check
    assert loaded.facts == FACTS
    assert capsys.readouterr().out == ""
    graph = onnx.load(path, load_external_data=False).graph
    assert not any(weight.external_data for weight in graph.initializer)
    interface = module.interface()
    assert {tensor.name for tensor in graph.input} == set(interface["inputs"])
    assert [tensor.name for tensor in graph.output] == interface["outputs"]
    for tensor in (*graph.input, *graph.output):
        assert tensor.type.tensor_type.shape.dim[0].dim_param == "batch"
