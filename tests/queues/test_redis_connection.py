from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import ssl
import subprocess
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.cluster.redis_program import redis_program
from potstill.queues.errors import QueueUnavailableError
from potstill.queues.open_queue import open_queue
from potstill.queues.open_rpc import open_rpc_client, open_rpc_server
from potstill.queues.redis_connection import connect
from potstill.queues.server_settings import server_settings
from potstill.queues.task import Ledger, Task

SECRET = "s3cret-pass"


def refusal(url):
    """The one-line message of a refused connection, which must come within 2 s and without the password."""
    started = time.monotonic()
    with pytest.raises(QueueUnavailableError) as caught:
        open_queue(url, "run")
    assert time.monotonic() - started < 2.0
    message, chain = str(caught.value), caught.value
    assert "\n" not in message
    while chain is not None:
        assert SECRET not in str(chain) + repr(chain)
        chain = chain.__cause__ or chain.__context__
    return message


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start_server(tmp_path):
    """A server on TCP, with the given options."""
    servers = []

    def start(*options, port):
        command = [redis_program(), "--save", "", "--dir", str(tmp_path), "--port", str(port), *options]
        servers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port), 0.1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise AssertionError("redis-server did not start")

    yield start
    for server in servers:
        server.kill()
        server.wait()


@pytest.fixture
def fake_server():
    """A TCP server that answers every message with fixed bytes (None: never)."""
    listeners = []

    def start(answer):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve():
            kept = []
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                kept.append(peer)
                if answer is not None:
                    peer.recv(4096)
                    peer.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    yield start
    for listener in listeners:
        listener.close()


def test_an_unreachable_server_is_one_clear_line():
    port = free_port()
    message = refusal(f"redis://user:{SECRET}@127.0.0.1:{port}/0")
    assert f"redis://127.0.0.1:{port}/0 cannot be reached" in message


def test_a_missing_socket_is_one_clear_line(tmp_path):
    assert "cannot be reached" in refusal(f"unix://{tmp_path}/none.sock?password={SECRET}")


def test_a_server_that_never_answers_is_given_up_in_time(fake_server):
    assert "cannot be reached" in refusal(f"redis://:{SECRET}@127.0.0.1:{fake_server(None)}")


def test_a_server_that_speaks_another_protocol_is_refused(fake_server):
    assert "cannot be reached" in refusal(f"redis://127.0.0.1:{fake_server(b'HTTP/1.1 400 Bad Request')}")


def test_a_wrong_password_is_said_and_not_shown(start_server):
    port = free_port()
    start_server("--requirepass", "right", port=port)
    assert "refused the user or password" in refusal(f"redis://:{SECRET}@127.0.0.1:{port}")
    assert "refused" in refusal(f"redis://127.0.0.1:{port}")


def test_a_user_and_password_are_accepted_and_appear_in_no_repr(start_server):
    port = free_port()
    start_server("--user", "potstill", "on", f">{SECRET}", "~potstill:*", "+@all", port=port)
    url = f"redis://potstill:{SECRET}@127.0.0.1:{port}/0"
    queue, client, connection = open_queue(url, "run"), open_rpc_client(url, "run", "render"), connect(url)
    assert queue.put([Task(id="t", kind="k", group="g")]) == 1
    for thing in (queue, client, connection):
        assert SECRET not in repr(thing)
    assert "potstill:" not in repr(connection)


