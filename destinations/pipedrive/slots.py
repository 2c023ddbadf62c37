"""What a Pipedrive field takes, by its type and options: for the check. Pure.

Values are converted by `values.formatted`, which therefore judges the constants here too.
"""

from collections.abc import Mapping

from destinations.pipedrive import contacts, names, values
from destinations.pipedrive.body import LINKS, field_of
from destinations.pipedrive.fields import Field, Schema
from destinations.pipedrive.objects import PERSONS, ObjectKind
from transformer.kit import fit
from transformer.kit.fit import Kinds, Refusal, Slot
from transformer.upsert import Scalar

_LONGER = "Longer ones are rejected (value_too_long)."
# Amounts need some currency to be formatted; which one is not what is asked here.
_SOME_CURRENCY = "EUR"
_VARCHARS = frozenset({"varchar", "varchar_auto", "phone"})
_CHOICES = frozenset({"enum", "status", "set"})

_NUMBER = (fit.NUMBERS | fit.TRUTHS, fit.TEXT)  # true is written as 1
_WHOLE = (fit.INTEGERS | fit.TRUTHS, fit.TEXT | fit.NUMBERS)
_TRUTH = (fit.TRUTHS, fit.TEXT | fit.NUMBERS)
_MOMENT = (fit.MOMENTS | fit.NUMBERS, fit.TEXT)
_PARTS = (fit.TEXT, fit.NOTHING)

# By type: the kinds that are taken, and those of which what reads as one of them is.
_KINDS: Mapping[str, tuple[Kinds, Kinds]] = {
    **dict.fromkeys(("double", "monetary", "lead_value"), _NUMBER),
    **dict.fromkeys(("int", "ints", "user", "org", "people"), _WHOLE),
    **dict.fromkeys(("boolean", "flag"), _TRUTH),
    **dict.fromkeys(("date", "moment", "plain_moment"), _MOMENT),
    **dict.fromkeys(("daterange", "time", "timerange"), _PARTS),
}


def slot_of(kind: ObjectKind, name: str, schema: Schema) -> Slot | None:
    """What the field that `name` means takes; None when the company has none."""
    shown = f"{kind.name}.{name}"
    if kind is PERSONS and name in contacts.PROPERTIES:
        return Slot(shown, "contact", fit.TEXTS | fit.INTEGERS)
    if (kind is PERSONS and name in names.PARTS) or LINKS.get(name) in kind.links:
        return Slot(shown, "text", fit.TEXTS)
    one = field_of(kind, name, schema)
    return None if one is None else _slot(shown, one)


def _slot(shown: str, one: Field) -> Slot:
    refusal = _refusal(one)
    takes, reads = _KINDS.get(one.type, (fit.ANYTHING, fit.NOTHING))
    if one.type in _CHOICES:
        listed = refusal(True) is None and refusal(False) is None  # noqa: FBT003 - the values
        takes, reads = (fit.TEXT | fit.TRUTHS if listed else fit.TEXT), fit.NUMBERS
    most = values.LONGEST_VARCHAR if one.type in _VARCHARS else None
    return Slot(shown, one.type, takes, reads, refusal, most, _LONGER)


def _refusal(one: Field) -> Refusal:
    def refusal(value: Scalar) -> str | None:
        try:
            values.formatted(one.type, value, options=one.options, currency=_SOME_CURRENCY)
        except values.UnknownOption as error:
            return f"{error}: {', '.join(one.options) or 'it has none'}"
        except ValueError as error:
            return str(error)
        return None

    return refusal
