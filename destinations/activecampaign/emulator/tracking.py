"""Event tracking of the emulator: its switch, its names, and the endpoint beside the API."""

from collections.abc import Iterable, Mapping

import orjson

from destinations.activecampaign.emulator.answers import body_of, error, missing, only, page
from destinations.activecampaign.emulator.contacts import Contacts
from destinations.activecampaign.emulator.store import Store
from transformer.emulator.server import Answer, Call, Handler, json_answer, query_pairs
from transformer.emulator.store import text

FORM = "application/x-www-form-urlencoded"
MAX_NAME = 32
KNOWN = frozenset({"actid", "key", "event", "eventdata", "visit"})


class Tracking:
    """Tracked events. Failures are answered with 200 and `success: 0`."""

    def __init__(self, store: Store, contacts: Contacts, *, actid: str, key: str) -> None:
        self._store = store
        self._contacts = contacts
        self._actid = actid
        self._key = key
        self.enabled = True

    def routes(self, root: str) -> Iterable[tuple[str, str, Handler]]:
        """The routes below `root`, and `/event`."""
        yield "GET", f"{root}/eventTracking", self._state
        yield "PUT", f"{root}/eventTracking", self._switch
        yield "GET", f"{root}/eventTrackingEvents", self._names
        yield "POST", f"{root}/eventTrackingEvents", self._add_name
        yield "POST", "/event", self._track

    def _state(self, _call: Call, _params: Mapping[str, str]) -> Answer:
        return json_answer({"eventTracking": {"enabled": self.enabled}})

    def _switch(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call, "eventTracking")
        only(body, ("enabled",))
        self.enabled = body.get("enabled") is True
        return self._state(call, {})

    def _names(self, call: Call, _params: Mapping[str, str]) -> Answer:
        rows = self._store.rows["eventTrackingEvents"].values()
        return page(call, "eventTrackingEvents", [{"name": row.get("name")} for row in rows])

    def _add_name(self, call: Call, _params: Mapping[str, str]) -> Answer:
        body = body_of(call, "eventTrackingEvent")
        only(body, ("name",))
        name = text(body.get("name"))
        if not name:
            raise missing("The event name was not provided.", "name")
        if next(self._store.where("eventTrackingEvents", name=name), None) is not None:
            raise error("The event name already exists.", "duplicate", "name")
        self._store.insert("eventTrackingEvents", {"name": name})
        return json_answer({"eventTrackingEvent": {"name": name}}, 201)

    def _track(self, call: Call, _params: Mapping[str, str]) -> Answer:
        if not call.headers.get("Content-Type", "").startswith(FORM):
            return _failed("Content type must be form-encoded")
        form = dict(query_pairs(call.body.decode("utf-8", "replace")))
        problem = self._problem(form)
        if problem is not None:
            return _failed(problem)
        email = _email(form["visit"])
        contact = None if email is None else self._contacts.by_email(email)
        if contact is None:
            return _failed("Contact not found")
        name = form["event"]
        if next(self._store.where("eventTrackingEvents", name=name), None) is None:
            self._store.insert("eventTrackingEvents", {"name": name})
        self._store.insert(
            "trackedEvents",
            {"contact": contact.id, "event": name, "eventdata": form.get("eventdata", "")},
        )
        return json_answer({"success": 1, "message": "Event spawned"})

    def _problem(self, form: Mapping[str, str]) -> str | None:
        if not self.enabled:
            return "Event tracking is not enabled"
        if unknown := sorted(set(form) - KNOWN):
            return f"Unknown parameter {unknown[0]}"
        if form.get("actid") != self._actid or form.get("key") != self._key:
            return "Invalid key or actid"
        if not form.get("event"):
            return "No event name specified"
        if len(form["event"]) > MAX_NAME:
            return f"An event name has up to {MAX_NAME} characters"
        return None if form.get("visit") else "No visitor specified"


def _email(visit: str) -> str | None:
    try:
        given = orjson.loads(visit)
    except orjson.JSONDecodeError:
        return None
    email = given.get("email") if isinstance(given, dict) else None
    return email if isinstance(email, str) else None


def _failed(words: str) -> Answer:
    return json_answer({"success": 0, "message": words})
