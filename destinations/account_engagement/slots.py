"""What a prospect's field takes, by its type: for the check. Pure.

The API lists the types of custom fields, not their options; those of standard ones are documented.
"""

from collections.abc import Mapping

from destinations.account_engagement.fields import NUMBERS, TRUTHS, Field
from transformer.kit import fit
from transformer.kit.fit import Kinds, Refusal, Slot

_STRICT: Mapping[str, tuple[Kinds, Kinds, Refusal]] = {
    "boolean": (fit.TRUTHS, fit.TEXT, fit.a_truth),
    "whole number": (fit.INTEGERS, fit.TEXT | fit.NUMBERS, fit.a_whole_number),
    "number": (fit.NUMBERS, fit.TEXT, fit.a_number),
    "date": (fit.MOMENTS, fit.TEXT, fit.a_date),
}


def slot_of(object_type: str, field: Field) -> Slot:
    """What `field` takes; anything where its type is not one of the strict ones."""
    kind = field.type or "text"
    if field.name in TRUTHS | NUMBERS:
        kind = "boolean" if field.name in TRUTHS else "whole number"
    shown = f"{object_type}.{field.name}"
    takes, reads, refusal = _STRICT.get(kind, (fit.ANYTHING, fit.NOTHING, fit.anything))
    return Slot(shown, kind, takes, reads, refusal)
