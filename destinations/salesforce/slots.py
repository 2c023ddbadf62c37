"""What a Salesforce field takes, by its type in describe: for the check. Pure.

Salesforce reads numbers, booleans and dates from text; it never makes text of a number or boolean.
Source: REST API Developer Guide, "Primitive Data Types" and "Field Types", read 2026-11-22.
"""

import re
from collections.abc import Callable, Mapping

from destinations.salesforce.schema import Field
from destinations.salesforce.soql import long_id
from transformer.kit import fit
from transformer.kit.fit import Kinds, Refusal, Slot
from transformer.upsert import Scalar

LARGEST_INT = 2**31 - 1
_LONGER = "Salesforce rejects longer ones (value_too_long)."
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def slot_of(object_type: str, field: Field) -> Slot:
    """What `field` takes; anything where its type is not one that is known."""
    name = f"{object_type}.{field.name}"
    known = _TYPES.get(field.type)
    if known is None:
        return Slot(name, field.type)
    takes, reads, refusal = known
    length = field.length if takes <= fit.TEXTS and field.length else None
    return Slot(name, field.type, takes, reads, refusal(field), length, _LONGER)


def _number(field: Field) -> Refusal:
    def refusal(value: Scalar) -> str | None:
        if (wrong := fit.a_number(value)) is not None:
            return wrong
        number = float(value)
        if field.type == "int":
            fits = number.is_integer() and abs(number) <= LARGEST_INT
            return None if fits else f"expected a whole number up to {LARGEST_INT}"
        if field.digits and abs(number) >= 10**field.digits:
            return f"expected at most {field.digits} digits before the point"
        return None

    return refusal


def _picklist(field: Field) -> Refusal:
    if field.options is None:
        return fit.anything
    return fit.one_of(field.options, ";" if field.type == "multipicklist" else None)


def _email(value: Scalar) -> str | None:
    return None if _EMAIL.fullmatch(str(value)) else "expected an e-mail address"


def _record_id(value: Scalar) -> str | None:
    return None if long_id(str(value)) else "expected a record id of 15 or 18 characters"


def _always(refusal: Refusal) -> Callable[[Field], Refusal]:
    return lambda _field: refusal


_TEXTS = (fit.TEXTS, fit.NOTHING, _always(fit.anything))
_CHOICE = (fit.TEXT, fit.NOTHING, _picklist)
_ID = (fit.TEXT, fit.NOTHING, _always(_record_id))
_DECIMAL = (fit.NUMBERS, fit.TEXT, _number)

_TYPES: Mapping[str, tuple[Kinds, Kinds, Callable[[Field], Refusal]]] = {
    "string": _TEXTS,
    "textarea": _TEXTS,
    "phone": _TEXTS,
    "url": _TEXTS,
    "encryptedstring": _TEXTS,
    "combobox": _TEXTS,
    "picklist": _CHOICE,
    "multipicklist": _CHOICE,
    "email": (fit.TEXT, fit.NOTHING, _always(_email)),
    "id": _ID,
    "reference": _ID,
    "int": _DECIMAL,
    "double": _DECIMAL,
    "currency": _DECIMAL,
    "percent": _DECIMAL,
    "boolean": (fit.TRUTHS, fit.TEXT, _always(fit.a_truth)),
    "date": (frozenset({"date"}), fit.TEXT, _always(fit.a_date)),
    "datetime": (frozenset({"datetime"}), fit.TEXT, _always(fit.a_moment)),
}
