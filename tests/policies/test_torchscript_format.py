"""Every kind of network as TorchScript: the same numbers for any batch."""

from __future__ import annotations

import pytest

from potstill.policies.export_check import check_export
from potstill.policies.torchscript_format import TorchscriptFormat


@pytest.mark.parametrize("kind", ["student", "eyeless", "code", "joint", "id", "zeros", "expert"])
def test_a_file_acts_as_its_network_did(make_export, kind, tmp_path):
    module = make_export(kind)
    facts = module.facts() | module.interface()
    path = tmp_path / "network.pt"
    path.write_bytes(TorchscriptFormat().encode(module, facts))
    loaded = TorchscriptFormat().load(path)
    check = check_export(module, loaded)
    assert check.passed, check
    assert loaded.facts == facts
