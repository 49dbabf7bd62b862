"""What the learner draws its minibatches from: own decisions, and demonstrations beside them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from pyarrow.fs import FileSystem, LocalFileSystem
from ray.rllib.utils.checkpoints import Checkpointable

from potstill.experience.replay_buffer import ReplayBuffer
from potstill.experience.rollout_fragment import RolloutFragment
from potstill.learners.sac.config import SacConfig

#: Separates the choice of minibatches from every other use of the run's seed.
_MINIBATCH_STREAM = 0xBA7C
_FILE_NAME = "replay.safetensors"


class ReplayMemory(Checkpointable):
    """A replay buffer, one more for demonstrations, and the generator that draws from both.

    Checkpoints are a safetensors file: they are the only large part of an expert's state.

    Args:
        sac: Capacities, shares and ``reward_scale``, by which rewards are multiplied as they come in.
        observation_size: S.
        action_size: A.
        run_seed: Decides which transitions are drawn.
        advice_size: D, numbers of advice kept with every transition, 0 = none.
    """

    def __init__(
        self, sac: SacConfig, observation_size: int, action_size: int, *, run_seed: int, advice_size: int = 0
    ) -> None:
        self._arguments = (
            (sac, observation_size, action_size),
            {"run_seed": run_seed, "advice_size": advice_size},
        )
        self._sac = sac
        decisions = -(-sac.max_steps // sac.action_repeat)
        self._replay, self._demonstrations = (
            ReplayBuffer(capacity, observation_size, action_size, advice_size=advice_size)
            for capacity in (sac.replay_capacity, max(1, sac.demo_episodes * decisions))
        )
        self._rng = np.random.default_rng((run_seed, _MINIBATCH_STREAM))

    @property
    def lacks_demonstrations(self) -> bool:
        """They are wanted and not there yet."""
        return self._sac.demo_episodes > 0 and self._demonstrations.size == 0

    def add(self, fragment: RolloutFragment, advice: np.ndarray | None = None) -> None:
        """Keep own decisions, and the advice (T, N, D) on them."""
        self._replay.add(self._scaled(fragment), advice)

    def add_demonstration(self, fragment: RolloutFragment, advice: np.ndarray | None = None) -> None:
        """Keep a demonstration; it is never overwritten."""
        self._demonstrations.add(self._scaled(fragment), advice)

    def minibatches(self, count: int) -> dict[str, np.ndarray]:
        """Arrays (count, B, ...) float32 by name; the first rows of every minibatch are the demonstrations."""
        size = self._sac.batch_size
        shown = round(size * self._sac.demo_fraction) if self._demonstrations.size else 0
        parts = []
        for buffer, rows in ((self._demonstrations, shown), (self._replay, size - shown)):
            if rows:
                drawn = buffer.sample(count * rows, self._rng)
                parts.append({k: v.reshape(count, rows, *v.shape[1:]) for k, v in drawn.items()})
        return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}

    def get_state(self, components: Any = None, **_: Any) -> dict[str, np.ndarray]:
        """Everything, as arrays."""
        rng = json.dumps(self._rng.bit_generator.state).encode()
        return {
            **{f"replay.{name}": array for name, array in self._replay.get_state().items()},
            **{f"demonstrations.{name}": array for name, array in self._demonstrations.get_state().items()},
            "rng": np.frombuffer(rng, np.uint8),
        }

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """The inverse of ``get_state``.

        Raises:
            ValueError: the state does not fit into these buffers.
        """
        for name, buffer in (("replay", self._replay), ("demonstrations", self._demonstrations)):
            buffer.set_state({key: state[f"{name}.{key}"] for key in ("rows", "next")})
        self._rng.bit_generator.state = json.loads(state["rng"].tobytes())

    def get_ctor_args_and_kwargs(self) -> tuple[tuple, dict[str, Any]]:
        """For RLlib."""
        return self._arguments

    def save_to_path(
        self,
        path: str | Path | None = None,
        *,
        state: dict[str, np.ndarray] | None = None,
        filesystem: FileSystem | None = None,
        use_msgpack: bool = False,
    ) -> str:
        """Write ``replay.safetensors`` into the folder ``path``, else a new one; in one format, whatever is asked."""
        path = path or tempfile.mkdtemp()
        filesystem = filesystem or LocalFileSystem()
        filesystem.create_dir(str(path), recursive=True)
        with filesystem.open_output_stream(str(Path(path) / _FILE_NAME)) as file:
            file.write(safetensors.numpy.save(state or self.get_state()))
        return str(path)

    def restore_from_path(self, path: str | Path, *, filesystem: FileSystem | None = None, **_: Any) -> None:
        """Read what ``save_to_path`` wrote.

        Raises:
            ValueError: it does not fit into these buffers.
        """
        with (filesystem or LocalFileSystem()).open_input_file(str(Path(path) / _FILE_NAME)) as file:
            self.set_state(safetensors.numpy.load(file.read()))

    def _scaled(self, fragment: RolloutFragment) -> RolloutFragment:
        return replace(fragment, reward=fragment.reward * np.float32(self._sac.reward_scale))
