"""Checks of the machine: cores, memory, disk, clock, limits."""

from __future__ import annotations

import os
import resource
import socket
import sys
import tempfile
import time
from pathlib import Path

import psutil

from potstill.launch.health.finding import Finding, fail, ok, warn

_GIB = 2**30
#: Bytes a unix socket's path may have (Linux), less what Ray and Redis put behind the temporary folder.
_TEMPORARY_PATH_BYTES = 107 - 65


def check_python() -> Finding:
    """The interpreter's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] != (3, 11):
        return warn("python", f"{version}, tested with 3.11", "apt-get install python3.11 python3.11-venv")
    return ok("python", version)


def check_cores() -> Finding:
    """Cores this process may use."""
    cores = len(os.sched_getaffinity(0))
    if cores < 2:
        return warn(
            "cores", "1 core: workers take turns", "set pools.rollout_workers=1 pools.render_workers=1"
        )
    return ok("cores", f"{cores} cores")


def check_memory() -> Finding:
    """Memory that is free now."""
    free = psutil.virtual_memory().available / _GIB
    message = f"{free:.1f} GiB available"
    if free < 1.5:
        return fail(
            "memory", f"{message}, needs 1.5", "close other programs, or add swap: fallocate -l 8G /swap"
        )
    if free < 4:
        return warn("memory", f"{message}, 4 is comfortable", "run with --set pools.rollout_workers=1")
    return ok("memory", message)


def check_shared_memory() -> Finding:
    """/dev/shm, where Ray's object store lives."""
    folder = Path("/dev/shm")
    if not folder.is_dir():
        return warn(
            "shared memory", "no /dev/shm: Ray falls back to disk", "mount -t tmpfs -o size=2g shm /dev/shm"
        )
    free = psutil.disk_usage(str(folder)).free / _GIB
    if free < 0.5:
        fix = "mount -o remount,size=2g /dev/shm (docker run: --shm-size=2g)"
        return warn("shared memory", f"{free:.1f} GiB free in /dev/shm, Ray wants 0.5", fix)
    return ok("shared memory", f"{free:.1f} GiB free in /dev/shm")


def check_disk(folder: Path) -> Finding:
    """Space where runs are written."""
    free = psutil.disk_usage(str(folder)).free / _GIB
    message = f"{free:.1f} GiB free in {folder}"
    if free < 1:
        return fail("disk", f"{message}, needs 1", f"du -xh --max-depth=2 {folder} | sort -h | tail")
    if free < 5:
        return warn(
            "disk", f"{message}, a long run may need more", f"du -xh --max-depth=2 {folder} | sort -h | tail"
        )
    return ok("disk", message)


def check_write(folder: Path) -> Finding:
    """Whether runs may be written here, and links made (an episode is committed by one)."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".potstill-doctor-") as name:
            probe = Path(name) / "probe"
            probe.write_bytes(b"x")
            os.link(probe, Path(name) / "link")
    except OSError as error:
        return fail("write", f"cannot write in {folder}: {error.strerror}", f"chown -R $(id -un) {folder}")
    return ok("write", f"{folder} can be written")


def check_clock(folder: Path) -> Finding:
    """The file system's clock against the machine's: an NFS server may be off."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".potstill-doctor-") as file:
            skew = abs(os.stat(file.name).st_mtime - time.time())
    except OSError as error:
        return warn("clock", f"not compared: {error.strerror}", f"chown -R $(id -un) {folder}")
    if skew > 2 or time.time() < 1_700_000_000:
        return warn("clock", f"{skew:.0f} s apart from the file system's", "timedatectl set-ntp true")
    return ok("clock", "agrees with the file system's")


def check_socket_path() -> Finding:
    """Whether unix sockets fit under the temporary folder."""
    folder = tempfile.gettempdir()
    length = len(os.fsencode(folder))
    if length > _TEMPORARY_PATH_BYTES:
        return fail(
            "socket path", f"TMPDIR has {length} bytes, at most {_TEMPORARY_PATH_BYTES}", "export TMPDIR=/tmp"
        )
    return ok("socket path", f"{folder} is short enough")


def check_loopback() -> Finding:
    """Whether a port can be opened on this machine for its own processes."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=2).close()
    except OSError as error:
        return fail("loopback", f"127.0.0.1 does not answer: {error.strerror or error}", "ip link set lo up")
    return ok("loopback", "127.0.0.1 answers")


def check_open_files() -> Finding:
    """The limit of open files; Ray and a learner with many episodes use hundreds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1024:
        return warn(
            "open files", f"at most {soft}, 1024 are needed", f"ulimit -n {hard if hard > 0 else 65536}"
        )
    return ok("open files", f"at most {soft}")
