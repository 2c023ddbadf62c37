"""A record that an earlier try made is recognised as Pipedrive keeps it."""

import pytest

from destinations.pipedrive.objects import ACTIVITIES, DEALS, NOTES, ObjectKind
from destinations.pipedrive.recent import same


@pytest.mark.parametrize(
    ("kind", "sent", "held", "alike"),
    [
        (DEALS, {"title": " Big "}, {"title": "Big"}, True),
        (DEALS, {"title": "Big", "value": 10.0}, {"title": "Big", "value": 10}, True),
        (DEALS, {"title": "Big", "currency": "EUR"}, {"title": "Big", "currency": "eur"}, True),
        (DEALS, {"title": "Big", "person_id": 7}, {"title": "Big", "person_id": "7"}, True),
        (DEALS, {"title": "Big", "value": 10}, {"title": "Big", "value": 11}, False),
        (DEALS, {"title": "Big"}, {"title": "Bigger"}, False),
        (DEALS, {"title": "Big", "person_id": 7}, {"title": "Big", "person_id": None}, False),
        (NOTES, {"content": "<b>a</b>\nb"}, {"content": "<strong>a</strong><br>b "}, True),
        (
            NOTES,
            {"content": "a<script>x()</script> &amp; b"},
            {"content": "<p>a &amp; b</p>"},
            True,
        ),
        (NOTES, {"content": "<b>a</b>"}, {"content": "<b>b</b>"}, False),
        (ACTIVITIES, {"subject": "S", "note": ""}, {"subject": "S", "note": None}, True),
        (ACTIVITIES, {"subject": "S", "note": "x"}, {"subject": "S", "note": None}, False),
    ],
)
def test_values_are_compared_as_pipedrive_keeps_them(
    kind: ObjectKind, sent: dict[str, object], held: dict[str, object], *, alike: bool
) -> None:
    """Trimmed, sanitized, numbers as texts: what was sent is still known again."""
    assert same(kind, sent, held) is alike
