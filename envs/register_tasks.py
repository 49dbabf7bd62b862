"""All of Meta-World's tasks by name in gymnasium: ``gymnasium.make("potstill.envs.register_tasks:potstill/reach-v3")``.

What stands before the colon makes gymnasium import this module, which registers the tasks.
"""

from __future__ import annotations

import gymnasium

from potstill.envs.task_names import TASK_NAMES


def register_tasks() -> None:
    """Tell gymnasium of ``potstill/TASK`` for every task; once more does nothing.

    ``gymnasium.make`` takes ``robot=`` and ``dynamics=`` of ``MetaWorldEnv``, which ends episodes by itself.
    """
    for task in TASK_NAMES:
        if (name := f"potstill/{task}") not in gymnasium.registry:
            gymnasium.register(
                name, entry_point="potstill.envs.metaworld_env:MetaWorldEnv", kwargs={"task": task}
            )


register_tasks()
