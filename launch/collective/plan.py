"""What a collective run would do, before it does it: tasks, disk and time."""

from __future__ import annotations

from potstill.launch.collective.config import CollectiveConfig
from potstill.launch.reporting.counted import counted

#: Measured on two 2.5 GHz cores (docs/results/collective.md); other machines scale them.
ACTED_STEPS_PER_SECOND = 2000.0
EVALUATED_STEPS_PER_SECOND = 2000.0
SECONDS_PER_WINDOW = 0.0015
SECONDS_PER_SAMPLE = 0.00002
START_SECONDS = 15.0
#: Bytes of a step: the teacher's and the student's observation, actions, labels, and what the store keeps beside them.
STEP_BYTES = 600


def describe_plan(config: CollectiveConfig) -> str:
    """A text for people, of a fresh run."""
    cells, evaluation = len(config.cells), config.evaluation
    rollouts = cells * sum(config.episodes_of(index) for index in range(config.round_count))
    robots = len(config.robots) + len(config.unseen_robots)
    finals = len(config.contexts) * robots * len(config.tasks) * evaluation.final_episodes
    evaluations = config.round_count * cells * evaluation.episodes + finals
    acted = rollouts * config.collection.max_steps
    training, representing = config.learner.training, config.representation.training
    distillations = config.round_count + len(config.contexts)
    representations = int("code" in config.contexts)
    trainings = representations + distillations
    seconds = (
        START_SECONDS
        + acted / ACTED_STEPS_PER_SECOND
        + evaluations * evaluation.max_steps / EVALUATED_STEPS_PER_SECOND
        + SECONDS_PER_WINDOW * representations * representing.gradient_steps * representing.batch_size
        + SECONDS_PER_SAMPLE * distillations * training.gradient_steps * training.batch_size
    )
    size = f"{counted(len(config.tasks), 'task')} x {counted(len(config.robots), 'robot')}"
    return "\n".join(
        [
            f"{config.recipe}: {size}, {counted(config.round_count, 'round')}",
            f"tasks    {rollouts} rollouts, {trainings} trainings, {evaluations} evaluation episodes",
            f"disk     at most {acted * STEP_BYTES / 1e9:.2f} GB of episodes",
            f"minutes  about {seconds / 60:.0f} on two 2.5 GHz cores",
        ]
    )
