"""What a body must look like: Pipedrive's v2 is strict, numbers in text are refused.

Knows the wire types of the standard fields and the field types of custom ones.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime

from destinations.pipedrive.emulator.refusals import Refusal, invalid
from destinations.pipedrive.emulator.schema import INDUSTRIES, Custom, Schema, Standard
from destinations.pipedrive.emulator.store import Store, Values

VARCHAR_CHARS = 255
NOTE_CHARS = 100_000
ACTIVITY_TYPES = ("call", "meeting", "task", "deadline", "email", "lunch")
CURRENCIES = ("EUR", "USD", "GBP", "SEK", "JPY")
STAGES = {1: 1, 2: 1, 3: 1, 4: 2}
LINKS = frozenset({"persons", "organizations", "deals", "leads"})
NOTE_LINKS = ("lead_id", "deal_id", "person_id", "org_id", "project_id", "task_id")
REQUIRED = {"persons": ("name",), "organizations": ("name",), "deals": ("title",),
            "leads": ("title",), "notes": ("content",)}  # fmt: skip
CHOICES: Mapping[str, tuple[object, ...]] = {
    "visibility": (1, 3, 5, 7),
    "lead_visibility": ("1", "3", "5", "7"),
    "marketing": ("no_consent", "unsubscribed", "subscribed", "archived"),
    "deal_status": ("open", "won", "lost", "deleted"),
    "activity_type": ACTIVITY_TYPES,
    "currency": CURRENCIES,
    "industry": tuple(range(1, len(INDUSTRIES) + 1)),
    "flag": (0, 1),
    "pipeline": (1, 2),
    "stage": tuple(STAGES),
}
ADDRESS_KEYS = frozenset(
    {
        "value", "country", "admin_area_level_1", "admin_area_level_2", "locality", "sublocality",
        "route", "street_number", "subpremise", "postal_code",
    }
)  # fmt: skip
_PARTS = {"monetary": "currency", "daterange": "until", "timerange": "until"}
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_PLAIN_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


class Rules:
    """Checks bodies against the schema and the records there are."""

    def __init__(self, schema: Schema, store: Store, users: frozenset[int]) -> None:
        self._schema = schema
        self._store = store
        self._users = users

    def checked(self, kind: str, body: object, *, creating: bool) -> Values:
        """Return the values a body sets; raises Refusal for the first thing that is wrong."""
        if not isinstance(body, Mapping):
            raise invalid("body", "expected an object")
        standard, values = self._schema.standard(kind), dict[str, object]()
        for name, value in body.items():
            if name == "custom_fields" and kind not in {"leads", "notes", "activities"}:
                values["custom_fields"] = self._custom(kind, value)
            elif name in standard:
                values[name] = self._standard(standard[name], value, creating=creating)
            elif kind == "leads" and self._is_flat(name):
                values[name] = value
            else:
                raise invalid(name, "unknown parameter")
        if creating:
            self._require(kind, values)
        return values

    def _is_flat(self, name: str) -> bool:
        """Whether v1 knows `name` at the root of a body: a hash, or a part such as its currency."""
        code, _, part = name.partition("_")
        one = self._schema.custom("deals").get(code)
        return one is not None and (not part or part == _PARTS.get(one.field_type))

    def _require(self, kind: str, values: Values) -> None:
        for name in REQUIRED.get(kind, ()):
            value = values.get(name)
            if not isinstance(value, str) or not value.strip():
                raise invalid(name, "is required")
        if kind == "leads" and not (values.get("person_id") or values.get("organization_id")):
            raise Refusal(400, "A lead must be linked to a person or an organization.")
        if kind == "notes" and not any(values.get(name) for name in NOTE_LINKS):
            raise Refusal(400, "At least one of the IDs must be provided: " + ", ".join(NOTE_LINKS))

    def _standard(self, one: Standard, value: object, *, creating: bool) -> object:
        if not (one.create if creating else one.update):
            raise invalid(one.code, "unknown parameter")
        if value is None:
            if one.nullable:
                return None
            raise invalid(one.code, "must not be null")
        if one.wire in LINKS:
            return self._link(one.code, one.wire, value)
        if one.wire == "user":
            return self._user(one.code, value)
        if not _fits(one.wire, value) or (one.code == "name" and not str(value).strip()):
            raise invalid(one.code, f"expected {CHOICES.get(one.wire, one.wire)}")
        if one.wire == "participants" and isinstance(value, list):
            for each in value:
                self._link(f"{one.code}.person_id", "persons", each["person_id"])
        return _primary(value) if one.wire == "contacts" else value

    def _link(self, path: str, kind: str, value: object) -> object:
        fits = isinstance(value, str) if kind == "leads" else _whole(value)
        if not fits:
            raise invalid(path, "expected an id")
        if self._store.find(kind, value) is None:
            raise invalid(path, f"no such record in {kind}")
        return value

    def _user(self, path: str, value: object) -> object:
        if not _whole(value) or value not in self._users:
            raise invalid(path, "no such user")
        return value

    def _custom(self, kind: str, value: object) -> Values:
        if not isinstance(value, Mapping):
            raise invalid("custom_fields", "expected an object")
        known = self._schema.custom(kind)
        for code, inner in value.items():
            path = f"custom_fields.{code}"
            if code not in known:
                raise invalid(path, "unknown custom field")
            if inner is not None:
                self._custom_value(path, known[code], inner)
        return dict(value)

    def _custom_value(self, path: str, one: Custom, value: object) -> None:
        links = {"org": "organizations", "people": "persons"}
        if one.field_type in links:
            self._link(path, links[one.field_type], value)
        elif one.field_type == "user":
            self._user(path, value)
        elif one.field_type == "enum":
            if not _whole(value) or value not in one.options:
                raise invalid(path, "expected the id of an option")
        elif one.field_type == "set":
            fits = isinstance(value, list) and value and all(each in one.options for each in value)
            if not fits:
                raise invalid(path, "expected ids of options, at least one")
        elif not _CUSTOM_FITS[one.field_type](value):
            raise invalid(path, f"expected {one.field_type}")


def _fits(wire: str, value: object) -> bool:
    if wire in CHOICES:
        return value in CHOICES[wire] and not isinstance(value, bool)
    return _FITS[wire](value)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object) -> bool:
    return isinstance(value, str)


def _short(value: object) -> bool:
    return isinstance(value, str) and len(value) <= VARCHAR_CHARS


def _list_of(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(fits(each) for each in value)


def _date(value: object) -> bool:
    try:
        return isinstance(value, str) and len(value) == len("2026-11-22") and bool(
            date.fromisoformat(value)
        )  # fmt: skip
    except ValueError:
        return False


def _moment(value: object) -> bool:
    """RFC 3339 with an offset."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return False
    try:
        return bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _object(keys: frozenset[str], required: frozenset[str], *, fits: Callable[[object], bool]
            ) -> Callable[[object], bool]:  # fmt: skip
    def check(value: object) -> bool:
        if not isinstance(value, Mapping) or not required <= set(value) <= keys:
            return False
        return all(fits(each) for each in value.values())

    return check


