"""Celery: late acknowledgement, a thread pool of one for speed, the prefork pool under faults."""

import sys
import time

import peer_task
from celery import Celery
from celery.contrib.testing.worker import start_worker
from peer_main import main
from redis import Redis

NAME = "celery"
SETTINGS = (
    "solo pool, acks_late, prefetch multiplier 64, results ignored; faults: prefork 1, "
    "task_reject_on_worker_lost, prefetch multiplier 1, visibility_timeout 5 s"
)


def application(url, *, prefetch):
    app = Celery("peer", broker=url)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        worker_prefetch_multiplier=prefetch,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"visibility_timeout": 5},
        worker_hijack_root_logger=False,
    )
    app.task(name="act")(peer_task.act)
    return app


def put(url, arguments):
    task = application(url, prefetch=64).tasks["act"]
    for one in arguments:
        task.apply_async(one)


def work(url, until):
    if until is None:
        options = ["worker", "--pool=prefork", "--concurrency=1", "--loglevel=ERROR", "--without-gossip"]
        application(url, prefetch=1).worker_main(options)
        return
    app = application(url, prefetch=64)
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30, loglevel="ERROR"):
        while len(peer_task.ended) < until:
            time.sleep(0.002)


def remaining(url):
    """Waiting messages and those that no worker has acknowledged."""
    client = Redis.from_url(url)
    return client.llen("celery") + client.hlen("unacked")


if __name__ == "__main__":
    main(sys.modules[__name__])
