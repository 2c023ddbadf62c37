"""The WHERE of a statement: checked against field types, then compiled to a test of one row."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from destinations.salesforce.emulator import ids, times
from destinations.salesforce.emulator.schema import NUMBER_TYPES, Field
from destinations.salesforce.emulator.soql.dates import day_range
from destinations.salesforce.emulator.soql.parse import Compare, Condition, In, Logic
from destinations.salesforce.emulator.soql.paths import Names, Path
from destinations.salesforce.emulator.soql.tokens import Token, characters, unescape
from destinations.salesforce.emulator.store import Row, Store, Value

Test = Callable[[Row], bool]
_WORDS = {"TRUE": True, "FALSE": False, "NULL": None}
_NEGATED = {"=": "!=", "!=": "="}


class Where:
    """Compiles conditions of one statement."""

    def __init__(self, names: Names, store: Store, text: str, now: float) -> None:
        self._names = names
        self._store = store
        self._text = text
        self._now = now

    def compile(self, condition: Condition) -> Test:
        """Return the test; raises the refusal of a field, operator or literal that does not fit."""
        if isinstance(condition, Logic):
            tests = [self.compile(part) for part in condition.parts]
            if condition.operator == "NOT":
                return lambda row: not tests[0](row)
            if condition.operator == "AND":
                return lambda row: all(test(row) for test in tests)
            return lambda row: any(test(row) for test in tests)
        path = self._filterable(condition.field)
        if isinstance(condition, In):
            return self._in(path, condition)
        return self._compare(path, condition)

    def candidates(self, condition: Condition) -> Iterable[Row] | None:
        """Return the rows an index offers for a condition, or None when all must be tested."""
        if isinstance(condition, Logic):
            if condition.operator != "AND":
                return None
            offers = (self.candidates(part) for part in condition.parts)
            return next((offer for offer in offers if offer is not None), None)
        path = self._names.resolve(condition.field)
        if path.references or not (path.field.indexed or path.field.type == "id"):
            return None
        if isinstance(condition, In):
            wanted = [] if condition.negated else list(condition.literals)
        else:
            wanted = [condition.literal] if condition.operator == "=" else []
        values = [self._value(path.field, token) for token in wanted]
        if not values or any(value is None for value in values):
            return None
        return self._indexed(path.field, values)

    def _indexed(self, field: Field, values: Sequence[Value]) -> list[Row]:
        found: dict[str, Row] = {}
        for value in values:
            if field.type == "id":
                row = self._store.rows.get(str(value))
                rows = [row] if row is not None and row.type is self._names.kind else []
            else:
                rows = list(self._store.find_all(self._names.kind, field, value))
            found.update((row.id, row) for row in rows)
        return list(found.values())

    def _filterable(self, token: Token) -> Path:
        path = self._names.resolve(token)
        if not path.field.filterable:
            text = f"field '{path.field.name}' can not be filtered in a query call"
            raise self._names.refuse(token, text)
        return path

    def _in(self, path: Path, condition: In) -> Test:
        field, store, negated = path.field, self._store, condition.negated
        keys = {_key(field, self._value(field, token)) for token in condition.literals}
        if path.references:
            return lambda row: (_key(field, path.read(store, row)) in keys) is not negated
        name = field.name
        return lambda row: (_key(field, row.get(name)) in keys) is not negated

    def _compare(self, path: Path, condition: Compare) -> Test:
        field, store, operator = path.field, self._store, condition.operator
        if operator == "LIKE":
            return self._like(path, condition)
        days = self._days(field, condition.literal)
        if days is not None:
            return _day_test(path, store, operator, days)
        value = self._value(field, condition.literal)
        wanted = _key(field, value)
        if operator in _NEGATED:
            equal = operator == "="
            return lambda row: (_key(field, path.read(store, row)) == wanted) is equal
        if field.type in {"boolean", "id", "reference"} or wanted is None:
            raise self._names.refuse(
                condition.field,
                f"invalid operator on {field.type} field",
                "INVALID_QUERY_FILTER_OPERATOR",
            )
        ordered = _ORDERED[operator]
        return lambda row: _ordered(ordered, _key(field, path.read(store, row)), wanted)

    def _like(self, path: Path, condition: Compare) -> Test:
        field, token = path.field, condition.literal
        if field.type in {*NUMBER_TYPES, "boolean", "date", "datetime", "id", "reference"}:
            text = f"invalid operator on {field.type} field"
            raise self._names.refuse(condition.field, text, "INVALID_QUERY_FILTER_OPERATOR")
        if token.kind != "string":
            raise self._wrong_type(field, token)
        wild = {"%": ".*", "_": "."}
        pattern = "".join(
            re.escape(char) if escaped else wild.get(char, re.escape(char))
            for char, escaped in characters(self._text, token, like=True)
        )
        matcher = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        store = self._store
        return lambda row: matcher.fullmatch(str(path.read(store, row) or "")) is not None

    def _days(self, field: Field, token: Token) -> tuple[date, date] | None:
        if token.kind != "name" or field.type not in {"date", "datetime"}:
            return None
        return day_range(token.word, self._now)

    def _value(self, field: Field, token: Token) -> Value:
        """Return a literal as the field stores it; raises when the types differ."""
        if token.kind == "name" and token.word == "NULL":
            return None
        if field.type == "boolean":
            if token.kind == "name" and token.word in _WORDS:
                return _WORDS[token.word]
        elif field.type in NUMBER_TYPES:
            if token.kind == "number":
                return float(token.text)
        elif field.type in {"date", "datetime"}:
            if token.kind == field.type:
                read = times.read_date if field.type == "date" else times.read_datetime
                if moment := read(token.text):
                    return moment
        elif token.kind == "string":
            return self._text_value(field, token)
        raise self._wrong_type(field, token)

    def _text_value(self, field: Field, token: Token) -> Value:
        text = unescape(self._text, token)
        if field.type not in {"id", "reference"}:
            return text or None
        found = ids.normalise(text)
        if found is None:
            code = "INVALID_QUERY_FILTER_OPERATOR"
            raise self._names.refuse(token, f"invalid ID field: {text}", code)
        return found

    def _wrong_type(self, field: Field, token: Token) -> Exception:
        quoted = field.type not in {*NUMBER_TYPES, "boolean", "date", "datetime"}
        wanted = {"datetime": "dateTime", "currency": "double", "percent": "double"}.get(
            field.type, "string" if quoted else field.type
        )
        text = (
            f"value of filter criterion for field '{field.name}' must be of type {wanted} and "
            f"should {'' if quoted else 'not '}be enclosed in quotes"
        )
        return self._names.refuse(token, text)


_ORDERED: dict[str, Callable[[int], bool]] = {
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}


def _key(field: Field, value: Value) -> Value:
    if isinstance(value, str) and field.type not in {"id", "reference", "date", "datetime"}:
        return field.key(value)
    return value


def _ordered(accept: Callable[[int], bool], value: Value, wanted: Value) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        return accept((value > wanted) - (value < wanted))
    if isinstance(value, (int, float)) and isinstance(wanted, (int, float)):
        return accept((value > wanted) - (value < wanted))
    return False


def _day_test(path: Path, store: Store, operator: str, days: tuple[date, date]) -> Test:
    first, after = days[0].isoformat(), days[1].isoformat()

    def test(row: Row) -> bool:
        value = path.read(store, row)
        if not isinstance(value, str):
            return operator == "!="
        inside = first <= value < after
        answers = {
            "=": inside,
            "!=": not inside,
            "<": value < first,
            "<=": value < after,
            ">": value >= after,
            ">=": value >= first,
        }
        return answers[operator]

    return test
