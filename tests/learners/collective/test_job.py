"""A job travels over the queue unchanged, and contradicts itself nowhere."""

from __future__ import annotations

import msgpack
import pytest

from potstill.learners.collective.job import CollectiveJob


@pytest.mark.parametrize("context", ["code", "id", "zeros", "joint"])
def test_a_job_survives_the_queue(make_job, context):
    job = make_job(context, loss="kl")
    assert CollectiveJob.from_payload(msgpack.unpackb(msgpack.packb(job.to_payload()))) == job


def test_a_representation_is_given_exactly_where_it_is_read(make_job):
    with pytest.raises(ValueError, match="representation must be given with context 'code'"):
        make_job("code", representation="")
    with pytest.raises(ValueError, match="representation must be empty with context 'zeros'"):
        make_job("zeros", representation="folder", representation_sha256="0" * 64)
    with pytest.raises(ValueError, match="representation_sha256 must be given"):
        make_job("joint", representation="folder")
