"""The search handler: filters over what the index knows, with the limits of the guide.

The index lags: a record shows as it was `lag_seconds` ago.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from destinations.hubspot.emulator.portal import Portal
from destinations.hubspot.emulator.reading import body_of, number, text, texts
from destinations.hubspot.emulator.refusals import Refusal, invalid
from destinations.hubspot.emulator.schema import ObjectType
from destinations.hubspot.emulator.store import Record
from transformer.clock import Clock
from transformer.emulator.server import Answer, Call, Handler, json_answer

MAX_GROUPS, MAX_FILTERS, MAX_TOTAL = 5, 6, 18
MAX_PAGE, MAX_BODY_CHARS, MAX_RESULTS = 200, 3_000, 10_000
PAGE = 10

Test = Callable[[str | None], bool]
Found = tuple[Record, Mapping[str, str]]


class Search:
    """`POST {o}/search`."""

    def __init__(self, portal: Portal, clock: Clock, lag_seconds: float) -> None:
        self._portal = portal
        self._clock = clock
        self._lag = lag_seconds

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, path below the objects' root, handler."""
        return (("POST", "/{o}/search", self._search),)

    def _search(self, call: Call, params: Mapping[str, str]) -> Answer:
        kind, body = self._portal.schema.find(params["o"]), body_of(call)
        if len(call.body.decode("utf-8", "replace")) > MAX_BODY_CHARS:
            raise invalid(f"The request body must be at most {MAX_BODY_CHARS} characters")
        limit, after = number(body, "limit", PAGE), number(body, "after", 0)
        if not 1 <= limit <= MAX_PAGE:
            raise invalid(f"limit must be between 1 and {MAX_PAGE}")
        if after + limit > MAX_RESULTS:
            raise invalid(f"Paging past {MAX_RESULTS} results is not possible")
        groups = [self._group(kind, each) for each in _groups(body)]
        found = self._matching(kind, groups)
        _sort(found, body.get("sorts"))
        names = texts(body, "properties") or kind.defaults
        page = found[after : after + limit]
        answer: dict[str, object] = {
            "total": len(found),
            "results": [_shown(record, indexed, names) for record, indexed in page],
        }
        if after + limit < len(found):
            answer["paging"] = {"next": {"after": str(after + limit)}}
        return json_answer(answer)

    def _matching(
        self, kind: ObjectType, groups: Sequence[Sequence[tuple[str, Test]]]
    ) -> list[Found]:
        until = self._clock.wall() - self._lag
        found: list[Found] = []
        for record in self._portal.store.all(kind):
            indexed = record.indexed(until)
            if indexed is None:
                continue
            if not groups or any(all(t(indexed.get(n)) for n, t in group) for group in groups):
                found.append((record, indexed))
        return found

    def _group(
        self, kind: ObjectType, filters: Sequence[Mapping[str, object]]
    ) -> Sequence[tuple[str, Test]]:
        tests = []
        for each in filters:
            name = text(each, "propertyName")
            prop = kind.find(name)
            if prop is None:
                raise invalid(f"There was a problem with the request. Property {name} not found")
            tests.append((name, _test(each, prop.type)))
        return tests


def _groups(body: Mapping[str, object]) -> Sequence[Sequence[Mapping[str, object]]]:
    given = body.get("filterGroups", [])
    if not isinstance(given, list):
        raise invalid("filterGroups must be an array")
    groups = []
    for group in given:
        filters = group.get("filters") if isinstance(group, Mapping) else None
        if not isinstance(filters, list) or not all(isinstance(f, Mapping) for f in filters):
            raise invalid("filterGroups: filters must be an array of objects")
        groups.append(filters)
    total = sum(len(group) for group in groups)
    if len(groups) > MAX_GROUPS or total > MAX_TOTAL or any(len(g) > MAX_FILTERS for g in groups):
        limits = f"{MAX_GROUPS} filterGroups, {MAX_FILTERS} filters in each, {MAX_TOTAL} in total"
        raise Refusal(400, "VALIDATION_ERROR", f"Too many filters: at most {limits}")
    return groups


def _test(given: Mapping[str, object], kind: str) -> Test:
    """The test of one filter on a value; text compares without case."""
    operator = text(given, "operator")

    def fold(value: object) -> float | str:
        return _comparable(str(value), kind)

    if operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        return lambda value: bool(value) is (operator == "HAS_PROPERTY")
    if operator in {"IN", "NOT_IN"}:
        wanted = {fold(each) for each in texts(given, "values")}
        if kind == "string" and any(each != each.lower() for each in texts(given, "values")):
            wanted = set()  # values of text properties must be lower case
        return lambda value: (bool(value) and fold(value) in wanted) is (operator == "IN")
    low = fold(text(given, "value"))
    if operator == "BETWEEN":
        high = fold(text(given, "highValue"))
        return lambda value: bool(value) and _order(low, fold(value)) and _order(fold(value), high)
    if operator in {"CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}:
        token = str(low).strip("*")
        return lambda value: (token in str(value or "").lower()) is (operator == "CONTAINS_TOKEN")
    tests: Mapping[str, Test] = {
        "EQ": lambda value: bool(value) and fold(value) == low,
        "NEQ": lambda value: not value or fold(value) != low,
        "LT": lambda value: bool(value) and not _order(low, fold(value)),
        "LTE": lambda value: bool(value) and _order(fold(value), low),
        "GT": lambda value: bool(value) and not _order(fold(value), low),
        "GTE": lambda value: bool(value) and _order(low, fold(value)),
    }
    if operator not in tests:
        raise invalid(f"operator: {operator} is not one of the allowed operators")
    return tests[operator]


def _order(one: float | str, other: float | str) -> bool:
    """Whether `one` is not after `other`."""
    if isinstance(one, str) or isinstance(other, str):
        return str(one) <= str(other)
    return one <= other


def _comparable(value: str, kind: str) -> float | str:
    """A number for numbers and times, else folded text."""
    try:
        if kind in {"number", "date", "datetime"} and value.lstrip("-").isdecimal():
            return float(value)
        if kind in {"date", "datetime"}:
            moment = datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return moment.timestamp() * 1000
        if kind == "number":
            return float(value)
    except ValueError:
        pass
    return value.lower()


def _sort(found: list[Found], sorts: object) -> None:
    if not isinstance(sorts, list) or not sorts:
        return
    if len(sorts) > 1:
        raise invalid("Only one sort is allowed")
    first = sorts[0]
    if isinstance(first, Mapping):
        name, down = str(first.get("propertyName")), first.get("direction") == "DESCENDING"
    else:
        name, down = str(first).removeprefix("-"), str(first).startswith("-")
    found.sort(key=lambda each: each[1].get(name, ""), reverse=down)


def _shown(record: Record, indexed: Mapping[str, str], names: Sequence[str]) -> dict[str, object]:
    shown = record.to_json(names)
    properties = shown["properties"]
    if isinstance(properties, dict):
        shown["properties"] = {name: indexed.get(name) for name in properties}
    return shown
