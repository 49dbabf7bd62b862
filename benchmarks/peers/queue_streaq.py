"""streaq: 32 tasks at once on one event loop, as in its own benchmark."""

import asyncio
import sys

import peer_task
from peer_main import main
from streaq import Worker

NAME = "streaq"
SETTINGS = "concurrency 32, results not kept; faults: idle_timeout 5 s, max_tries 4"


def make(url):
    worker = Worker(redis_url=url, concurrency=32, idle_timeout=5, handle_signals=False)
    task = worker.task(name="act", ttl=0, max_tries=4)(peer_task.act_async)
    return worker, task


def put(url, arguments):
    asyncio.run(_put(url, arguments))


async def _put(url, arguments):
    worker, task = make(url)
    async with worker:
        for one in arguments:
            await task.enqueue(*one)


def work(url, until):
    asyncio.run(_work(url, until))


async def _work(url, until):
    running = asyncio.ensure_future(make(url)[0].run_async())
    while until is None or len(peer_task.ended) < until:
        await asyncio.sleep(0.002)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


if __name__ == "__main__":
    main(sys.modules[__name__])
