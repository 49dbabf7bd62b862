"""zaku: ``pop`` in a loop; under faults whoever finds the queue empty sets free what was taken over 5 s ago.

Besides the commands of every peer, where URL is that of zaku's server: ``calls URL COUNT PAUSE`` (remote calls of a
worker that looks for them every PAUSE seconds) and ``arrays URL BYTES COUNT`` (arrays through the queue), which print
one JSON object.
"""

import json
import multiprocessing
import sys
import time

import numpy as np
import peer_task
from peer_main import main
from zaku import TaskQ

NAME = "zaku"
SETTINGS = "one server process, pop() without pause; faults: unstale_tasks(ttl=5) by idle workers"
STALE_SECONDS = 5
CALL_SECONDS = 1.0
STATE = np.zeros(300)


def put(url, arguments):
    queue = _queue(url)
    for one in arguments:
        queue.add({"arguments": list(one)})


def work(url, until):
    queue = _queue(url)
    while until is None or len(peer_task.ended) < until:
        with queue.pop() as job:
            if job is not None:
                peer_task.act(*job["arguments"])
        if job is None and until is None:
            queue.unstale_tasks(ttl=STALE_SECONDS)
            time.sleep(0.1)


def remaining(url):
    """Its own count knows the waiting ones only: those in progress are made waiting, ten with each request."""
    queue, before = _queue(url), -1
    while (count := queue.count() or 0) != before:
        queue.unstale_tasks(ttl=None)
        before = count
        time.sleep(0.5)  # the index follows
    return count


def calls(url, count, pause):
    """Milliseconds of the calls that were answered, and how many were not."""
    server = multiprocessing.Process(target=_serve, args=(url, pause), daemon=True)
    server.start()
    queue = _queue(url, "calls")
    while queue.rpc(index=-1, state=STATE, _timeout=CALL_SECONDS) is None:
        pass  # the server is starting
    milliseconds, lost = [], 0
    for index in range(count):
        began = time.perf_counter()
        reply = queue.rpc(index=index, state=STATE, _timeout=CALL_SECONDS)
        if reply is None:
            lost += 1
        elif reply["index"] != index:
            raise RuntimeError("another call's reply arrived")
        else:
            milliseconds.append(1000 * (time.perf_counter() - began))
    server.kill()
    ranked = sorted(milliseconds)
    figures = {"calls": count, "lost": lost}
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        figures[f"{name}_ms"] = ranked[int(share * (len(ranked) - 1))] if ranked else None
    return figures


def arrays(url, size, count):
    """Megabytes per second, put, taken and done."""
    queue, array = _queue(url, "arrays"), np.arange(size, dtype=np.uint8)
    seconds = []
    for _ in range(count + 1):
        began = time.perf_counter()
        queue.add({"array": array})
        name, job = queue.take()
        if not np.array_equal(job["array"][[0, -1]], array[[0, -1]]):
            raise RuntimeError("another array arrived than was sent")
        queue.mark_done(name)
        seconds.append(time.perf_counter() - began)
    return {"mb_per_s": size / 1e6 / sorted(seconds[1:])[count // 2]}


def _serve(url, pause):
    queue = _queue(url, "calls")
    while True:
        with queue.pop() as job:
            if job is not None:
                queue.publish({"index": job["index"]}, topic=job["_request_id"])
        if job is None:
            time.sleep(pause)


def _queue(url, name="tasks"):
    return TaskQ(uri=url, name=name)


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    if command == "calls":
        print(json.dumps(calls(words[0], int(words[1]), float(words[2]))))
    elif command == "arrays":
        print(json.dumps(arrays(words[0], int(words[1]), int(words[2]))))
    else:
        main(sys.modules[__name__])
