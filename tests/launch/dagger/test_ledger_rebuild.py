from __future__ import annotations

import pytest

from potstill.launch.dagger.ledger_rebuild import LedgerRebuild
from potstill.launch.errors import BadInputError
from potstill.queues.task import Ledger


def rebuild(rig):
    ledgers = LedgerRebuild(
        config=rig.config, run="tiny-1", run_dir=rig.run_dir, queue=rig.queue, store_url=rig.url
    )
    ledgers.rebuild()
    return ledgers.warnings


def results(queue):
    """By task what its result says of the work; in which attempt, and how the return was rounded, is not in files."""
    kept = ("seed", "success", "steps", "render_calls", "checkpoint_sha256")
    return {
        task: {key: result[key] for key in kept if key in result}
        for group in queue.groups()
        for task, result in queue.results(group).items()
    }


#: Killed before the event of this number, so much of what the server knew as done is in no file yet: of a training
#: or an evaluation whose end was not recorded. Episodes are files all the same.
@pytest.mark.parametrize(("number", "unrecorded"), [(2, 1), (5, 0), (8, 3)])
def test_the_ledger_of_every_finished_stage_comes_back_from_files(rig, number, unrecorded):
    rig.run(kill_before=number)
    before, kept = rig.queue.ledger(), results(rig.queue)
    rig.lose_queue()
    assert rebuild(rig) == []
    found = results(rig.queue)
    assert {task: kept[task] for task in found} == found
    assert rig.queue.ledger() == Ledger(submitted=len(found), done=len(found))
    assert before.done - len(found) == unrecorded


def test_of_a_round_being_collected_episodes_are_done_and_the_rest_waits(rig):
    rig.on_tick = _die_with_two_episodes(rig)
    with pytest.raises(_Died):
        rig.run()
    committed = {entry.index for entry in rig.store.entries(0)}
    rig.lose_queue()
    rebuild(rig)
    assert 0 < len(committed) < 4
    assert rig.queue.ledger() == Ledger(submitted=4, done=len(committed), waiting=4 - len(committed))


@pytest.mark.parametrize("number", [1, 8])
def test_a_rebuilt_run_ends_as_if_nothing_had_happened(rig, uninterrupted, number):
    rig.run(kill_before=number)
    committed = {(i, entry.index): entry.sha256 for i in (0, 1) for entry in rig.store.entries(i)}
    rig.lose_queue()
    rebuild(rig)
    rig.on_tick = lambda: None
    rig.run()
    assert rig.outcome() == uninterrupted[0].outcome()
    assert rig.queue.ledger() == uninterrupted[0].queue.ledger()
    now = {(i, entry.index): entry.sha256 for i in (0, 1) for entry in rig.store.entries(i)}
    assert now == now | committed


def test_rebuilding_twice_or_over_a_server_that_knows_all_changes_nothing(rig):
    rig.run()
    before, kept = rig.queue.ledger(), results(rig.queue)
    rebuild(rig)
    assert (rig.queue.ledger(), results(rig.queue)) == (before, kept)
    rig.lose_queue()
    rebuild(rig)
    rebuild(rig)
    assert (rig.queue.ledger(), results(rig.queue)) == (before, kept)


def test_a_damaged_episode_of_an_open_round_is_said_and_waits_again(rig):
    rig.run(kill_before=1)
    (data,) = (rig.run_dir / "episodes/round_00").glob("00001.*.safetensors")
    data.write_bytes(data.read_bytes()[:-100])
    rig.lose_queue()
    (warning,) = rebuild(rig)
    assert data.name in warning
    assert rig.queue.ledger() == Ledger(submitted=4, done=3, waiting=1)


def test_a_damaged_episode_of_a_sealed_round_is_refused_and_left_where_it_is(rig):
    rig.run(kill_before=3)
    (data,) = (rig.run_dir / "episodes/round_00").glob("00001.*.safetensors")
    data.write_bytes(data.read_bytes()[:-100])
    rig.lose_queue()
    with pytest.raises(BadInputError, match="restore the file"):
        rebuild(rig)
    assert len(rig.store.entries(0)) == 4


def test_a_run_that_has_not_begun_has_an_empty_ledger(rig):
    rebuild(rig)
    assert rig.queue.ledger() == Ledger()


class _Died(BaseException):
    pass


def _die_with_two_episodes(rig):
    def look():
        if len(rig.store.entries(0)) >= 2:
            raise _Died

    return look
