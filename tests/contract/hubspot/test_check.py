"""`check --online` for HubSpot: everything that is wrong, at once, and no secret."""

from tests.contract.hubspot.portal import Setup, connected
from transformer.destination import FieldUse


async def findings_of(setup: Setup) -> list[tuple[str, str]]:
    """What the check says of a few fields: level and message."""
    uses = [
        FieldUse("contacts", "email", "m.yaml:1"),
        FieldUse("contacts", "firstnme", "m.yaml:2"),
        FieldUse("contacts", "createdate", "m.yaml:3"),
        FieldUse("unicorns", "name", "m.yaml:4"),
        FieldUse("custom_event", "revenue", "m.yaml:5"),
    ]
    return [(each.level, each.message) for each in await setup.destination.check(uses)]


async def test_check_online_says_everything_that_is_wrong() -> None:
    """Token, scopes, objects, names with a suggestion, rights, what is left of the day."""
    scopes = frozenset({"crm.objects.contacts.read", "crm.schemas.contacts.read"})
    async with connected({"unknown_properties": "reject"}, scopes=scopes) as setup:
        found = await findings_of(setup)
        assert found[0] == ("ok", "HubSpot accepts the token.")
        assert found[1][0] == "error"
        assert "the app lacks crm.objects.contacts.write" in found[1][1]
        assert (
            "error",
            'contacts.firstnme: no such property. Did you mean "firstname"?',
        ) in found
        assert (
            "warning",
            "contacts.createdate: read only, so it is left out of requests.",
        ) in found
        assert any("unicorns" in message for level, message in found if level == "error")
        assert found[-1][1].endswith("of 650000 API requests of the day are used;"
                                     " this connection stops at 650000.")  # fmt: skip


async def test_check_online_is_all_ok_for_an_oauth_app_too() -> None:
    """Its token is introspected, and it has no daily limit."""
    oauth = {
        "client_id": "11111111-2222-3333-4444-555555555555",
        "client_secret": "emulator-secret",
        "refresh_token": "emulator-refresh-token",
    }
    async with connected(oauth) as setup:
        found = await setup.destination.check([FieldUse("contacts", "email", "m.yaml:1")])
        assert [each.level for each in found] == ["ok", "ok", "ok", "ok"]


async def test_check_online_stops_at_a_refused_token() -> None:
    """Without showing it."""
    async with connected(token="pat-other") as setup:
        (finding,) = await setup.destination.check([])
        assert (finding.level, finding.where) == ("error", "credentials")
        assert "pat-" not in finding.message
