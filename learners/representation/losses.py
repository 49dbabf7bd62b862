"""Losses of the representation: pure functions of tensors, each a scalar to minimise.

Legend: N windows, V = 2 views of each (two maskings; the rows of the second follow those of the first), L time
steps, X numbers per time step, Z code.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from potstill.learners.representation.config import Negatives, Positives
from potstill.learners.representation.masking import MaskedWindows
from potstill.policies.trajectory_transformer import TransformerOutput
from potstill.policies.window_tensors import WindowTensors

#: In place of minus infinity, whose gradient would be NaN where a row has nothing else.
_NEVER = -1e9


def reconstruction_loss(
    output: TransformerOutput, target: WindowTensors, masked: MaskedWindows
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean squared error where something was chosen to be hidden: states + actions + rewards, summed over views.

    Each mean is over one view's chosen positions and their dimensions; a view without any counts 0.

    Args:
        output: Of the 2N masked windows.
        target: The same 2N windows, normalised and unmasked.
        masked: What was shown, and where to look.
    """
    parts = {
        "states": _error_where(masked.states, output.states, target.states),
        "actions": _error_where(masked.actions, output.actions, target.actions),
        "rewards": _error_where(masked.rewards, output.rewards[..., None], target.rewards[..., None]),
    }
    return torch.stack(list(parts.values())).sum(), {name: part.detach() for name, part in parts.items()}


def contrastive_loss(
    first_NZ: Tensor,
    second_NZ: Tensor,
    label_N: Tensor,
    *,
    temperature: float,
    negatives: Negatives,
    positives: Positives,
) -> Tensor:
    """Mean over windows i of -log p(j | i), averaged over the positives j of i, with l = cosine / temperature.

    ::

        p(j | i) = exp l_ij / (exp l_ij + sum of exp l_ik over k of other tasks)     negatives "other_tasks"
        p(j | i) = exp l_ij / (sum of exp l_ik over all k)                           negatives "all"

    Positives "window" (j = i, the other view of the same window) make this InfoNCE (van den Oord et al. 2018),
    with or without the same task among the negatives; "task" (all j of i's task) and "all" make it SupCon
    (Khosla et al. 2020). With "other_tasks", a batch of one task says nothing: the loss is 0. ``label_N`` holds the
    tasks, or whatever else shall be told apart.
    """
    cosine_NN = functional.normalize(first_NZ, dim=1) @ functional.normalize(second_NZ, dim=1).T
    logit_NN = cosine_NN / temperature
    same_NN = label_N[:, None] == label_N[None, :]
    if negatives == "all":
        total_NN = logit_NN.logsumexp(dim=1, keepdim=True)
    else:
        rivals_N1 = logit_NN.masked_fill(same_NN, _NEVER).logsumexp(dim=1, keepdim=True)
        total_NN = torch.logaddexp(logit_NN, rivals_N1)
    log_probability_NN = logit_NN - total_NN
    if positives == "window":
        return -log_probability_NN.diagonal().mean()
    return -((log_probability_NN * same_NN).sum(dim=1) / same_NN.sum(dim=1)).mean()


def dynamics_loss(predicted_NLX: Tensor, actual_NLX: Tensor, valid_NL: Tensor) -> Tensor:
    """Mean squared error of predicted next states over the transitions that are not padding; 0 without any."""
    squared_NL = (predicted_NLX - actual_NLX).square().mean(dim=2)
    return (squared_NL * valid_NL).sum() / valid_NL.sum().clamp(min=1)


def decoupling_loss(task_NZ: Tensor, robot_NZ: Tensor) -> Tensor:
    """Mean |cosine| between each window's code of the task and its code of the robot: 0 where they share nothing."""
    return functional.cosine_similarity(task_NZ, robot_NZ, dim=1).abs().mean()


def _error_where(chosen_NL: Tensor, predicted_NLX: Tensor, target_NLX: Tensor) -> Tensor:
    squared_NL = (predicted_NLX - target_NLX).square().mean(dim=2) * chosen_NL
    count_V = chosen_NL.view(2, -1).sum(dim=1).clamp(min=1)
    return (squared_NL.view(2, -1).sum(dim=1) / count_V).sum()
