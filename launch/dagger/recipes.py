"""The recipes: functions that return one complete typed configuration each."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import yaml

from potstill.actors.rollout_config import RolloutConfig
from potstill.envs.rendering.render_config import RenderConfig
from potstill.launch.configuration import build
from potstill.launch.dagger.config import DaggerConfig, EvaluationConfig, PoolsConfig, TeacherConfig
from potstill.launch.errors import BadInputError
from potstill.learners.bc.config import BcConfig
from potstill.policies.pixel_policy_config import PixelPolicyConfig


def demo() -> DaggerConfig:
    """reach-v3 from two small pictures: about five minutes on two cores."""
    return DaggerConfig(
        recipe="demo",
        task="reach-v3",
        rounds=3,
        bootstrap_rollouts=100,
        rollouts=50,
        rollout=RolloutConfig(max_steps=100),
        policy=PixelPolicyConfig(encoder="nature"),
        learner=BcConfig(gradient_steps=500, batch_size=128),
        evaluation=EvaluationConfig(episodes=50, final_episodes=100, max_steps=100),
    )


def demo_bc() -> DaggerConfig:
    """The control of ``demo``: behaviour cloning on the same number of episodes, all of them the expert's."""
    return replace(demo(), recipe="demo-bc", collection="expert_only")


def demo_sac() -> DaggerConfig:
    """``demo`` with an expert trained by SAC; needs ``--set teacher.expert=DIR``."""
    return replace(demo(), recipe="demo-sac", teacher=TeacherConfig(expert=""))


def smoke() -> DaggerConfig:
    """Everything once, as small as it goes: for tests and for trying out an installation."""
    return DaggerConfig(
        recipe="smoke",
        rounds=1,
        bootstrap_rollouts=4,
        rollouts=2,
        render=RenderConfig(size=32),
        rollout=RolloutConfig(max_steps=20, hold_steps=2, batch=2),
        teacher=TeacherConfig(ladder=(0.5,), ladder_fraction=0.5),
        learner=BcConfig(gradient_steps=20, batch_size=16),
        evaluation=EvaluationConfig(episodes=4, final_episodes=4, max_steps=20),
        pools=PoolsConfig(rollout_workers=1, render_workers=1, learner_threads=1, dashboard=False),
    )


RECIPES: dict[str, Callable[[], DaggerConfig]] = {
    "demo": demo,
    "demo-bc": demo_bc,
    "demo-sac": demo_sac,
    "smoke": smoke,
}


def load_recipe(name_or_path: str) -> DaggerConfig:
    """A recipe by name, or a YAML file as written to ``config.yaml`` of a run.

    Raises:
        BadInputError: neither; names the nearest recipes.
    """
    if name_or_path in RECIPES:
        return RECIPES[name_or_path]()
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        return _load_file(path)
    near = difflib.get_close_matches(name_or_path, RECIPES, n=2, cutoff=0.4)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise BadInputError(
        f"recipe: unknown {name_or_path!r}; known: {', '.join(RECIPES)}, or a .yaml file{hint}"
    )


def _load_file(path: Path) -> DaggerConfig:
    try:
        mapping = yaml.safe_load(path.read_text())
    except OSError as error:
        raise BadInputError(f"recipe: cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInputError(f"recipe: {path} is not YAML: {str(error).splitlines()[0]}") from None
    return build(DaggerConfig, mapping)
