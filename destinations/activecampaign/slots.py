"""What an ActiveCampaign field takes, by its type and options: for the check. Pure.

Every value goes as text, and ActiveCampaign does not say what it does with one that is not of its
field's type: better to be told before.
"""

from collections.abc import Mapping, Sequence

from destinations.activecampaign import deals
from destinations.activecampaign.fields import Field
from destinations.activecampaign.values import SEPARATOR, cents_of, is_number, text_of
from transformer.kit import fit
from transformer.kit.fit import Kinds, Refusal, Slot
from transformer.upsert import Scalar

_STRICT: Mapping[str, tuple[Kinds, Refusal]] = {
    "number": (fit.NUMBERS, fit.a_number),
    "date": (frozenset({"date"}), fit.a_date),
    "datetime": (frozenset({"datetime"}), fit.a_moment),
}
_ONE_OPTION = frozenset({"dropdown", "radio"})
_SEVERAL_OPTIONS = frozenset({"listbox", "checkbox", "multiselect"})


def own_slot(kind: str, name: str) -> Slot:
    """What a field that every account has takes: only some of a deal's and an owner are strict."""
    shown = f"{kind}.{name}"
    if kind == "deal" and name == "value":
        return _money(shown)
    if name == "owner" or (kind == "deal" and name in deals.NUMBERS):
        return Slot(shown, "whole number", fit.INTEGERS, fit.TEXT | fit.NUMBERS, _whole)
    if kind == "deal" and name == "status":
        return Slot(shown, "status", fit.TEXT, fit.NUMBERS, _status)
    return Slot(shown, "text")


def slot_of(kind: str, field: Field, options: Sequence[str]) -> Slot:
    """What a custom field takes; `options` are those of its values, where they are known."""
    shown, type_ = f"{kind}.{field.title or field.tag}", field.type
    if type_ == "currency":
        return _money(shown)
    if type_ in _STRICT:
        takes, refusal = _STRICT[type_]
        return Slot(shown, type_, takes, fit.TEXT, refusal)
    if options and type_ in _ONE_OPTION | _SEVERAL_OPTIONS:
        judge = fit.one_of(options, SEPARATOR if type_ in _SEVERAL_OPTIONS else None)
        return Slot(shown, type_, fit.TEXT, fit.NUMBERS, judge)
    return Slot(shown, type_)


def _money(shown: str) -> Slot:
    return Slot(shown, "currency", fit.NUMBERS, fit.TEXT, _amount)


def _amount(value: Scalar) -> str | None:
    try:
        cents_of(value)
    except ValueError as error:
        return str(error)
    return None


def _whole(value: Scalar) -> str | None:
    return None if is_number(text_of(value) or "") else "expected a whole number"


def _status(value: Scalar) -> str | None:
    known = (text_of(value) or "").strip().casefold() in deals.STATUSES
    return None if known else "expected open, won or lost"