def _contact(value: object) -> bool:
    if not isinstance(value, Mapping) or not set(value) <= {"value", "primary", "label"}:
        return False
    text = value.get("value")
    return (
        isinstance(text, str)
        and bool(text.strip())
        and isinstance(value.get("primary", False), bool)
        and isinstance(value.get("label", ""), str)
    )


def _primary(value: object) -> object:
    """Give a contact list its one primary entry: the first that says so, else the first."""
    entries = [dict(each) for each in value] if isinstance(value, list) else []
    chosen = next((n for n, each in enumerate(entries) if each.get("primary")), 0)
    return [
        {"value": each["value"], "primary": n == chosen, "label": each.get("label", "work")}
        for n, each in enumerate(entries)
    ]


def _participant(value: object) -> bool:
    return isinstance(value, Mapping) and _whole(value.get("person_id")) and set(value) <= {
        "person_id", "primary"}  # fmt: skip


def _lead_value(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == {"amount", "currency"}
        and _number(value["amount"])
        and value["currency"] in CURRENCIES
    )


def _monetary(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == {"value", "currency"}
        and _number(value["value"])
        and value["currency"] in CURRENCIES
    )


def _time(value: object) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def _note(value: object) -> bool:
    return isinstance(value, str) and len(value) <= NOTE_CHARS


_ADDRESS = _object(ADDRESS_KEYS, frozenset({"value"}), fits=_text)
_FITS: Mapping[str, Callable[[object], bool]] = {
    "text": _note,
    "integer": _whole,
    "number": _number,
    "boolean": lambda value: isinstance(value, bool),
    "date": _date,
    "datetime": _moment,
    "plain_datetime": lambda value: isinstance(value, str) and bool(_PLAIN_MOMENT.fullmatch(value)),
    "time": _time,
    "contacts": _list_of(_contact),
    "integers": _list_of(_whole),
    "uuids": _list_of(_text),
    "objects": _list_of(lambda value: isinstance(value, Mapping)),
    "address": _ADDRESS,
    "participants": _list_of(_participant),
    "lead_value": _lead_value,
}
_CUSTOM_FITS: Mapping[str, Callable[[object], bool]] = {
    "varchar": _short,
    "varchar_auto": _short,
    "phone": _short,
    "text": _note,
    "double": _number,
    "date": _date,
    "daterange": _object(frozenset({"value", "until"}), frozenset({"value", "until"}), fits=_date),
    "time": lambda value: isinstance(value, Mapping) and _time(value.get("value")),
    "timerange": lambda value: (
        isinstance(value, Mapping) and _time(value.get("value")) and _time(value.get("until"))
    ),
    "address": _ADDRESS,
    "monetary": _monetary,
}
