"""Whether an exported file does what the network does, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from potstill.policies.export_format import LoadedExport
from potstill.policies.export_module import ExportModule
from potstill.policies.one_thread import one_thread

#: An exported network may differ by this much from the one it was made of.
TOLERANCE = 1e-5
#: Seeded inputs of the comparison, in batches of several sizes.
_BATCHES = (1, 2, 5, *(8,) * 124)
_SEED = 20_240_711
_WARM_UP_CALLS, _TIMED_CALLS = 30, 300

Outputs = Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds of a call with one row."""

    p50: float
    p99: float


@dataclass(frozen=True, kw_only=True)
class ExportCheck:
    """What came of a comparison."""

    rows: int
    """Inputs compared."""
    difference: float
    """The largest of any output. Of an action it is absolute; of an output with values beyond 1 it is relative to the
    largest of them, because that is what rounding scales with. NaN if one was."""
    exported: Latency
    eager: Latency

    @property
    def passed(self) -> bool:
        """Whether the file may be used in place of the network."""
        return self.difference <= TOLERANCE  # NaN is not


def check_export(module: ExportModule, loaded: LoadedExport) -> ExportCheck:
    """Compare a file with its network on 1,000 seeded inputs, then time both in turns on one thread.

    Raises:
        KeyError: an output is missing.
    """
    rng = np.random.default_rng(_SEED)
    with one_thread():
        inputs = (module.examples(rng, rows) for rows in _BATCHES)
        pairs = [(module.act(batch), loaded.act(batch)) for batch in inputs]
        eager, exported = _latencies((module.act, loaded.act), module.examples(rng, 1))
    return ExportCheck(
        rows=sum(_BATCHES),
        difference=float(np.max([_difference(pairs, name) for name in module.outputs])),
        exported=exported,
        eager=eager,
    )


def _difference(pairs: Sequence[tuple[Outputs, Outputs]], name: str) -> float:
    wanted = np.concatenate([eager[name] for eager, _ in pairs])
    found = np.concatenate([exported[name] for _, exported in pairs])
    return float(np.max(np.abs(wanted - found))) / max(1.0, float(np.max(np.abs(wanted))))


def _latencies(
    calls: tuple[Callable[[Mapping[str, np.ndarray]], object], ...], inputs: Mapping[str, np.ndarray]
) -> list[Latency]:
    """In turns, so that what else the machine does meets all of them alike."""
    seconds = np.empty((_WARM_UP_CALLS + _TIMED_CALLS, len(calls)))
    for row in seconds:
        for index, call in enumerate(calls):
            started = time.perf_counter()
            call(inputs)
            row[index] = time.perf_counter() - started
    quantiles = np.percentile(seconds[_WARM_UP_CALLS:] * 1e3, (50, 99), axis=0)
    return [Latency(p50=float(p50), p99=float(p99)) for p50, p99 in quantiles.T]
