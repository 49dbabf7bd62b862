"""Dynamics variants: the same arm, heavier or lighter, with more or less friction."""

from __future__ import annotations

import mujoco
import numpy as np

from potstill.envs.dynamics_config import DynamicsConfig


def apply_dynamics(model: mujoco.MjModel, dynamics: DynamicsConfig) -> None:
    """Scale the masses, inertias, joint damping and armature of the arm, in place.

    The arm is what stands on the base and moves, without the hand: that is the same for every robot. Objects,
    table and noise are not touched. A model with all scales 1 keeps every bit.
    """
    scales = (dynamics.mass_scale, dynamics.damping_scale, dynamics.armature_scale)
    if scales == (1.0, 1.0, 1.0):
        return
    links = _links(model)
    model.body_mass[links] *= dynamics.mass_scale
    model.body_inertia[links] *= dynamics.mass_scale
    hinges = np.isin(model.dof_bodyid, links)
    model.dof_damping[hinges] *= dynamics.damping_scale
    model.dof_armature[hinges] *= dynamics.armature_scale
    mujoco.mj_setConst(model, mujoco.MjData(model))


def _links(model: mujoco.MjModel) -> np.ndarray:
    """Ids of the bodies of the arm that move."""
    hand = model.body("hand").id
    first = hand
    while model.body_weldid[model.body_parentid[first]] != 0:  # up to the first body that moves
        first = model.body_parentid[first]
    arm = _subtree(model, first) - _subtree(model, hand)
    return np.array(sorted(arm))


def _subtree(model: mujoco.MjModel, root: int) -> set[int]:
    members = {int(root)}
    for body in range(root + 1, model.nbody):  # parents come before their children
        if int(model.body_parentid[body]) in members:
            members.add(body)
    return members
