"""The learner worker: training as a leased task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from potstill.experience.episode_store import EpisodeStore
from potstill.learners.bc.config import BcConfig
from potstill.learners.bc.losses import LOSSES
from potstill.learners.bc.train import train_bc
from potstill.learners.learner_worker import LearnerWorker
from potstill.learners.training_job import TrainingJob
from potstill.learners.training_loop import STATE_FILE
from potstill.policies.pixel_policy_config import PixelPolicyConfig
from potstill.policies.policy_checkpoint import POLICY_FILE, load_policy
from potstill.queues.codec import decode, encode
from potstill.queues.memory_lease_keeper import MemoryLeaseKeeper
from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.task import Task

STEPS = 30


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def queue(clock):
    return MemoryTaskQueue(clock=clock, retry_backoff_seconds=0.0)


@pytest.fixture
def make_worker(queue):
    def make(owner="learner-0", trainers=None):
        keeper = MemoryLeaseKeeper(queue, lease_seconds=10.0, owner=owner, facts={"kind": "learner"})
        return LearnerWorker(
            queue=queue,
            leases=keeper,
            trainers=trainers or {"training": train_bc},
            owner=owner,
            lease_seconds=10.0,
            threads=1,
        )

    return make


@pytest.fixture
def store(tmp_path, make_episode):
    store = EpisodeStore(tmp_path / "episodes")
    for round in range(2):
        for index in range(4):
            store.commit(make_episode(round=round, index=index, steps=10))
        store.seal(round, requested=4)
    return store


@pytest.fixture
def make_job(tmp_path, store):
    def make(name="checkpoint", **changes):
        few = {"gradient_steps": STEPS, "batch_size": 8, "warmup_steps": 2, "random_shift": 1}
        few |= {"report_every_steps": 5, "checkpoint_every_steps": 7}
        job = TrainingJob(
            store=str(tmp_path / "episodes"),
            rounds=(0, 1),
            policy=PixelPolicyConfig(channels=8, features=16, hidden=(32,)),
            learner=BcConfig(**few),
            initial_policy="",
            output=str(tmp_path / name),
            seed=3,
        )
        return replace(job, **changes)

    return make


@pytest.fixture
def put(queue):
    def put(job, name="training-0", max_attempts=3):
        task = Task(
            id=name, kind="training", group="training", payload=job.to_payload(), max_attempts=max_attempts
        )
        queue.put([task])
        return task

    return put


def never():
    return False


def after(calls):
    """A stop flag that goes up at the n-th look."""
    left = iter([False] * calls)
    return lambda: next(left, True)


def test_a_job_survives_the_queue(make_job):
    job = make_job(initial_policy="/somewhere", rounds=(0, 1, 2))
    assert TrainingJob.from_payload(decode(encode(job.to_payload()))) == job


def test_a_training_is_leased_done_and_acknowledged_with_its_figures(queue, make_worker, make_job, put):
    job = make_job()
    put(job)
    assert make_worker().work_once(never, wait_seconds=0)
    result = queue.results("training")["training-0"]
    _, sha256 = load_policy(Path(job.output), expected_sha256=result["checkpoint_sha256"])
    assert result["checkpoint_sha256"] == sha256
    assert result["steps"] == STEPS and 0 < result["loss"] < 10
    assert 0 < result["train_samples"] <= 80
    assert queue.ledger().done == 1


def test_without_a_task_there_is_nothing_to_do(make_worker):
    assert not make_worker().work_once(never, wait_seconds=0)


def test_progress_is_published_while_it_trains(queue, make_worker, make_job, put):
    put(make_job())
    make_worker().work_once(never, wait_seconds=0)
    facts = queue.workers()["progress.training-0"]
    assert (facts["step"], facts["steps"]) == (STEPS, STEPS)
    assert facts["samples_per_second"] > 0 and facts["loss"] > 0


def test_the_next_learner_resumes_what_a_dead_one_left_and_ends_in_the_same_weights(
    queue, clock, make_worker, make_job, put, tmp_path
):
    # GIVEN the weights of a training that nothing happened to
    put(make_job("straight"), "straight")
    make_worker().work_once(never, wait_seconds=0)
    straight = queue.results("training")["straight"]["checkpoint_sha256"]

    # AND a learner that dies after 20 of 30 steps, without a word
    class Died(BaseException):
        pass

    def die(calls=iter(range(100))):
        if next(calls) == 3:
            raise Died
        return False

    put(make_job("broken"), "broken")
    with pytest.raises(Died):
        make_worker("doomed").work_once(die, wait_seconds=0)
    assert (tmp_path / "broken" / STATE_FILE).exists() and not (tmp_path / "broken" / POLICY_FILE).exists()

    # WHEN its lease expires and another one takes over
    clock.now += 60
    steps = []
    heir = make_worker("heir")
    publish = queue.publish_heartbeat
    queue.publish_heartbeat = lambda owner, facts, **settings: (
        steps.append(facts.get("step")),
        publish(owner, facts, **settings),
    )
    assert heir.work_once(never, wait_seconds=0)

    # THEN it goes on where the last state was saved and ends in the same bits
    assert min(step for step in steps if step) > 7
    assert queue.results("training")["broken"]["checkpoint_sha256"] == straight


def test_a_diverged_training_is_a_dead_letter_at_once_with_the_reason(
    queue, make_worker, make_job, put, monkeypatch
):
    monkeypatch.setitem(LOSSES, "mse", _infinite_loss)
    put(make_job(), max_attempts=5)
    make_worker().work_once(never, wait_seconds=0)
    (letter,) = queue.dead_letters()
    assert letter.attempts == 1
    assert "training diverged at step 0: loss inf" in letter.error


def test_any_other_failure_is_tried_again_until_the_attempts_are_used_up(queue, make_worker, make_job, put):
    put(make_job(rounds=(0, 5)), max_attempts=2)
    worker = make_worker()
    assert worker.work_once(never, wait_seconds=0) and queue.ledger().waiting == 1
    assert worker.work_once(never, wait_seconds=0)
    (letter,) = queue.dead_letters()
    assert letter.attempts == 2 and "the round is not sealed" in letter.error
    put(make_job(), "training-1")
    assert worker.work_once(never, wait_seconds=0) and queue.ledger().done == 1


def test_a_stop_gives_the_training_back_without_counting_an_attempt(queue, make_worker, make_job, put):
    put(make_job(), max_attempts=1)
    make_worker().run(after(3))
    assert queue.ledger().waiting == 1
    make_worker("next").work_once(never, wait_seconds=0)
    assert queue.ledger().done == 1


def test_a_training_taken_over_is_let_go_and_the_heirs_result_counts(
    queue, clock, make_worker, make_job, put, tmp_path
):
    put(make_job())
    looks = []

    def lose_the_lease():
        looks.append(queue.ledger())
        if len(looks) == 2:
            clock.now += 60
            queue.reap_expired()
        return False

    worker = make_worker()
    worker.work_once(lose_the_lease, wait_seconds=0)
    # It noticed at the next report and wrote no policy.
    assert len(looks) == 2
    assert not (tmp_path / "checkpoint" / POLICY_FILE).exists()
    assert queue.ledger().waiting == 1 and queue.ledger().done == 0
    make_worker("heir").work_once(never, wait_seconds=0)
    assert queue.ledger().done == 1


def test_each_kind_of_task_goes_to_its_own_trainer_and_other_kinds_are_left_alone(queue, make_worker):
    def trainer(name):
        return lambda payload, *, threads, on_metrics: {"by": name, "of": payload["number"], "on": threads}

    for kind in ("distillation", "representation", "training"):
        queue.put([Task(id=kind, kind=kind, group="all", payload={"number": len(kind)})])
    kinds = ("representation", "distillation")
    worker = make_worker(trainers={kind: trainer(kind) for kind in kinds})
    while worker.work_once(never, wait_seconds=0):
        pass
    assert queue.results("all") == {
        "distillation": {"by": "distillation", "of": 12, "on": 1},
        "representation": {"by": "representation", "of": 14, "on": 1},
    }
    assert queue.ledger().waiting == 1


def _infinite_loss(*batch, real=LOSSES["mse"]):
    return real(*batch)[0] / 0.0, {}
