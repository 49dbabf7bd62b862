"""One environment step against stock Meta-World, against bare physics and against EnvPool, on MT10.

``env_vs_stock``: CPU time of a stock step over that of ours, the ten tasks together; both take the same recorded
actions in the same episode, in turns, in one process, and must return the same bits. ``raw_share``: CPU time of
five bare ``mj_step`` on Meta-World's own model, with the recorded controls of those very steps, over a step of
ours (stock Meta-World: ``stock_raw_share``). ``envpool_vs_ours``: CPU time of a step of EnvPool's Meta-World (C++,
one thread, 8 environments per batch; its own goals, MuJoCo 3.6 and Meta-World 3.0.0) over ours; it runs in a
process of its own, for which ``--peer`` names a Python that has envpool. CPU time is what a core has to spend,
whoever else is on the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import mujoco
import numpy as np
from measurement import print_measurement

from potstill.envs.robots.build_task import build_task
from potstill.envs.task_names import MT10
from potstill.envs.task_simulation import TaskSimulation
from potstill.envs.teachers import OracleTeacher

SEED = 1
NOISE = 0.3
PEER_SCRIPT = Path(__file__).parent / "peers" / "envpool_step.py"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter episodes, under a minute")
    parser.add_argument("--peer", default=sys.executable, help="a Python that has envpool")
    options = parser.parse_args()
    steps, repetitions = (60, 3) if options.quick else (200, 7)
    print_measurement("env_step", *measure_env_step(MT10, steps, repetitions, peer=options.peer))


def measure_env_step(tasks, steps, repetitions, *, peer=sys.executable):
    """Figures and ratios of ``print_measurement``; for other benchmarks, too."""
    recordings = {task: _Recording(task, steps) for task in tasks}
    rounds = [{task: recordings[task].round_us() for task in tasks} for _ in range(repetitions)]
    table = {
        task: {side: statistics.median(one[task][side] for one in rounds) for side in rounds[0][task]}
        for task in tasks
    }
    for task, row in table.items():
        own = [one[task]["stock"] / one[task]["ours"] for one in rounds]
        row |= {"vs_stock": statistics.median(own), "vs_stock_range": [min(own), max(own)]}
    together = [{side: _mean(one, side) for side in ("stock", "ours", "raw")} for one in rounds]
    vs_stock = [one["stock"] / one["ours"] for one in together]
    figures = {
        "cpu_us_per_step": table,
        "env_vs_stock_range": [min(vs_stock), max(vs_stock)],
        "steps": steps,
        "repetitions": repetitions,
        "bit_identical": all(recording.identical for recording in recordings.values()),
    }
    ratios = {
        "env_vs_stock": statistics.median(vs_stock),
        "raw_share": statistics.median(one["raw"] / one["ours"] for one in together),
        "stock_raw_share": statistics.median(one["raw"] / one["stock"] for one in together),
        "reset_vs_stock": statistics.median(
            _mean(one, "stock_reset") / _mean(one, "ours_reset") for one in rounds
        ),
    }
    _compare_with_envpool(recordings, rounds, peer, figures, ratios)
    return figures, ratios


def _mean(one_round, side):
    return statistics.fmean(row[side] for row in one_round.values())


class _Recording:
    """One episode of one task, to be played again on every side."""

    def __init__(self, task, steps):
        self.ours = TaskSimulation(task)
        with mock.patch("potstill.envs.task_simulation.accelerate", lambda *_: False):
            self.stock = TaskSimulation(task)
        self.raw_model = build_task(task, "sawyer").model
        self.raw_data = mujoco.MjData(self.raw_model)
        self.identical = True
        self.fresh_seed = SEED
        self._record(OracleTeacher(task), steps)

    def _record(self, oracle, steps):
        rng, observation = np.random.default_rng(SEED), self.ours.reset(SEED)
        self.actions, self.controls = np.empty((steps, 4), np.float32), []
        whole = mujoco.mjtState.mjSTATE_INTEGRATION
        self.start = np.empty(mujoco.mj_stateSize(self.ours.model, whole))
        mujoco.mj_getState(self.ours.model, self.ours.data, self.start, whole)
        self.raw_model.body_pos[:] = self.ours.model.body_pos  # where this episode puts its objects
        for index in range(steps):
            action = oracle.act(observation) + rng.normal(0.0, NOISE, 4)
            self.actions[index] = np.clip(action, -1.0, 1.0)
            observation = self.ours.step(self.actions[index])[0]
            self.controls.append((self.ours.data.mocap_pos.copy(), self.ours.data.ctrl.copy()))
        self.last_qpos = self.ours.data.qpos.copy()

    def round_us(self):
        """Each side once, microseconds of CPU time per step and per reset."""
        self.fresh_seed += 1
        stock, stock_reset, theirs = self._play(self.stock)
        ours, ours_reset, own = self._play(self.ours)
        self.identical = self.identical and own == theirs
        return {
            "stock": stock,
            "ours": ours,
            "raw": self._play_raw(),
            "stock_reset": stock_reset,
            "ours_reset": ours_reset,
        }

    def _play(self, simulation):
        started = time.process_time()
        simulation.reset(self.fresh_seed)  # an episode that it has not seen
        reset_us = 1e6 * (time.process_time() - started)
        simulation.reset(SEED)
        begun = time.process_time()
        results = [simulation.step(action) for action in self.actions]
        step_us = 1e6 * (time.process_time() - begun) / len(results)
        bits = [(observation.tobytes(), reward, info) for observation, reward, info in results]
        return step_us, reset_us, bits

    def _play_raw(self):
        model, data = self.raw_model, self.raw_data
        mujoco.mj_resetData(model, data)
        mujoco.mj_setState(model, data, self.start, mujoco.mjtState.mjSTATE_INTEGRATION)
        position, rotation, ctrl = data.mocap_pos, data.mocap_quat, data.ctrl
        rotation[:] = (1.0, 0.0, 1.0, 0.0)
        started = time.process_time()
        for mocap, control in self.controls:
            position[:], ctrl[:] = mocap, control
            mujoco.mj_step(model, data, nstep=5)
        duration = 1e6 * (time.process_time() - started) / len(self.controls)
        if not np.allclose(data.qpos, self.last_qpos, atol=0.02):
            raise RuntimeError("the bare physics went another way than the recorded episode")
        return duration


def _compare_with_envpool(recordings, rounds, peer, figures, ratios):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "actions.npz"
        np.savez(path, **{task: recording.actions for task, recording in recordings.items()})
        command = [peer, str(PEER_SCRIPT), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        figures["envpool"] = f"not measured: {done.stderr.strip().splitlines()[-1]}"
        return
    reply = json.loads(done.stdout.splitlines()[-1])
    steps_us = {task: statistics.median(durations) for task, durations in reply["steps_us"].items()}
    figures["envpool"] = {"version": reply["version"], "mujoco": "3.6", "cpu_us_per_step": steps_us}
    ours = statistics.median(_mean(one, "ours") for one in rounds)
    ratios["envpool_vs_ours"] = statistics.fmean(steps_us.values()) / ours


if __name__ == "__main__":
    main()
