"""arq: its own worker; results not kept."""

import asyncio
import sys

import peer_task
from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func
from peer_main import main
from redis import Redis

NAME = "arq"
SETTINGS = "max_jobs 10, poll_delay 0.5 s (defaults), keep_result 0; faults: job_timeout 5 s, max_tries 4"


async def act(context, *arguments):
    await peer_task.act_async(*arguments)


FUNCTION = func(act, timeout=5, max_tries=4, keep_result=0)


def put(url, arguments):
    asyncio.run(_put(url, arguments))


async def _put(url, arguments):
    pool = await create_pool(RedisSettings.from_dsn(url))
    for one in arguments:
        await pool.enqueue_job("act", *one)
    await pool.aclose()


def work(url, until):
    asyncio.run(_work(url, until))


async def _work(url, until):
    while until is None or len(peer_task.ended) < until:
        worker = Worker(
            [FUNCTION],
            redis_settings=RedisSettings.from_dsn(url),
            burst=until is not None,
            handle_signals=False,
        )
        await worker.main()
        await worker.close()


def remaining(url):
    """Every job whose arguments are kept."""
    client = Redis.from_url(url)
    return sum(1 for _ in client.scan_iter("arq:job:*", count=1000))


if __name__ == "__main__":
    main(sys.modules[__name__])
