"""A real wire that breaks: between a client and a real server, request by request."""

from __future__ import annotations

import random
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
        rate: Share of the requests that meet a fault.
        seed: Of the faults.
    """

    def __init__(self, listen: Path, server: Path, *, rate: float, seed: int) -> None:
        self.url = f"unix://{listen}"
        self.counts: Counter[str] = Counter()
        self.rate = rate
        #: The next request is passed on; its answer never comes, and the connection stays open.
        self.swallow_next_answer = False
        self._server = server
        self._draw = random.Random(seed)
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
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._server))
            try:
                while request := client.recv(1 << 20):
                    if not self._exchange(client, server, request):
                        return
            except OSError:
                return

    def _exchange(self, client: socket.socket, server: socket.socket, request: bytes) -> bool:
        """One request and its answer; False when the connection is to be cut."""
        fault = self._draw.choice(FAULTS) if self._draw.random() < self.rate else "none"
        self.counts[fault] += 1
        if fault == "request lost":
            return False
        server.sendall(request)
        answer = server.recv(1 << 20)
        if self.swallow_next_answer:
            self.swallow_next_answer = False
            self.counts["half-open"] += 1
            client.recv(1)
            return False
        if fault == "answer lost":
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
            return True
        client.sendall(answer)
        return True
