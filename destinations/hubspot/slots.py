"""What a HubSpot property takes, by its type and options: for the check. Pure.

Values go as text, converted by `values.wire`, which therefore judges the constants here too.
"""

from collections.abc import Mapping

from destinations.hubspot.schema import Property
from destinations.hubspot.values import MAX_TEXT_CHARS, Unusable, wire
from transformer.kit import fit
from transformer.kit.fit import Kinds, Slot
from transformer.upsert import Scalar

# By type: the kinds that are taken, and those of which what reads as one of them is.
_KINDS: Mapping[str, tuple[Kinds, Kinds]] = {
    "number": (fit.NUMBERS, fit.TEXT),
    "bool": (fit.TRUTHS, fit.TEXT | fit.NUMBERS),
    "date": (fit.MOMENTS | fit.NUMBERS, fit.TEXT),
    "datetime": (fit.MOMENTS | fit.NUMBERS, fit.TEXT),
}


def slot_of(object_type: str, prop: Property) -> Slot:
    """What `prop` takes; text goes into every type that is not one of HubSpot's stricter ones."""

    def refusal(value: Scalar) -> str | None:
        try:
            wire(prop, value)
        except Unusable as error:
            return str(error).partition(", got ")[0]
        return None

    takes, reads = _KINDS.get(prop.type, (fit.ANYTHING, fit.NOTHING))
    if prop.type == "enumeration" and prop.options is not None:
        listed = refusal(True) is None and refusal(False) is None  # noqa: FBT003 - the values
        takes, reads = (fit.TEXT | fit.TRUTHS if listed else fit.TEXT), fit.NUMBERS
    name = f"{object_type}.{prop.name}"
    return Slot(name, prop.type, takes, reads, refusal, MAX_TEXT_CHARS)
