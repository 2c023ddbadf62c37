"""The hot path per event, as a multiple of what parsing its JSON alone costs.

`make bench` prints this table twice, for the plain code and for the compiled one, then that of the
whole worker (`worker.py`) and that of `calls.py`: API calls per 1,000 identifies. Each step is
measured in turns with the parsing, so that both see the same machine; the best round counts.
`python -m tests.bench.run hot` prints this table alone.
"""

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from destinations.salesforce.pack import encode
from destinations.salesforce.plan import Write
from tests.bench.calls import measure as measure_calls
from tests.bench.sample import identify
from tests.bench.worker import run as measure_worker
from transformer import app
from transformer.config import load_for_mapping
from transformer.decode import decode
from transformer.mapping import CompiledMapping
from transformer.outcome import Rejected
from transformer.record import Record
from transformer.upsert import Upsert

ROUNDS: Final = 25
EVENTS: Final = 200
_CONFIG: Final = (
    Path(__file__).parent.parent.parent / "destinations/salesforce/examples/minimal.yaml"
)
_MOST: Final = {
    "decode": 4.0,
    "decode, skip": 5.0,
    "decode, map": 12.0,
    "decode, map, encode": 16.0,
}
"""What each step may cost at most, in parsings; far above what is measured, to catch a blunder."""
_WORKER_EVENTS: Final = 30_000
_WORKER_MOST: Final = {
    "CPU per delivered event, in parsings": 60.0,
    "resident memory, MB": 220.0,
    "start to ready, s": 10.0,
}


@dataclass(frozen=True, slots=True)
class Result:
    """One step: events per second, and its cost in parsings."""

    step: str
    per_second: float
    ratio: float


def records() -> tuple[list[Record], list[Record]]:
    """Typical identify events: opted in, and the same ones not."""
    mapped = [identify(n, n).value or b"" for n in range(EVENTS)]
    skipped = [identify(n, n, opted_in=False).value or b"" for n in range(EVENTS)]
    return _records(mapped), _records(skipped)


def _records(values: list[bytes]) -> list[Record]:
    return [Record("events", 0, n, 0, None, value) for n, value in enumerate(values)]


def steps(mapping: CompiledMapping) -> dict[str, Callable[[], None]]:
    """What is measured, by name."""
    mapped, skipped = records()
    return {
        "parse": lambda: _each(mapped, lambda record: orjson.loads(record.value or b"")),
        "decode": lambda: _each(mapped, decode),
        "decode, skip": lambda: _each(skipped, lambda record: _evaluate(mapping, record)),
        "decode, map": lambda: _each(mapped, lambda record: _evaluate(mapping, record)),
        "decode, map, encode": lambda: _each(mapped, lambda record: _encode(mapping, record)),
    }


def _each(records: list[Record], step: Callable[[Record], object]) -> None:
    for record in records:
        step(record)


def _encode(mapping: CompiledMapping, record: Record) -> None:
    for upsert in _evaluate(mapping, record):
        encode(Write(0, "create", upsert, upsert.properties))


def _evaluate(mapping: CompiledMapping, record: Record) -> list[Upsert]:
    event = decode(record)
    if isinstance(event, Rejected):
        return []
    found = mapping.evaluate(event)
    return [one for one in found if isinstance(one, Upsert)] if isinstance(found, tuple) else []


def measure(rounds: int = ROUNDS) -> list[Result]:
    """Measure every step, interleaved; the best round of each counts."""
    (wired,) = app.wire(load_for_mapping(_CONFIG, app.kind, {}))
    measured = steps(wired.mapping)
    best = dict.fromkeys(measured, float("inf"))
    count = len(records()[0])
    gc.disable()
    try:
        for _ in range(rounds):
            for name, step in measured.items():
                best[name] = min(best[name], _seconds(step))
    finally:
        gc.enable()
    parsing = best["parse"]
    return [Result(name, count / took, took / parsing) for name, took in best.items()]


def _seconds(step: Callable[[], None]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def main() -> int:
    """Print the tables; 1 when a step or a CRM costs more than it ever should."""
    steps_cost = [(one.step, one.ratio, _MOST.get(one.step)) for one in _hot_path()]
    if sys.argv[1:] == ["hot"]:
        return 1 if any(most and cost > most for _, cost, most in steps_cost) else 0
    worker_costs = [(name, cost, _WORKER_MOST[name]) for name, cost in _whole_worker().items()]
    sys.stdout.write(f"\n{'CRM':<20} {'how':<50} {'API calls':>10} {'at most':>8}\n")
    calls = []
    for one in measure_calls():
        sys.stdout.write(f"{one.kind:<20} {one.how:<50} {one.calls:>10,} {one.at_most:>8,}\n")
        calls.append((one.kind, float(one.calls), float(one.at_most)))
    over = [
        name for name, cost, most in (*steps_cost, *worker_costs, *calls) if most and cost > most
    ]
    return 1 if over else 0


def _whole_worker() -> dict[str, float]:
    sys.stdout.write(
        f"\n{'whole worker: real Kafka, HTTP, emulated org':<50} {'':>10} {'at most':>8}\n"
    )
    figures = measure_worker(_WORKER_EVENTS)
    rows = {
        "CPU per delivered event, in parsings": figures["ratio"],
        "resident memory, MB": figures["resident_megabytes"],
        "start to ready, s": figures["start_seconds"],
    }
    for name, figure in rows.items():
        sys.stdout.write(f"{name:<50} {figure:>10,.1f} {_WORKER_MOST[name]:>8,.1f}\n")
    return rows


def _hot_path() -> list[Result]:
    results = measure()
    sys.stdout.write(f"{'step':<22} {'events/s':>10} {'in parsings':>12} {'at most':>8}\n")
    for result in results:
        most = _MOST.get(result.step)
        sys.stdout.write(
            f"{result.step:<22} {result.per_second:>10,.0f} {result.ratio:>12.1f} "
            f"{'' if most is None else f'{most:.1f}':>8}\n"
        )
    return results


if __name__ == "__main__":
    sys.exit(main())
