"""CPU time of a step of EnvPool's own Meta-World, in C++. Needs nothing but numpy and envpool.

``python envpool_step.py ACTIONS.npz``: prints {"version", "steps_us": {task: [per repetition]}}.
"""

import json
import sys
import time

import envpool
import numpy as np

#: Stepped by one thread; several, so that handing over a batch costs little per step.
ENVS = 8
REPETITIONS = 5


def main():
    recorded = np.load(sys.argv[1])
    steps = {task: _measure(task, recorded[task]) for task in recorded.files}
    print(json.dumps({"version": envpool.__version__, "steps_us": steps}))


def _measure(task, actions):
    name = "".join(part.capitalize() for part in task.removesuffix("-v3").split("-"))
    pool = envpool.make_gymnasium(f"MetaWorld/{name}-v3", num_envs=ENVS, num_threads=1, seed=0)
    batches = np.repeat(actions[:, None], ENVS, axis=1)
    durations = []
    for _ in range(REPETITIONS):
        pool.reset()
        started = time.process_time()
        for batch in batches:
            pool.step(batch)
        durations.append(1e6 * (time.process_time() - started) / (len(batches) * ENVS))
    return durations


if __name__ == "__main__":
    main()
