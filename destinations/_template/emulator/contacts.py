"""The contacts of the emulated account: their fields, their rules, and what was written."""

from collections.abc import Mapping

from transformer.clock import Clock
from transformer.emulator.store import Row, Store

Values = dict[str, object]

CONTACT = "contact"
STANDARD: Mapping[str, str] = {"email": "text", "first_name": "text", "last_name": "text"}
LONGEST_TEXT = 255


class Refusal(Exception):
    """One row is refused, with the vendor's error."""

    def __init__(self, status: int, code: str, message: str, record_id: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.error = {"code": code, "message": message, **({"id": record_id} if record_id else {})}


class Contacts(Store[Row]):
    """All contacts. E-mails are unique, whatever their case."""

    kinds = (CONTACT,)

    def __init__(self, fields: Mapping[str, str], clock: Clock) -> None:
        super().__init__(clock, Row)
        self.fields = {**STANDARD, **fields}

    def upsert(self, values: object) -> tuple[Row, bool]:
        """Create or update by e-mail; whether it was created."""
        checked = self._checked(values)
        there = self.by_email(str(checked["email"]))
        if there is None:
            return self.insert(CONTACT, checked), True
        self.change(CONTACT, there, checked)
        return there, False

    def create(self, values: object) -> Row:
        """Create; an e-mail that is there is refused with the id of who has it."""
        checked = self._checked(values)
        there = self.by_email(str(checked["email"]))
        if there is not None:
            raise Refusal(409, "exists", "A contact with this email exists.", there.id)
        return self.insert(CONTACT, checked)

    def update(self, record_id: str, values: object) -> Row:
        """Change what `values` name."""
        row = self.find(record_id)
        self.change(CONTACT, row, self._checked({**row.values, **_object(values)}))
        return row

    def find(self, record_id: str) -> Row:
        """Return a contact; raises Refusal."""
        row = self.get(CONTACT, record_id)
        if row is None:
            raise Refusal(404, "not_found", f"There is no contact {record_id}.")
        return row

    def by_email(self, email: str) -> Row | None:
        """Return the contact with this e-mail."""
        return self.folded(CONTACT, "email", email)

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


def _fits(kind: str, value: object) -> bool:
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str) and len(value) <= LONGEST_TEXT
