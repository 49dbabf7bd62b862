"""Dramatiq: eight threads, its default middleware."""

import sys
import time

import dramatiq
import peer_task
from dramatiq.brokers.redis import RedisBroker
from peer_main import main
from redis import Redis

NAME = "dramatiq"
SETTINGS = "8 threads, defaults; faults: heartbeat_timeout 5 s, max_retries 3"


def broker(url):
    made = RedisBroker(url=url, heartbeat_timeout=5000)
    dramatiq.set_broker(made)
    actor = dramatiq.actor(peer_task.act, broker=made, max_retries=3, min_backoff=100)
    return made, actor


def put(url, arguments):
    _, actor = broker(url)
    for one in arguments:
        actor.send(*one)


def work(url, until):
    made, _ = broker(url)
    worker = dramatiq.Worker(made, worker_threads=8)
    worker.start()
    while until is None or len(peer_task.ended) < until:
        time.sleep(0.002)
    worker.stop()


def remaining(url):
    """Waiting, running and delayed messages, and dead letters."""
    client = Redis.from_url(url)
    return sum(client.hlen(f"dramatiq:default{suffix}.msgs") for suffix in ("", ".DQ", ".XQ"))


if __name__ == "__main__":
    main(sys.modules[__name__])
