"""`POST /_emulator/...` of the Salesforce emulator: what only its own tests and demos may do."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import orjson

from destinations.salesforce.emulator.refusals import Refusal
from transformer.emulator.server import ADMIN, Answer, Call, Handler, json_answer


class Org(Protocol):
    """What the routes need of the emulator."""

    def add(self, object_name: str, values: Mapping[str, object]) -> str:
        """Create a record."""
        ...

    def edit(self, record_id: str, values: Mapping[str, object]) -> None:
        """Update a record."""
        ...

    def delete(self, record_id: str) -> None:
        """Delete a record."""
        ...

    def merge(self, winner_id: str, loser_id: str) -> None:
        """Merge two records."""
        ...

    def convert_lead(self, lead_id: str, *, opportunity: bool = False) -> dict[str, str]:
        """Convert a lead."""
        ...

    def expire_sessions(self) -> None:
        """End every session."""
        ...

    def set_quota_used(self, calls: int) -> None:
        """Set the calls used."""
        ...


def routes(org: Org) -> Iterable[tuple[str, str, Handler]]:
    """Return the routes; each takes a JSON object and answers one."""

    def records(given: Mapping[str, object]) -> object:
        values = given.get("values")
        return {"id": org.add(_text(given, "object"), values if isinstance(values, dict) else {})}

    def edit(given: Mapping[str, object]) -> object:
        values = given.get("values")
        org.edit(_text(given, "id"), values if isinstance(values, dict) else {})
        return {}

    def delete(given: Mapping[str, object]) -> object:
        org.delete(_text(given, "id"))
        return {}

    def merge(given: Mapping[str, object]) -> object:
        org.merge(_text(given, "winner"), _text(given, "loser"))
        return {}

    def convert(given: Mapping[str, object]) -> object:
        return org.convert_lead(_text(given, "id"), opportunity=given.get("opportunity") is True)

    def quota(given: Mapping[str, object]) -> object:
        used = given.get("used")
        if not isinstance(used, int):
            raise _BadRequest("used: expected a number of calls")
        org.set_quota_used(used)
        return {}

    def expire(_given: Mapping[str, object]) -> object:
        org.expire_sessions()
        return {}

    named = {
        "records": records,
        "edit": edit,
        "delete": delete,
        "merge": merge,
        "convert": convert,
        "quota": quota,
        "sessions/expire": expire,
    }
    return [("POST", f"{ADMIN}/{path}", _handler(act)) for path, act in named.items()]


class _BadRequest(ValueError):
    """A body that lacks what the route needs."""


def _handler(act: Callable[[Mapping[str, object]], object]) -> Handler:
    def handle(call: Call, _params: Mapping[str, str]) -> Answer:
        try:
            given = orjson.loads(call.body or b"{}")
            return json_answer(act(given if isinstance(given, dict) else {}))
        except Refusal as refusal:
            return json_answer(refusal.top_level(), refusal.status)
        except ValueError as error:
            return json_answer({"error": str(error)}, 400)

    return handle


def _text(given: Mapping[str, object], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise _BadRequest(f"{name}: expected a text")
    return value
