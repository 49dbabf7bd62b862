"""RQ: SimpleWorker (no fork) for speed; the forking Worker, three retries and a short time-out under faults."""

import sys

import peer_task
from peer_main import main
from redis import Redis
from rq import Queue, Retry, SimpleWorker, Worker

NAME = "rq"
SETTINGS = "SimpleWorker, results not kept; faults: Worker, Retry(max=3), job_timeout 5 s"


def put(url, arguments):
    queue = Queue(connection=Redis.from_url(url))
    options = {"result_ttl": 0, "job_timeout": 5, "retry": Retry(max=3)}
    for one in arguments:
        queue.enqueue("peer_task.act", *one, **options)


def work(url, until):
    connection = Redis.from_url(url)
    if until is None:
        Worker([Queue(connection=connection)], connection=connection).work(logging_level="WARNING")
    while len(peer_task.ended) < (until or 0):
        SimpleWorker([Queue(connection=connection)], connection=connection).work(
            burst=True, logging_level="WARNING"
        )


def remaining(url):
    """Every job that is kept: a finished one is not."""
    client = Redis.from_url(url)
    return sum(1 for _ in client.scan_iter("rq:job:*", count=1000))


if __name__ == "__main__":
    main(sys.modules[__name__])
