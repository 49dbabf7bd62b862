"""A sweep as its file says it: what stays, what varies, how trials compete."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml

from potstill.launch.configuration import build, override, to_mapping
from potstill.launch.errors import BadInputError
from potstill.launch.expert.config import ExpertConfig
from potstill.launch.expert.recipes import default_expert
from potstill.launch.expert.trials_plan import Metric
from potstill.launch.field_types import shown

#: Distributions of a search space, and what they take.
_DISTRIBUTIONS = {
    "choice": "values",
    "grid": "values, all of them tried",
    "uniform": "[low, high]",
    "loguniform": "[low, high]",
    "randint": "[low, high], high excluded",
}


@dataclass(frozen=True, kw_only=True)
class SweepConfig:
    """How trials are drawn and compared."""

    pipeline: Literal["expert"] = "expert"
    """What a trial trains."""
    samples: int = 8
    """Draws, 1..10000; as many for every combination of ``grid`` values."""
    seed: int = 0
    """Of the draws."""
    scheduler: Literal["asha", "none"] = "none"
    """asha stops trials that fall behind."""
    metric: Metric = "success_rate"
    """By which trials are ranked."""
    mode: Literal["max", "min"] = "max"
    """Which of two values is better."""

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= 10_000:
            raise ValueError(f"samples must be in 1..10000: got {self.samples}")
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed must be in 0..2**31-1: got {self.seed}")


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A checked sweep file."""

    config: SweepConfig
    base: ExpertConfig
    """What every trial shares."""
    space: Mapping[str, tuple[str, tuple[Any, ...]]]
    """By dotted key the name of a distribution and its arguments."""


def read_sweep(file: str) -> Sweep:
    """The sweep of a YAML file, or of the packaged one of that name (``example``).

    Raises:
        BadInputError: not there, not YAML, an unknown key or a wrong value; names the nearest.
    """
    content = _content(file)
    names = ["base", "space", *(field.name for field in fields(SweepConfig))]
    for name in content:
        if name not in names:
            near = difflib.get_close_matches(str(name), names, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise BadInputError(f"{file}: {name}: unknown key{hint}; allowed: {', '.join(names)}")
    config = build(SweepConfig, {key: content[key] for key in content if key not in ("base", "space")})
    base = _base(content.get("base", {}))
    return Sweep(config=config, base=base, space=_space(content.get("space"), base))


def _content(file: str) -> dict[str, Any]:
    packaged = resources.files("potstill.launch.expert").joinpath(f"sweeps/{file}.yaml")
    path = Path(file)
    try:
        text = packaged.read_text() if path.name == file and packaged.is_file() else path.read_text()
        content = yaml.safe_load(text)
    except OSError as error:
        raise BadInputError(f"sweep: cannot read {file}: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInputError(f"sweep: {file} is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise BadInputError(f"sweep: {file}: expected a mapping of settings: got {shown(content)}")
    return content


def _base(given: Any) -> ExpertConfig:
    if not isinstance(given, Mapping):
        raise BadInputError(f"base: expected a mapping of settings: got {shown(given)}")
    # Checked as it stands before it is completed: the task decides what it is completed with.
    own = build(ExpertConfig, {"recipe": "sweep", **given})
    whole = to_mapping(default_expert(own.task, robot=own.robot, seed=own.seed))
    return build(ExpertConfig, _merged(whole, {"recipe": "sweep", **given}))


def _merged(whole: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    nested = {
        key: _merged(whole[key], value) if isinstance(value, Mapping) else value
        for key, value in given.items()
    }
    return {**whole, **nested}


def _space(given: Any, base: ExpertConfig) -> dict[str, tuple[str, tuple[Any, ...]]]:
    if not isinstance(given, Mapping) or not given:
        raise BadInputError(
            "space: say what varies, e.g. {sac.update_ratio: {choice: [0.25, 0.5]}}: got " + shown(given)
        )
    space = {}
    for key, asked in given.items():
        if not isinstance(asked, Mapping) or len(asked) != 1 or next(iter(asked)) not in _DISTRIBUTIONS:
            kinds = ", ".join(f"{name} ({takes})" for name, takes in _DISTRIBUTIONS.items())
            raise BadInputError(f"space: {key}: expected one of {kinds}: got {shown(asked)}")
        name, arguments = next(iter(asked.items()))
        if not isinstance(arguments, list) or not arguments:
            raise BadInputError(f"space: {key}: {name} takes {_DISTRIBUTIONS[name]}: got {shown(arguments)}")
        # Every value, or bound, must be one that the setting takes.
        bounds = arguments[:1] if name == "randint" else arguments
        for value in bounds:
            override(base, [f"{key}={value}"])
        space[str(key)] = (name, tuple(_number(value) for value in arguments))
    return space


def _number(value: Any) -> Any:
    """YAML 1.1 reads ``1e-4`` as text."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
