"""Whose is a result: the rows of a batch and the results of its answer, in any order. Pure.

HubSpot puts objectWriteTraceId into errors; results may come without it, as in its own guide.
Source: "Error handling", multi-status errors, read 2026-11-22.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from destinations.hubspot.plan import Write
from destinations.hubspot.shape import blank

Result = Mapping[str, object]
Tell = Callable[[Sequence[Write], Result], Write | None]


def owners(
    writes: Sequence[Write], results: Sequence[Result]
) -> tuple[Mapping[int, Result], Sequence[Result]]:
    """The result of each row by its index, and the results that cannot be told to be of any.

    There are three ways to tell, the surest first: the trace id, the record that the row was sent
    for, and for a create the values that it set.
    """
    waiting = {write.index: write for write in writes}
    found: dict[int, Result] = {}
    left = list(results)
    for tell in _WAYS:
        unclaimed = []
        for result in left:
            write = tell(tuple(waiting.values()), result)
            if write is None:
                unclaimed.append(result)
            else:
                found[write.index] = result
                del waiting[write.index]
        left = unclaimed
    return found, left


def _by_trace(waiting: Sequence[Write], result: Result) -> Write | None:
    trace_id = result.get("objectWriteTraceId")
    return next((write for write in waiting if write.trace_id == trace_id), None)


def _by_record(waiting: Sequence[Write], result: Result) -> Write | None:
    held = _held(result)
    for write in waiting:
        told = held.get(write.id_property) if write.id_property else result.get("id")
        if write.record and _same(told, write.record):
            return write
    return None


def _by_values(waiting: Sequence[Write], result: Result) -> Write | None:
    """The create whose values the result has, if there is one such or all of them are alike."""
    held = _held(result)
    fitting = [write for write in waiting if write.kind == "create" and _fits(write, held)]
    most = max((len(_shared(write, held)) for write in fitting), default=0)
    best = [write for write in fitting if len(_shared(write, held)) == most > 0]
    return best[0] if best and _alike(best) else None


_WAYS: Sequence[Tell] = (_by_trace, _by_record, _by_values)


def _held(result: Result) -> Mapping[str, object]:
    properties = result.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _shared(write: Write, held: Mapping[str, object]) -> Sequence[str]:
    return [name for name, value in write.properties.items() if not blank(value) and name in held]


def _fits(write: Write, held: Mapping[str, object]) -> bool:
    return all(_same(held[name], write.properties[name]) for name in _shared(write, held))


def _same(told: object, sent: object) -> bool:
    """HubSpot trims texts, and has addresses and domains in lower case."""
    return str(told if told is not None else "").strip().lower() == str(sent).strip().lower()


def _alike(writes: Iterable[Write]) -> bool:
    return len({repr(sorted(write.properties.items())) for write in writes}) == 1
