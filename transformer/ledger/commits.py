"""What the consumer group of each connection has committed, as the ledger last heard."""

from collections.abc import Iterable
from typing import Final

from transformer.broker import Broker
from transformer.errors import EnvironmentFault
from transformer.ledger.coverage import EVERY_OFFSET
from transformer.ledger.entry import Holder, by_connection
from transformer.telemetry.log import Log

_log: Final = Log("ledger")


class Commits:
    """`known` has a committed offset for every holder asked about: 0 where there is none.

    Where it never could be told it is `EVERY_OFFSET`: rather a false alarm than none.
    """

    def __init__(self, broker: Broker, group_prefix: str) -> None:
        self._broker = broker
        self._group_prefix = group_prefix
        self._refused: set[str] = set()
        self.known: dict[Holder, int] = {}

    async def ask(self, holders: Iterable[Holder]) -> None:
        """Ask the groups of all `holders`; what cannot be told now stays as it was."""
        for connection, asked in by_connection(holders).items():
            group = f"{self._group_prefix}{connection}"
            try:
                told = await self._broker.committed(group, asked)
            except EnvironmentFault as fault:
                self._say(group, fault)
                for partition in asked:
                    self.known.setdefault(Holder(connection, partition), EVERY_OFFSET)
                continue
            self._refused.discard(group)
            for partition in asked:
                self.known[Holder(connection, partition)] = told.get(partition, 0)

    def _say(self, group: str, fault: EnvironmentFault) -> None:
        if group not in self._refused:
            self._refused.add(group)
            _log.warning(
                "What a consumer group has committed is not told: age alone decides on its gaps.",
                group=group,
                problem=str(fault),
            )
