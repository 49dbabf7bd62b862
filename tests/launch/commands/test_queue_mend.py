from __future__ import annotations

import pytest

from potstill.queues.open_queue import open_queue


def test_retry_puts_dead_tasks_back(command, server, queue):
    code, out, _ = command("queue", "retry", "--redis", server, "--run", "run-a")
    assert code == 0 and out.startswith("1 task")
    ledger = queue.ledger()
    assert (ledger.dead, ledger.waiting) == (0, 2)


def test_retry_of_nothing_is_harmless(command, server, queue):
    for _ in range(2):
        code, out, _ = command("queue", "retry", "--redis", server, "--run", "run-a")
    assert code == 0 and out.startswith("0 tasks")
    assert queue.ledger().done == 1


def test_retry_of_a_task_that_is_not_dead_is_refused(refused, server, queue):
    line = refused("queue", "retry", "--redis", server, "--run", "run-a", "task-0")
    assert "task-0" in line and "task-1" in line
    assert queue.ledger().dead == 1


def test_purge_deletes_nothing_unless_it_is_asked_twice(refused, command, server, queue):
    assert "--yes" in refused("queue", "purge", "--redis", server, "--run", "run-a")
    assert queue.ledger().submitted == 3
    assert command("queue", "purge", "--redis", server, "--run", "run-a", "--yes")[0] == 0
    assert queue.ledger().submitted == 0
    assert open_queue(server, "run-b").ledger().submitted == 1


def test_purge_of_one_group_leaves_the_others(refused, command, server, queue):
    words = ("queue", "purge", "--redis", server, "--run", "run-a", "--group", "round_00.rollout")
    assert "3 tasks (1 waiting, 0 leased, 1 done, 1 dead, 0 cancelled)" in refused(*words)
    assert "are waiting or leased: cancel them first" in refused(*words, "--yes")
    queue.cancel("round_00.rollout")
    assert command(*words, "--yes")[0] == 0
    assert queue.groups() == []
    assert "has no group 'round_00.rollout'; groups: none" in refused(*words)


@pytest.mark.parametrize("words", [("task-2",), ("--group", "round_00.rollout"), ("--all",)])
def test_cancel_calls_off_what_is_open(command, server, queue, words):
    code, out, _ = command("queue", "cancel", "--redis", server, "--run", "run-a", *words)
    assert code == 0 and out.startswith("1 tasks cancelled")
    ledger = queue.ledger()
    assert (ledger.waiting, ledger.done, ledger.dead, ledger.cancelled) == (0, 1, 1, 1)
    assert open_queue(server, "run-b").ledger().waiting == 1


@pytest.mark.parametrize("words", [(), ("task-2", "--all"), ("--group", "g", "--all")])
def test_cancel_wants_to_know_what(refused, server, queue, words):
    line = refused("queue", "cancel", "--redis", server, "--run", "run-a", *words)
    assert "give TASK ..., --group GROUP or --all" in line
    assert queue.ledger().cancelled == 0
