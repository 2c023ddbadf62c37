"""Values of single fields: from JSON to what is stored, or the refusal Salesforce gives."""

import re
from collections.abc import Mapping

from destinations.salesforce.emulator import ids, times
from destinations.salesforce.emulator.describe import field_label
from destinations.salesforce.emulator.refusals import Refusal, parser_error
from destinations.salesforce.emulator.schema import NUMBER_TYPES, TEXT_TYPES, Field, ObjectType
from destinations.salesforce.emulator.store import Value

_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\.[A-Za-z0-9-]{2,}\Z"
)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")
_INT_MAX = 2**31 - 1


def coerce(field: Field, value: object) -> Value:
    """Return what a field stores for a JSON value; raises the refusal of a wrong type.

    Empty text is null. Numbers and booleans may come as text that reads as one.
    """
    if value is None:
        return None
    if isinstance(value, (dict, list)):
        token = "START_ARRAY value [" if isinstance(value, list) else "START_OBJECT value {"
        raise _cannot_read(field, token)
    if field.type in NUMBER_TYPES or field.type == "boolean":
        return _boolean(field, value) if field.type == "boolean" else _number(field, value)
    if not isinstance(value, str):
        raise _cannot_read(field, _token(value))
    if value == "":
        return None
    return _moment(field, value) if field.type in {"date", "datetime"} else value


def check(kind: ObjectType, field: Field, value: Value) -> Value:
    """Check picklist, length, e-mail and range of a value and return it as stored."""
    if value is None:
        return None
    name = field_label(kind, field)
    if isinstance(value, str):
        _check_text(name, field, value)
    elif field.type == "int" and abs(value) > _INT_MAX:
        raise _out_of_range(name, field)
    elif field.type in NUMBER_TYPES and field.precision:
        if abs(value) >= 10 ** (field.precision - field.scale):
            raise _out_of_range(name, field)
        return round(value, field.scale) if isinstance(value, float) else value
    return value


def reference_id(kind: ObjectType, field: Field, value: str) -> str:
    """Return the long form of a reference, or raise MALFORMED_ID."""
    found = ids.normalise(value)
    if found is None:
        raise wrong_id_type(kind, field, value)
    return found


def wrong_id_type(kind: ObjectType, field: Field, value: str) -> Refusal:
    """Return the refusal of an id that is malformed, or of another object."""
    text = f"{field_label(kind, field)}: id value of incorrect type: {value}"
    return Refusal("MALFORMED_ID", text, fields=[field.name])


def is_blank(value: object) -> bool:
    """Tell whether a required field was left out by this value."""
    return value is None or (isinstance(value, str) and not value.strip())


def _check_text(name: str, field: Field, value: str) -> None:
    if field.restricted and not _listed(field, value):
        text = f"{name}: bad value for restricted picklist field: {value}"
        raise Refusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, fields=[field.name])
    if field.length and len(value) > field.length and field.type in TEXT_TYPES:
        shown = value if len(value) <= field.length * 2 else value[: field.length * 2]
        text = f"{name}: data value too large: {shown} (max length={field.length})"
        raise Refusal("STRING_TOO_LONG", text, fields=[field.name])
    if field.type == "email" and not _EMAIL.match(value):
        text = f"{name}: invalid email address: {value}"
        raise Refusal("INVALID_EMAIL_ADDRESS", text, fields=[field.name])


def _listed(field: Field, value: str) -> bool:
    chosen = value.split(";") if field.type == "multipicklist" else [value]
    return all(one in field.values for one in chosen)


def _number(field: Field, value: object) -> Value:
    if isinstance(value, bool):
        raise _cannot_read(field, _token(value))
    if isinstance(value, str):
        if value == "":
            return None
        if not _NUMBER.match(value):
            raise _cannot_read(field, _token(value))
        value = float(value)
    if not isinstance(value, (int, float)):
        raise _cannot_read(field, _token(value))
    if field.type == "int":
        if value != int(value):
            raise _cannot_read(field, _token(value))
        return int(value)
    return float(value)


def _boolean(field: Field, value: object) -> Value:
    if isinstance(value, bool):
        return value
    known: Mapping[object, bool] = {"true": True, "false": False}
    if isinstance(value, str) and value.lower() in known:
        return known[value.lower()]
    raise _cannot_read(field, _token(value))


def _moment(field: Field, given: str) -> str:
    read = times.read_date(given) if field.type == "date" else times.read_datetime(given)
    if read is None:
        raise _cannot_read(field, _token(given))
    return read


def _token(value: object) -> str:
    if isinstance(value, bool):
        return f"VALUE_{str(value).upper()} value {str(value).lower()}"
    if isinstance(value, int):
        return f"VALUE_NUMBER_INT value {value}"
    if isinstance(value, float):
        return f"VALUE_NUMBER_FLOAT value {value}"
    return f"VALUE_STRING value {value}"


def _cannot_read(field: Field, token: str) -> Refusal:
    known = "double" if field.type in NUMBER_TYPES - {"int"} else field.type
    return parser_error(
        f"Cannot deserialize instance of {known} from {token} "
        "or request may be missing a required field at [line:1, column:2]"
    )


def _out_of_range(name: str, field: Field) -> Refusal:
    text = f"{name}: value outside of valid range on numeric field"
    return Refusal("NUMBER_OUTSIDE_VALID_RANGE", text, fields=[field.name])
