"""One encoder layer computes what the reference layer of torch computes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from potstill.policies.encoder_layer import EncoderLayer


@pytest.fixture
def layer() -> EncoderLayer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return EncoderLayer(8, heads=2, feedforward=16, dropout=0.5).eval()


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(1))


def test_it_equals_the_encoder_layer_of_torch(layer, tokens):
    reference = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).train(False)
    weights = layer.state_dict()
    reference.load_state_dict(
        {
            "self_attn.in_proj_weight": torch.cat([weights["query.weight"], weights["key_value.weight"]]),
            "self_attn.in_proj_bias": torch.cat([weights["query.bias"], weights["key_value.bias"]]),
            "self_attn.out_proj.weight": weights["out.weight"],
            "self_attn.out_proj.bias": weights["out.bias"],
            "linear1.weight": weights["feedforward.0.weight"],
            "linear1.bias": weights["feedforward.0.bias"],
            "linear2.weight": weights["feedforward.2.weight"],
            "linear2.bias": weights["feedforward.2.bias"],
            "norm1.weight": weights["attention_norm.weight"],
            "norm1.bias": weights["attention_norm.bias"],
            "norm2.weight": weights["feedforward_norm.weight"],
            "norm2.bias": weights["feedforward_norm.bias"],
        }
    )
    valid = torch.ones(3, 5, dtype=torch.bool)
    valid[0, :2] = False
    expected = reference(tokens, src_key_padding_mask=~valid)
    torch.testing.assert_close(layer(tokens, tokens, valid)[valid], expected[valid])


def test_a_token_alone_asks_for_the_same_as_among_all(layer, tokens):
    valid = torch.ones(3, 5, dtype=torch.bool)
    together = layer(tokens, tokens, valid)[:, -1:]
    torch.testing.assert_close(layer(tokens[:, -1:], tokens, valid), together)


def test_dropout_acts_in_training_only(layer, tokens):
    valid = torch.ones(3, 5, dtype=torch.bool)
    assert torch.equal(layer(tokens, tokens, valid), layer(tokens, tokens, valid))
    layer.train()
    assert not torch.equal(layer(tokens, tokens, valid), layer(tokens, tokens, valid))
