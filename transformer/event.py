"""An event: a decoded identify, track or group call. Values only; `decode.py` makes them."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

EventType: TypeAlias = Literal["identify", "track", "group"]
# The other calls of the specification: they share the topic, and no mapping asks for them.
OtherType: TypeAlias = Literal["page", "screen", "alias"]


class ExternalId(NamedTuple):
    """One entry of `context.externalId`: the CRM's id of the person or object.

    `type` is as sent (`Salesforce-Contact`); `id` is None when absent, null or empty;
    `identifier_type` is None when absent or empty.
    """

    type: str
    id: str | None
    identifier_type: str | None


class Event(NamedTuple):
    """One call, with the merged traits (row K2) and the parsed bytes as they were (`root`).

    `event_time` is epoch seconds from `timestamp`, else `originalTimestamp`, `sentAt`,
    `receivedAt`, else the record's own time. Nothing in `root` may be changed.
    """

    type: EventType | OtherType
    message_id: str
    event_time: float
    traits: Mapping[str, object]
    properties: Mapping[str, object]
    integrations: Mapping[str, object]
    external_ids: tuple[ExternalId, ...]
    root: Mapping[str, object]
