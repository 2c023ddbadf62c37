"""The contacts of the emulated account: their fields, their rules, and what was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Values = dict[str, object]

STANDARD: Mapping[str, str] = {"email": "text", "first_name": "text", "last_name": "text"}
LONGEST_TEXT = 255


class Refusal(Exception):
    """One row is refused, with the vendor's error."""

    def __init__(self, status: int, code: str, message: str, record_id: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.error = {"code": code, "message": message, **({"id": record_id} if record_id else {})}


@dataclass(slots=True)
class Row:
    """One contact; `history` lists (request number, values) of every write."""

    id: str
    values: Values
    history: list[tuple[int, Values]] = field(default_factory=list)


class Contacts:
    """All contacts. E-mails are unique, whatever their case."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = {**STANDARD, **fields}
        self.rows: dict[str, Row] = {}
        self._by_email: dict[str, Row] = {}
        self._last_id = 0

    def clear(self) -> None:
        """Forget every contact."""
        self.rows.clear()
        self._by_email.clear()

    def upsert(self, values: object, request: int) -> tuple[Row, bool]:
        """Create or update by e-mail; whether it was created."""
        checked = self._checked(values)
        there = self._by_email.get(_key(checked))
        if there is not None:
            return self._write(there, checked, request), False
        return self._insert(checked, request), True

    def create(self, values: object, request: int) -> Row:
        """Create; an e-mail that is there is refused with the id of who has it."""
        checked = self._checked(values)
        there = self._by_email.get(_key(checked))
        if there is not None:
            raise Refusal(409, "exists", "A contact with this email exists.", there.id)
        return self._insert(checked, request)

    def update(self, record_id: str, values: object, request: int) -> Row:
        """Change what `values` name."""
        row = self.find(record_id)
        return self._write(row, self._checked({**row.values, **_object(values)}), request)

    def find(self, record_id: str) -> Row:
        """Return a contact; raises Refusal."""
        row = self.rows.get(record_id)
        if row is None:
            raise Refusal(404, "not_found", f"There is no contact {record_id}.")
        return row

    def by_email(self, email: str) -> Row | None:
        """Return the contact with this e-mail."""
        return self._by_email.get(email.casefold())

    def delete(self, record_id: str) -> None:
        """Delete it, as the vendor's own users do."""
        self._by_email.pop(_key(self.rows.pop(record_id).values), None)

    def _insert(self, values: Values, request: int) -> Row:
        self._last_id += 1
        row = self.rows[str(self._last_id)] = Row(str(self._last_id), {})
        return self._write(row, values, request)

    def _write(self, row: Row, values: Values, request: int) -> Row:
        self._by_email.pop(_key(row.values), None)
        row.values.update(values)
        row.history.append((request, values))
        self._by_email[_key(row.values)] = row
        return row

    def _checked(self, values: object) -> Values:
        given = _object(values)
        for name, value in given.items():
            kind = self.fields.get(name)
            if kind is None:
                raise Refusal(422, "unknown_field", f"There is no field {name}.")
            if value is not None and not _fits(kind, value):
                raise Refusal(422, "invalid", f"{name} must be {kind}.")
        if "@" not in str(given.get("email")):
            raise Refusal(422, "required", "email must be an address.")
        return given


def _object(values: object) -> Values:
    if not isinstance(values, dict):
        raise Refusal(422, "invalid", "A contact must be an object.")
    return values


def _key(values: Values) -> str:
    return str(values.get("email")).casefold()


def _fits(kind: str, value: object) -> bool:
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str) and len(value) <= LONGEST_TEXT
