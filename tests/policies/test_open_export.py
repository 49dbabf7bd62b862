from __future__ import annotations

import pytest

from potstill.experience.errors import ArrayFileError
from potstill.policies.collective_checkpoint import save_collective
from potstill.policies.expert_checkpoint import save_expert
from potstill.policies.open_export import open_export
from potstill.policies.policy_checkpoint import save_policy
from potstill.policies.policy_file import POLICY_FILE


def test_every_kind_of_checkpoint_is_known_by_its_file(
    make_policy, make_collective, make_networks, make_facts, tmp_path
):
    hashes = {
        "pixel student": save_policy(tmp_path / "a", make_policy()),
        "collective policy": save_collective(tmp_path / "b", make_collective()),
        "expert": save_expert(tmp_path / "c", make_networks(), make_facts(), critics="none"),
    }
    for folder, (what, sha256) in zip("abc", hashes.items()):
        module, found = open_export(tmp_path / folder)
        assert (module.facts()["what"], found) == (what, sha256)
        assert not module.training and not any(weight.requires_grad for weight in module.parameters())


def test_a_folder_without_a_policy_and_a_damaged_policy_are_refused(make_policy, tmp_path):
    with pytest.raises(ArrayFileError, match="holds no policy"):
        open_export(tmp_path)
    save_policy(tmp_path, make_policy())
    path = tmp_path / POLICY_FILE
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ArrayFileError, match=POLICY_FILE):
        open_export(tmp_path)
