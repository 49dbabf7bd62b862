"""A job survives its way through the queue."""

from __future__ import annotations

import pytest

from potstill.learners.representation.job import RepresentationJob
from potstill.queues.codec import decode, encode


def test_a_job_comes_out_of_the_queue_as_it_went_in(make_job):
    job = make_job(training={"learning_rate": 3e-4}, dynamics_weight=200.0, positives="task")
    assert RepresentationJob.from_payload(decode(encode(job.to_payload()))) == job


def test_a_field_nobody_knows_is_refused(make_job):
    with pytest.raises(TypeError, match="colour"):
        RepresentationJob.from_payload({**make_job().to_payload(), "colour": "red"})