@pytest.fixture
def certificate(tmp_path):
    """File of a key and its self-signed certificate for 127.0.0.1."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1)).add_extension(
        addresses, critical=False
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(pem, pkcs8, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(pem)
    )
    return path


@pytest.fixture
def tls_in_front(certificate):
    """A port that speaks TLS and hands everything to a plain one."""
    listener = socket.create_server(("127.0.0.1", 0))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        target.close()

    def serve(port):
        while True:
            try:
                peer = context.wrap_socket(listener.accept()[0], server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            behind = socket.create_connection(("127.0.0.1", port))
            for ends in ((peer, behind), (behind, peer)):
                threading.Thread(target=copy, args=ends, daemon=True).start()

    def start(port):
        threading.Thread(target=serve, args=(port,), daemon=True).start()
        return listener.getsockname()[1]

    yield start
    listener.close()


def test_tls_works_and_each_mismatch_is_said(start_server, tls_in_front, certificate):
    plain = free_port()
    start_server(port=plain)
    tls = tls_in_front(plain)
    trusted = f"rediss://127.0.0.1:{tls}/0?ssl_ca_certs={certificate}"
    assert open_queue(trusted, "run").put([Task(id="t", kind="k", group="g")]) == 1
    assert "TLS handshake" in refusal(f"rediss://:{SECRET}@127.0.0.1:{tls}")
    assert "rediss://" in refusal(f"redis://:{SECRET}@127.0.0.1:{tls}")
    assert "rediss://" in refusal(f"rediss://:{SECRET}@127.0.0.1:{plain}")


def test_an_old_server_is_refused_by_version(fake_server):
    answer = b"*4\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n6.0.16\r\n"
    assert "server version 6.0.16: potstill needs Redis >= 6.2" in refusal(
        f"redis://127.0.0.1:{fake_server(answer)}"
    )
    ancient = fake_server(b"-ERR unknown command `HELLO`\r\n")
    assert "potstill needs Redis >= 6.2" in refusal(f"redis://127.0.0.1:{ancient}")


@pytest.mark.parametrize(
    "url", ["http://localhost", f"redis://:{SECRET}/x@host:1", "", "localhost:6379", "redis://h:notaport"]
)
def test_a_malformed_url_is_a_value_error_without_its_secrets(url):
    with pytest.raises(ValueError, match="Redis URL") as caught:
        open_queue(url, "run")
    assert SECRET not in str(caught.value)


def test_a_bad_run_name_or_setting_is_named(redis_url):
    with pytest.raises(ValueError, match=r"run must match .* got 'Bad Run'"):
        open_queue(redis_url, "Bad Run")
    with pytest.raises(ValueError, match="max_waiting must be at least 1"):
        open_queue(redis_url, "run", max_waiting=0)
    with pytest.raises(ValueError, match="service must match"):
        open_rpc_client(redis_url, "run", "a:b")


def test_a_restart_with_append_only_file_keeps_the_ledger_and_clients_reconnect(tmp_path):
    server = EmbeddedRedis(tmp_path)
    queue = open_queue(server.url, "run")
    queue.put([Task(id=f"t{i}", kind="k", group="g") for i in range(20)])
    done, held = queue.lease(["k"], owner="w", max_tasks=2, lease_seconds=30, wait_seconds=0)
    queue.ack(done, {"x": 1})
    server.stop()
    ledgers = []
    # Asked during the outage: it waits for the server's return (whose scripts are gone).
    asker = threading.Thread(target=lambda: ledgers.append(queue.ledger("g")))
    asker.start()
    time.sleep(0.2)
    with EmbeddedRedis(tmp_path):
        asker.join(10)
        assert ledgers == [Ledger(submitted=20, waiting=18, leased=1, done=1)]
        queue.ack(held)
        assert queue.results("g") == {done.task.id: {"x": 1}, held.task.id: {}}
        assert len(queue.lease(["k"], owner="w", lease_seconds=30, wait_seconds=1)) == 1


def test_a_worker_blocked_on_the_queue_survives_a_restart(tmp_path):
    server = EmbeddedRedis(tmp_path)
    queue, taken = open_queue(server.url, "run"), []
    worker = threading.Thread(
        target=lambda: taken.extend(queue.lease(["k"], owner="w", lease_seconds=30, wait_seconds=10))
    )
    worker.start()
    time.sleep(0.1)
    server.stop()
    with EmbeddedRedis(tmp_path) as again:
        open_queue(again.url, "run").put([Task(id="t", kind="k", group="g")])
        worker.join(10)
        assert [lease.task.id for lease in taken] == ["t"]


def test_an_outage_beyond_the_patience_is_an_error(tmp_path):
    with EmbeddedRedis(tmp_path) as server:
        queue = open_queue(server.url, "run", outage_seconds=0.3)
    started = time.monotonic()
    with pytest.raises(QueueUnavailableError, match="cannot be reached"):
        queue.ledger()
    assert time.monotonic() - started < 2.0


def test_a_full_server_refuses_with_its_own_words(start_server):
    port = free_port()
    start_server("--maxmemory", "1mb", "--maxmemory-policy", "noeviction", port=port)
    queue = open_queue(f"redis://127.0.0.1:{port}", "run")
    with pytest.raises(QueueUnavailableError, match="refused a command: .*maxmemory"):
        for i in range(200):
            queue.put([Task(id=f"t{i}", kind="k", group="g", payload={"raw": bytes(50_000)})])


def test_two_runs_on_one_server_never_meet(redis_url, run_name):
    one, two = open_queue(redis_url, run_name), open_queue(redis_url, run_name + ".b")
    tasks = [Task(id="same", kind="k", group="g")]
    assert (one.put(tasks), two.put(tasks)) == (1, 1)
    lease = one.lease(["k"], owner="w", lease_seconds=30, wait_seconds=0)[0]
    one.ack(lease)
    assert (one.ledger().done, two.ledger().waiting) == (1, 1)
    one.publish_heartbeat("w", {}, ttl_seconds=30)
    assert two.workers() == {}
    one.purge()
    assert one.ledger() == Ledger()
    assert two.ledger() == Ledger(submitted=1, waiting=1)
    # A run whose name begins like the other's is another run.
    assert two.lease(["k"], owner="w", lease_seconds=30, wait_seconds=0)[0].task.id == "same"


def test_what_another_version_left_in_another_layout_is_not_taken_for_a_ledger_and_is_purged_too(
    redis_url, run_name, monkeypatch
):
    tasks = [Task(id=f"t.{index}", kind="k", group="g") for index in range(3)]
    with monkeypatch.context() as before:
        before.setattr("potstill.queues.redis_keys.LAYOUT", 1)
        open_queue(redis_url, run_name).put(tasks)
    queue = open_queue(redis_url, run_name)
    assert queue.ledger() == Ledger() and queue.put(tasks) == 3
    queue.purge()
    left = connect(redis_url).exchange(("KEYS", f"potstill:{{{run_name}}}:*"))[0]
    assert left == []


def test_a_connection_that_died_while_idle_costs_no_pause(redis_url):
    connection = connect(redis_url, outage_seconds=5.0)
    name = connection.exchange(("CLIENT ID",))[0]
    connect(redis_url).exchange(("CLIENT KILL", "ID", name))
    slept = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("potstill.queues.redis_connection.time.sleep", slept.append)
        assert connection.exchange(("CLIENT ID",))[0] != name
    assert slept == []


def test_calls_in_turn_share_one_connection_and_threads_have_one_each(redis_url):
    connection = connect(redis_url)
    assert len({connection.exchange(("CLIENT ID",))[0] for _ in range(5)}) == 1
    door, names = threading.Barrier(3), []

    def call():
        door.wait(5)
        names.append(connection.exchange(("BLPOP", "never", 0.2), ("CLIENT ID",))[-1])

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(set(names)) == 3


def test_a_forked_process_leaves_its_parents_connection_alone(redis_url):
    connection = connect(redis_url)
    mine = connection.exchange(("CLIENT ID",))[0]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            os.write(writing, str(connection.exchange(("CLIENT ID",))[0]).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    theirs = int(os.read(reading, 100))
    os.close(reading)
    os.close(writing)
    assert theirs != mine
    assert connection.exchange(("CLIENT ID",))[0] == mine


@pytest.mark.parametrize("size", [0, 1, 32_767, 32_768, 100_000])
def test_words_of_any_size_arrive_whole(redis_url, run_name, size):
    connection, words = connect(redis_url), [bytes([index]) * size for index in range(3)]
    commands = [("RPUSH", run_name, *words), ("LRANGE", run_name, 0, -1), ("DEL", run_name)]
    assert connection.exchange(*commands) == [3, words, 1]


#: All that potstill asks of a server (docs/queue.md): its own keys, no administration.
LEAST_RIGHTS = ("~potstill:*", "-@all", "+@read", "+@write", "+@blocking", "+@connection", "+@scripting")
LEAST_RIGHTS += ("+time", "-@dangerous", "+config|get")


def test_over_tls_a_user_with_the_least_rights_can_do_everything(start_server, tls_in_front, certificate):
    plain = free_port()
    rights = ("--user", "potstill", "on", f">{SECRET}", *LEAST_RIGHTS)
    start_server("--user", "default", "off", *rights, port=plain)
    where = f"127.0.0.1:{tls_in_front(plain)}/0?ssl_ca_certs={certificate}"
    url = f"rediss://potstill:{SECRET}@{where}"
    queue = open_queue(url, "run", max_waiting=10)
    queue.put([Task(id=f"t{n}", kind="k", group="g", max_attempts=1) for n in range(5)])
    done, dead, held = queue.lease(["k"], owner="w", max_tasks=3, lease_seconds=30, wait_seconds=0.1)
    queue.ack(done, {"x": 1})
    queue.fail(dead, "boom")
    assert queue.extend([held], lease_seconds=30) == [True]
    queue.release(held)
    assert len(queue.dead_letters()) == queue.revive([dead.task.id]) == 1
    queue.publish_heartbeat("w", {"kind": "k"}, ttl_seconds=30)
    assert list(queue.metrics().workers) == list(queue.workers()) == ["w"]
    assert queue.gather("g", wait_seconds=0.05).waiting == 4
    client, server = open_rpc_client(url, "run", "render"), open_rpc_server(url, "run", "render")
    pending = client.submit({}, deadline_seconds=5)
    server.reply(server.take(max_requests=1, wait_seconds=1)[0], {"y": 1})
    assert pending.result() == {"y": 1}
    stream = client.stream({}, deadline_seconds=5)
    server.open_stream(server.take(max_requests=1, wait_seconds=1)[0]).end()
    assert list(stream) == []
    queue.cancel("g")
    assert queue.forget("g") == 5
    queue.purge()
    assert server_settings(url, ["maxmemory-policy"]) == {"maxmemory-policy": "noeviction"}
    for wrong in (
        f"rediss://potstill:wrong@{where}",
        f"rediss://other:{SECRET}@{where}",
        f"rediss://{where}",
    ):
        assert "refused" in refusal(wrong)


def test_the_least_rights_reach_no_other_keys_and_no_administration(start_server):
    port = free_port()
    start_server("--user", "potstill", "on", f">{SECRET}", *LEAST_RIGHTS, port=port)
    connection = connect(f"redis://potstill:{SECRET}@127.0.0.1:{port}/0")
    for command in (
        ("GET", "other"),
        ("FLUSHALL",),
        ("CONFIG SET", "dir", "/"),
        ("KEYS", "*"),
        ("ACL LIST",),
    ):
        with pytest.raises(QueueUnavailableError, match="refused a command") as caught:
            connection.exchange(command)
        assert SECRET not in str(caught.value)
