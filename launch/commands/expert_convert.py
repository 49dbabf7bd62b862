"""``potstill expert convert``: an RLlib checkpoint becomes an expert, on explicit trust."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from potstill.envs.robots.robot_names import check_robot_name
from potstill.envs.task_names import check_task_name
from potstill.launch.errors import BadInputError
from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.expert_file import EXPERT_FILE, ExpertFile

if TYPE_CHECKING:
    from potstill.envs.task_simulation import TaskSimulation
    from potstill.learners.rllib_checkpoint import RllibCheckpoint


def run(arguments: Namespace) -> int:
    """Write ``--out/expert.safetensors``; nothing is read before it was said that the checkpoint is trusted."""
    folder, out = Path(arguments.rllib_dir), Path(arguments.out)
    if not folder.is_dir():
        raise BadInputError(f"expert convert: {folder}: no such folder")
    if (out / EXPERT_FILE).exists():
        raise BadInputError(f"--out {out}: already holds an expert; choose another folder")
    if not arguments.trust_pickle:
        raise BadInputError(
            f"expert convert: {folder} holds pickles, and loading them runs whatever program their writer put into "
            "them; if you trust where they come from, add --trust-pickle"
        )
    _check_names(arguments)
    # Ray and torch take seconds to import.
    from potstill.learners.rllib_checkpoint import RllibCheckpoint

    try:
        checkpoint = RllibCheckpoint.read(folder, trust_pickle=True)
    except ValueError as error:
        raise BadInputError(f"expert convert: {folder}: {error}") from None
    sha256 = _write(checkpoint, _simulation(checkpoint, arguments), out)
    print(f"expert   {out} (version {sha256[:12]}, from {checkpoint.module_class}); check it with:")
    print(f"         potstill expert evaluate {out}")
    return 0


def _check_names(arguments: Namespace) -> None:
    try:
        if arguments.task is not None:
            check_task_name(arguments.task)
        if arguments.robot is not None:
            check_robot_name(arguments.robot)
    except ValueError as error:
        raise BadInputError(f"expert convert: {error}") from None


def _simulation(checkpoint: RllibCheckpoint, arguments: Namespace) -> TaskSimulation:
    """The world it was trained in: our own SAC knows it, of others it must be said."""
    from potstill.envs.task_simulation import TaskSimulation

    known = checkpoint.settings
    if known is None and arguments.task is None:
        raise BadInputError(
            f"expert convert: {arguments.rllib_dir} does not say what it was trained for; add --task TASK"
        )
    for name in ("task", "robot"):
        given = getattr(arguments, name)
        if known is not None and given not in (None, getattr(known, name)):
            raise BadInputError(f"--{name} {given}: the checkpoint was trained with {getattr(known, name)}")
    if known is not None:
        return TaskSimulation(known.task, robot=known.robot, dynamics=known.dynamics)
    return TaskSimulation(arguments.task, robot=arguments.robot or "sawyer")


def _write(checkpoint: RllibCheckpoint, simulation: TaskSimulation, out: Path) -> str:
    known, networks = checkpoint.settings, checkpoint.networks
    hidden = networks.hidden if networks else tuple(bias.size for _, bias in checkpoint.layers[:-1])
    facts = ExpertFacts(
        task=simulation.task,
        robot=simulation.robot,
        model_hash=simulation.model_hash,
        seed=known.run_seed if known else 0,
        env_steps=0,
        decisions=0,
        success_rate=0.0,
        eval_episodes=0,
        kind="final",
        trained_with=f"rllib {checkpoint.module_class}",
        hidden=hidden,
    )
    if known:
        sac = known.sac
        facts = replace(
            facts, action_repeat=sac.action_repeat, discount=sac.discount, reward_scale=sac.reward_scale
        )
    try:
        if networks is not None:
            from potstill.policies.expert_checkpoint import save_expert

            return save_expert(out, networks, facts)
        return ExpertFile(layers=checkpoint.layers, form=checkpoint.form, facts=facts, others={}).write(out)
    except ValueError as error:
        raise BadInputError(f"expert convert: {error}") from None
