from __future__ import annotations

import numpy as np
import pytest

from potstill.policies.actor_form import ActorForm
from potstill.policies.expert_export import ExpertExport
from potstill.policies.expert_file import ExpertFile
from potstill.policies.expert_policy import ExpertPolicy

FORMS = [ActorForm(), ActorForm(activation="tanh", squash="clip", log_std="clipped", log_std_min=-2.0)]


@pytest.fixture
def make_file(make_facts):
    """A factory of experts with random weights of a form."""

    def make(form):
        rng = np.random.default_rng(0)
        sizes = (39, 32, 16, 8)
        layers = tuple(
            (
                rng.normal(size=(a, b)).astype(np.float32) / np.float32(np.sqrt(a)),
                rng.normal(size=b).astype(np.float32),
            )
            for a, b in zip(sizes, sizes[1:])
        )
        return ExpertFile(layers=layers, form=form, facts=make_facts(), others={})

    return make


@pytest.mark.parametrize("form", FORMS)
def test_it_acts_as_the_expert_does_whatever_trained_it(make_file, form):
    module = ExpertExport(make_file(form))
    inputs = module.examples(np.random.default_rng(1), 50)
    outputs = module.act(inputs)
    mu, log_std = ExpertPolicy(make_file(form), sha256="0" * 64).distribution(inputs["observation"])
    assert np.allclose(outputs["action"], mu, rtol=1e-6, atol=1e-7)
    assert np.allclose(outputs["log_std"], log_std, rtol=1e-6, atol=1e-6)
    assert np.abs(outputs["action"]).max() <= 1.0


def test_it_names_its_world(make_file):
    facts = ExpertExport(make_file(ActorForm())).facts()
    assert (facts["what"], facts["task"], facts["robot"]) == ("expert", "reach-v3", "sawyer")
    assert facts["model_hash"] == "a" * 64 and facts["observation_layout"].startswith("metaworld-39.")
