"""What the command line of every peer has in common.

``python queue_NAME.py speed URL COUNT`` puts and does COUNT empty tasks in one process and prints
``{"version", "settings", "put_s", "work_s"}``. ``put URL COUNT FOLDER SECONDS`` ``work URL`` and ``remaining URL``
are for the faults: tasks of some length, a worker that runs until it is killed, how many unfinished tasks are known.
"""

import json
import sys
import time
from importlib.metadata import version

import peer_task


def main(peer):
    """Do what the command line says.

    Args:
        peer: A module with ``NAME``, ``SETTINGS``, ``put(url, arguments)``, ``work(url, until)`` (``until``: the number
            of tasks after which to return; None: never) and, where it is put under fire, ``remaining(url)``.
    """
    command, url, *rest = sys.argv[1:]
    if command == "put":
        count, folder, seconds = int(rest[0]), rest[1], float(rest[2])
        peer.put(url, [(folder, index, seconds) for index in range(count)])
    elif command == "remaining":
        print(peer.remaining(url))
    elif command == "work":
        peer.work(url, None)
    else:
        _measure_speed(peer, url, int(rest[0]))


def _measure_speed(peer, url, count):
    peer.put(url, [("", index, 0.0) for index in range(20)])
    peer.work(url, 20)  # imports, connections, scripts
    began = time.perf_counter()
    peer.put(url, [("", index, 0.0) for index in range(count)])
    put_s = time.perf_counter() - began
    peer.work(url, 20 + count)
    # From the first to the last: a worker's start and stop are its own affair.
    work_s = peer_task.ended[-1] - peer_task.ended[20]
    figures = {"version": version(peer.NAME), "settings": peer.SETTINGS, "put_s": put_s, "work_s": work_s}
    print(json.dumps(figures))
