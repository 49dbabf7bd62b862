"""SAQ: 32 tasks at once on one event loop."""

import asyncio
import sys

import peer_task
from peer_main import main
from saq import Queue, Worker

NAME = "saq"
SETTINGS = "concurrency 32, results not kept; faults: timeout and heartbeat 5 s, sweep each 2 s, retries 4"


async def act(context, *, one):
    await peer_task.act_async(*one)


def put(url, arguments):
    asyncio.run(_put(url, arguments))


async def _put(url, arguments):
    queue = Queue.from_url(url)
    for one in arguments:
        await queue.enqueue("act", one=one, ttl=-1, timeout=5, heartbeat=5, retries=4)
    await queue.disconnect()


def work(url, until):
    asyncio.run(_work(url, until))


async def _work(url, until):
    queue = Queue.from_url(url)
    worker = Worker(queue, [act], concurrency=32, timers={"sweep": 2})
    running = asyncio.ensure_future(worker.start())
    while until is None or len(peer_task.ended) < until:
        await asyncio.sleep(0.002)
    await worker.stop()
    await asyncio.gather(running, return_exceptions=True)
    await queue.disconnect()


if __name__ == "__main__":
    main(sys.modules[__name__])
