"""A real wire that breaks: between a client and a real server, request by request."""

from __future__ import annotations

import itertools
import random
import select
import socket
import threading
import time
from collections import Counter
from pathlib import Path

FAULTS = ("request lost", "answer lost", "answer cut", "answer in pieces", "late")


class FaultyProxy:
    """Listens on a unix socket and passes on to the server's.

    Args:
        listen: Path of the socket to make.
        server: Path of the server's socket.
        rate: Share of the requests that meet a fault, one kind after the other.
        seed: Which requests.
    """

    def __init__(self, listen: Path, server: Path, *, rate: float, seed: int) -> None:
        self.url = f"unix://{listen}"
        self.counts: Counter[str] = Counter()
        self.rate = rate
        #: The next request is passed on; its answer never comes, and the connection stays open.
        self.swallow_next_answer = False
        self._server = server
        self._draw = random.Random(seed)
        self._faults = itertools.cycle(FAULTS)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(listen))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """No new connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        fault = "none"
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._server))
            try:
                while True:
                    ready, _, _ = select.select([client, server], [], [])
                    if client in ready:
                        if not (request := client.recv(1 << 20)):
                            return
                        fault = next(self._faults) if self._draw.random() < self.rate else "none"
                        self.counts[fault] += 1
                        if fault == "request lost":
                            return
                        server.sendall(request)
                    # The answer to a blocking command and that to the next come at different times.
                    if server in ready and not self._answer(client, server.recv(1 << 20), fault):
                        return
            except OSError:
                return

    def _answer(self, client: socket.socket, answer: bytes, fault: str) -> bool:
        """Pass an answer on; False when the connection is to be cut."""
        if self.swallow_next_answer:
            self.swallow_next_answer = False
            self.counts["half-open"] += 1
            client.recv(1)
            return False
        if not answer or fault == "answer lost":
            return False
        if fault == "answer cut":
            client.sendall(answer[: len(answer) // 2])
            return False
        if fault == "late":
            time.sleep(0.05)
        if fault == "answer in pieces":
            for start in range(0, len(answer), 7):
                client.sendall(answer[start : start + 7])
                time.sleep(0.0005)
        else:
            client.sendall(answer)
        return True
