"""The stage of the demonstration: an emulator of every kind of CRM, and a connection to each.

The first is told of in detail and is made for its story; the others come as the contract suite
has them.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from transformer import app
from transformer.clock import Clock
from transformer.destination import Kind, Settings
from transformer.emulator.server import Emulator

MAIN: Final = "salesforce"
_CUSTOM_FIELDS: Final = {
    "Lead": [
        "plan__c:string(40)",
        "score__c:double(8,2)",
        "newsletter__c:boolean",
    ],
}
_CUSTOM_OBJECTS: Final = {
    "Subscription__c": [
        "Number__c:string(20):externalId,unique",
        "Seats__c:double(6,0)",
        "Status__c:string(20)",
    ],
}
_HEAD: Final = """\
kafka:
  bootstrap_servers: {servers}
  topics: [events]
  partitions: 4
http: {{port: 0}}
log: {{level: warning}}
connections:
"""
_CONNECTION: Final = """\
  - name: {name}
    destination: {kind}
    paused: false
    settings: {settings}
    delivery: {{linger_seconds: 0.5}}
"""


@dataclass(frozen=True, slots=True)
class Player:
    """One kind of CRM with its emulator, and how a connection reaches that."""

    kind: Kind
    emulator: Emulator
    settings: Settings

    @property
    def connection(self) -> str:
        """The name of the connection."""
        return self.kind.name.replace("_", "-")


@asynccontextmanager
async def players(clock: Clock) -> AsyncIterator[Sequence[Player]]:
    """Serve an emulator of every kind of CRM in the registry, the main one first."""
    others = [name for name in app.kind_names() if name != MAIN]
    main = app.emulator(MAIN, custom_fields=_CUSTOM_FIELDS, custom_objects=_CUSTOM_OBJECTS)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(main.serve())
        found = [Player(app.kind(MAIN), main, main.connection_settings())]
        for name in others:
            subject = app.subject(name).relaxed(clock)
            await stack.enter_async_context(subject.emulator.serve())
            found.append(Player(app.kind(name), subject.emulator, subject.settings()))
        yield found


def opted_in(cast: Sequence[Player]) -> Sequence[str]:
    """The names by which an event goes to all of them."""
    return [player.kind.integrations[0] for player in cast]


def configuration(servers: Sequence[str], cast: Sequence[Player]) -> str:
    """The configuration file of the worker: one connection for each CRM."""
    connections = (
        _CONNECTION.format(
            name=player.connection, kind=player.kind.name, settings=_flow(player.settings)
        )
        for player in cast
    )
    return _HEAD.format(servers=",".join(servers)) + "".join(connections)


def _flow(settings: Mapping[str, object]) -> str:
    """The settings in one line: JSON is YAML."""
    return json.dumps(dict(settings))
