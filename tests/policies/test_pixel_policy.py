"""The network turns any legal observation into a legal action, and looks where it should."""

from __future__ import annotations

import pytest
import torch

from potstill.policies.pixel_policy_config import PixelPolicyConfig


def observation(policy, batch=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape, stack = policy.shape, policy.config.frame_stack
    size = (batch, stack, shape.cameras, shape.height, shape.width, 3)
    frames = torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)
    return frames, torch.randn(batch, stack, shape.proprio, generator=generator)


@pytest.mark.parametrize("encoder", ["patch", "nature", "drq", "none"])
@pytest.mark.parametrize(("head", "stack", "cameras"), [("deterministic", 1, 2), ("gaussian", 3, 1)])
def test_every_encoder_and_head_gives_bounded_actions(make_policy, encoder, head, stack, cameras):
    policy = make_policy(size=40, encoder=encoder, head=head, frame_stack=stack, cameras=cameras)
    output = policy(*observation(policy))
    assert output.mean.shape == (5, 3) and output.mean.dtype == torch.float32
    assert output.mean.abs().max() <= 1
    assert (output.log_std is None) == (head == "deterministic")
    if output.log_std is not None:
        assert output.log_std.shape == (5, 3)
        assert -5 <= output.log_std.min() and output.log_std.max() <= 1


def test_every_camera_and_every_frame_of_the_stack_matters(make_policy):
    policy = make_policy(frame_stack=2)
    frames, proprio = observation(policy)
    before = policy(frames, proprio).mean
    for camera in range(2):
        for age in range(2):
            changed = frames.clone()
            changed[:, age, camera] = 255 - changed[:, age, camera]
            assert not torch.allclose(policy(changed, proprio).mean, before, atol=1e-4)


def test_without_an_encoder_pictures_do_not_matter(make_policy):
    policy = make_policy(encoder="none")
    frames, proprio = observation(policy)
    assert torch.equal(policy(frames, proprio).mean, policy(255 - frames, proprio).mean)


def test_one_pixel_of_movement_changes_the_features(make_policy):
    """Positions survive the encoder: a marker one pixel further is another observation."""
    policy = make_policy(size=64)
    frames = torch.zeros(1, 1, 2, 64, 64, 3, dtype=torch.uint8)
    frames[..., 20:23, 20:23, :] = 255
    moved = frames.roll(1, dims=4)
    proprio = torch.zeros(1, 1, 4)
    assert not torch.allclose(policy(frames, proprio).mean, policy(moved, proprio).mean, atol=1e-5)


def test_the_normaliser_scales_proprioception_and_leaves_constants_alone(make_policy):
    policy = make_policy(encoder="none")
    plain = policy(*observation(policy)).mean
    policy.set_normaliser(torch.tensor([1.0, 0.0, 0.0, 0.0]), torch.tensor([2.0, 1.0, 1.0, 0.0]))
    frames, proprio = observation(policy)
    undone = proprio * torch.tensor([2.0, 1, 1, 1]) + torch.tensor([1.0, 0, 0, 0])
    assert torch.allclose(policy(frames, undone).mean, plain, atol=1e-5)


def test_pictures_too_small_for_the_encoder_are_refused(make_policy):
    with pytest.raises(ValueError, match="'nature' needs larger pictures than 16 x 16"):
        make_policy(size=16, encoder="nature")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("encoder", "vit"), ("frame_stack", 0), ("frame_stack", 17), ("channels", 1), ("features", 0),
        ("hidden", ()), ("hidden", (1,)), ("head", "mixture"),
    ],
)  # fmt: skip
def test_a_bad_choice_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name} must .*got"):
        PixelPolicyConfig(**{name: value})
