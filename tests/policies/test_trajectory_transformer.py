"""What the transformer sees, what it does not, and in which order."""

from __future__ import annotations

import pytest
import torch

from potstill.policies.window_tensors import WindowTensors


def test_there_are_as_many_tokens_as_the_layout_says(make_transformer, make_windows):
    transformer, windows = make_transformer(window=5), make_windows(3, 5)
    tokens, valid = transformer._embed(windows)
    assert tokens.shape == (3, 3 * 5 - 1, 8)
    assert valid.shape == (3, 3 * 5 - 1)


def test_everything_has_the_shape_that_is_promised(make_transformer, make_windows):
    output = make_transformer(window=5, code_size=6)(make_windows(3, 5))
    assert output.states.shape == (3, 5, 4)
    assert output.actions.shape == (3, 4, 2)
    assert output.rewards.shape == (3, 4)
    assert output.code.shape == (3, 6)
    assert output.state_embedding.shape == (3, 8)


def test_a_code_is_the_same_with_and_without_reconstruction(make_transformer, make_windows):
    transformer, windows = make_transformer(window=5), make_windows(16, 5, padding=True)
    transformer.set_normaliser(torch.ones(4), torch.full((4,), 2.0), torch.tensor(3.0), torch.tensor(0.5))
    expected = transformer(transformer.normalise(windows)).code
    torch.testing.assert_close(transformer.encode(windows), expected)


def test_what_stands_in_the_padding_does_not_matter(make_transformer, make_windows):
    transformer, windows = make_transformer(window=5), make_windows(16, 5, padding=True)
    hidden = ~windows.valid
    assert hidden.any()
    other = WindowTensors(
        windows.states.masked_fill(hidden[..., None], 7.0),
        windows.actions.masked_fill(~windows.valid_transitions[..., None], 7.0),
        windows.rewards.masked_fill(~windows.valid_transitions, 7.0),
        windows.valid,
    )
    assert torch.equal(transformer.encode(other), transformer.encode(windows))
    # Not by the normaliser's zeroing alone: attention itself leaves padding out.
    raw, again = transformer(other), transformer(windows)
    assert torch.equal(raw.code, again.code)
    assert torch.equal(raw.state_embedding, again.state_embedding)


@pytest.mark.parametrize("name", ["states", "actions", "rewards"])
def test_every_valid_time_step_of_every_kind_reaches_the_code(make_transformer, make_windows, name):
    transformer, windows = make_transformer(window=5), make_windows(1, 5)
    value = getattr(windows, name).requires_grad_()
    transformer.encode(windows._replace(**{name: value})).sum().backward()
    per_step = value.grad[0].abs().reshape(value.shape[1], -1).sum(dim=1)
    assert (per_step > 0.0).all()


def test_the_order_of_time_steps_matters(make_transformer, make_windows):
    transformer, windows = make_transformer(window=5), make_windows(1, 5)
    backwards = WindowTensors(*(tensor.flip(1) for tensor in windows))
    assert not torch.allclose(transformer.encode(windows), transformer.encode(backwards), atol=1e-3)


def test_a_reconstruction_comes_from_its_own_token(make_transformer, make_windows):
    """Without layers in between, each output depends on the input of its kind and time step alone."""
    transformer, windows = make_transformer(window=4), make_windows(1, 4)
    transformer.layers = torch.nn.ModuleList()
    changed = windows._replace(actions=windows.actions.clone(), rewards=windows.rewards.clone())
    changed.actions[0, 1] += 1.0
    changed.rewards[0, 2] += 1.0
    before, after = transformer(windows), transformer(changed)
    assert torch.equal(before.states, after.states)
    assert (before.actions != after.actions).any(dim=2).tolist() == [[False, True, False]]
    assert (before.rewards != after.rewards).tolist() == [[False, False, True]]


def test_the_normaliser_gives_zero_mean_and_unit_variance_and_blanks_padding(make_transformer, make_windows):
    transformer, windows = make_transformer(window=5), make_windows(64, 5, padding=True)
    values, rewards = windows.states[windows.valid], windows.rewards[windows.valid_transitions]
    transformer.set_normaliser(values.mean(0), values.std(0), rewards.mean(), rewards.std())
    normalised = transformer.normalise(windows)
    shown = normalised.states[windows.valid]
    torch.testing.assert_close(shown.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(shown.std(0), torch.ones(4))
    assert (normalised.states[~windows.valid] == 0.0).all()
    assert (normalised.rewards[~windows.valid_transitions] == 0.0).all()
    assert torch.equal(
        normalised.actions[windows.valid_transitions], windows.actions[windows.valid_transitions]
    )


def test_a_constant_is_left_unscaled_and_an_outlier_is_cut(make_transformer, make_windows):
    transformer, windows = make_transformer(window=5), make_windows(1, 5)
    transformer.set_normaliser(
        torch.zeros(4), torch.tensor([0.0, 1e-3, 1.0, 1.0]), torch.zeros(()), torch.zeros(())
    )
    normalised = transformer.normalise(windows)
    assert torch.equal(normalised.states[..., 0], windows.states[..., 0])
    assert torch.equal(normalised.rewards, windows.rewards)
    assert normalised.states.abs().max() == 10.0


def test_a_window_of_another_length_is_refused(make_transformer, make_windows):
    with pytest.raises(ValueError, match="windows must hold 5 states: got 6"):
        make_transformer(window=5).encode(make_windows(1, 6))
