"""Owners, and the pipelines with their stages. Values of a portal that records refer to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_DEALS = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)
_TICKETS = (
    ("1", "New", "OPEN"),
    ("2", "Waiting on contact", "OPEN"),
    ("3", "Waiting on us", "OPEN"),
    ("4", "Closed", "CLOSED"),
)
_CREATED = "2020-01-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Owner:
    """One owner; `user_id` is another number than `id`."""

    id: str
    email: str
    first_name: str
    last_name: str
    user_id: int

    def to_json(self) -> dict[str, object]:
        """Return what the owners API shows."""
        return {
            "id": self.id,
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first_name,
            "lastName": self.last_name,
            "userId": self.user_id,
            "userIdIncludingInactive": self.user_id,
            "createdAt": _CREATED,
            "updatedAt": _CREATED,
            "archived": False,
        }


OWNERS = (
    Owner("41629779", "ada@emulator.example", "Ada", "Admin", 9586504),
    Owner("41629780", "sam@emulator.example", "Sam", "Sales", 9586505),
)


class Pipelines:
    """The default pipeline of deals and the one of tickets."""

    _of: Mapping[str, tuple[str, str, str, Sequence[tuple[str, str, str]]]] = {
        "pipeline": ("deals", "default", "Sales Pipeline", _DEALS),
        "hs_pipeline": ("tickets", "0", "Support Pipeline", _TICKETS),
    }

    def labels(self, name: str) -> Mapping[str, str]:
        """The pipelines that the property `name` can hold, with their labels."""
        _, pipeline_id, label, _ = self._of[name]
        return {pipeline_id: label}

    def stages(self, name: str, _pipeline_id: str | None) -> Sequence[str]:
        """The stages of a pipeline."""
        return [stage for stage, _, _ in self._of[name][3]]

    def to_json(self, object_name: str) -> list[dict[str, object]]:
        """Return the pipelines of one object; none for those that have none."""
        for name, pipeline_id, label, stages in self._of.values():
            if name == object_name:
                key = "probability" if name == "deals" else "ticketState"
                return [_pipeline(pipeline_id, label, stages, key)]
        return []


def _pipeline(
    pipeline_id: str, label: str, stages: Sequence[tuple[str, str, str]], key: str
) -> dict[str, object]:
    stamps: dict[str, object] = {"createdAt": _CREATED, "updatedAt": _CREATED, "archived": False}
    return {
        "id": pipeline_id,
        "label": label,
        "displayOrder": 0,
        "stages": [
            {"id": each, "label": text, "displayOrder": order, "metadata": {key: value}, **stamps}
            for order, (each, text, value) in enumerate(stages)
        ],
        **stamps,
    }
