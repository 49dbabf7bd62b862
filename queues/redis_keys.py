"""Every key of a run on the Redis server, with its type and meaning.

All keys begin with ``potstill:{RUN}:LAYOUT:``; the braces are a hash tag, so that a run lives in one cluster slot,
and ``LAYOUT`` is the number of this table: another version of potstill that keeps its keys otherwise sees an empty
queue, into which a resumed run puts what is not in its files, and never half a ledger.
The Lua scripts receive that beginning as ``KEYS[1]`` and build the rest exactly as below.

============================ ====== ========================================================================
key after the beginning      type   meaning
============================ ====== ========================================================================
``task:ID``                  hash   one task: kind, group, priority, max_attempts, payload (codec), rank,
                                    state (waiting | leased | done | dead | cancelled), attempts, fence,
                                    owner, deadline (ms), error, failed (fence of the last reported failure),
                                    submitted (ms)
``waiting:KIND``             zset   ids ready to lease, by rank = (9 - priority) * 2^48 + order of arrival
``delayed:KIND``             zset   ids backing off after a failure, by the time they become ready (ms)
``leases``                   zset   ids being worked on, by deadline (ms)
``wake:KIND``                list   a token per task put since a worker last found none, at most 2000
``submitted:GROUP``          hash   kind -> tasks ever submitted
``duplicates``               hash   group -> acknowledgements refused
``groups``                   set    all groups ever submitted
``kinds``                    set    all kinds ever submitted
``open:GROUP``               set    ids waiting or leased
``dead:GROUP``               set    ids that used up their attempts
``cancelled:GROUP``          set    ids that were cancelled
``results:GROUP``            hash   id -> result (codec) of every done task
``settled:GROUP``            list   a door: opened when no task of the group is waiting or leased any more,
                                    closed by who waits for that and finds some
``room``                     list   a door: closed by a producer that found the queue full, opened when
                                    tasks leave
``sequence``                 string counter: order of arrival
``fence``                    string the newest fence: the server's time (us), or more than the last
``tallies:KIND``             string for the metrics: 64-bit counters (``BITFIELD``) of what happened since the run
                                    began: delivered, failed, expired; of the time from submission to first delivery,
                                    then of that from last delivery to acknowledgement: ms in all, and how many tasks
                                    took at most 2^E ms for E = 0..21, and longer
``workers``                  hash   owner -> facts (codec) of the last heartbeat
``worker_deadlines``         zset   owner, by the time its heartbeat goes stale (ms)
``rpc:SERVICE:request:ID``   hash   one request: body (codec), submitted, deadline (ms), inbox, attempt; expires at
                                    its deadline
``rpc:SERVICE:waiting``      list   ids of requests to serve, oldest first
``rpc:SERVICE:wake``         list   one token per waiting request that no blocked server was woken for yet
``rpc:SERVICE:leases``       zset   ids taken by a server, by the time they are delivered again (ms)
``rpc:SERVICE:full``         string there while a client waits for room; expires with its request
``rpc:SERVICE:room``         list   a door: opened by a server that makes room; expires
``rpc:SERVICE:frames:ID``    stream frames (codec: body, error or end) of a streamed answer; an entry's id is the
                                    delivery of the request and the number of the frame; expires
``rpc:SERVICE:frames_room:ID`` list a door: opened by a caller that makes room for frames; expires
``rpc:SERVICE:inbox:CLIENT`` list   replies (codec: id, body or error) to one client; expires
============================ ====== ========================================================================

A door is open while its list holds its one element. It is waited for with ``BLMOVE door door``, which lets
any number through and leaves it open.
"""

from __future__ import annotations

from dataclasses import dataclass

from potstill.queues.task import ID_PATTERN

#: One more whenever a key, its type or its meaning changes.
LAYOUT = 2


@dataclass(frozen=True)
class RedisKeys:
    """The keys of one run."""

    run: str
    """Matches ``ID_PATTERN``."""

    def __post_init__(self) -> None:
        if not ID_PATTERN.match(self.run):
            raise ValueError(f"run must match {ID_PATTERN.pattern}: got {self.run!r}")

    @property
    def base(self) -> str:
        """The beginning of every key of the run in this layout."""
        return f"{self.any_layout}{LAYOUT}:"

    @property
    def any_layout(self) -> str:
        """The beginning of every key of the run, those that another version left included."""
        return f"potstill:{{{self.run}}}:"

    def of(self, *parts: str) -> str:
        """The key of the table above with these parts, e.g. ``of("ledger", group)``."""
        return self.base + ":".join(parts)

    def service(self, service: str) -> str:
        """The beginning of every key of one remote service."""
        if not ID_PATTERN.match(service):
            raise ValueError(f"service must match {ID_PATTERN.pattern}: got {service!r}")
        return self.of("rpc", service) + ":"
