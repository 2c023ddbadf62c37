"""Whether an event is for this destination at all, and which upserts of the mapping apply."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from transformer.event import Event, ExternalId
from transformer.mapping.conversions import ABSENT
from transformer.mapping.model import Condition
from transformer.mapping.reading import raw_value
from transformer.outcome import Reason, Skipped


@dataclass(frozen=True, slots=True)
class Options:
    """What the connection's configuration says about evaluating its mapping.

    `integrations` are the names that opt in (row S2). `map_properties` off sends traits as they
    are (S9). `required_defaults` `always` writes defaults of required fields on update too (S7).
    """

    opt_in: Literal["required", "off"]
    integrations: tuple[str, ...]
    map_properties: bool = True
    required_defaults: Literal["create", "always"] = "create"


_NOT_OPTED_IN: Final = Skipped(Reason.NOT_OPTED_IN)
_OPTED_OUT: Final = Skipped(Reason.OPTED_OUT)


def opted_out(integrations: Mapping[str, object], options: Options) -> Skipped | None:
    """The skip that `integrations` asks for, or None when the event is for this destination.

    To opt in takes `true` or an options object under one of the names; `All` does not.
    """
    named: object = ABSENT
    for name in options.integrations:
        named = integrations.get(name, ABSENT)
        if named is not ABSENT:
            break
    if named is True or type(named) is dict:
        return None
    if options.opt_in == "required":
        return _NOT_OPTED_IN
    if named is False or (named is ABSENT and integrations.get("All") is False):
        return _OPTED_OUT
    return None


def entries_of(condition: Condition, event: Event) -> list[tuple[int, ExternalId, str]]:
    """The external ids that the condition asks for: position, entry, what follows the prefix."""
    return [
        (index, entry, entry.type[len(prefix) :])
        for index, entry in enumerate(event.external_ids)
        for prefix in condition.external_id
        if entry.type.startswith(prefix)
    ]


def holds(condition: Condition, event: Event) -> bool:
    """Whether all parts but the type hold; of `external_id` only that there is any at all."""
    if condition.external_id and not event.external_ids:
        return False
    if condition.no_external_id and event.external_ids and _has_external_id(condition, event):
        return False
    if condition.names and not _is_named(condition, event):
        return False
    if not (condition.present or condition.absent or condition.equals):
        return True
    return (
        all(raw_value(source, event) is not ABSENT for source in condition.present)
        and all(raw_value(source, event) is ABSENT for source in condition.absent)
        and all(_equals(raw_value(source, event), among) for source, among in condition.equals)
    )


def _has_external_id(condition: Condition, event: Event) -> bool:
    return any(entry.type.startswith(condition.no_external_id) for entry in event.external_ids)


def _is_named(condition: Condition, event: Event) -> bool:
    name = event.root.get("event")
    return type(name) is str and name in condition.names


def _equals(value: object, among: tuple[object, ...]) -> bool:
    """Equal as JSON: `true` is not 1."""
    return any(
        value == each and isinstance(value, bool) == isinstance(each, bool) for each in among
    )
