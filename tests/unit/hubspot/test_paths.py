"""Names of objects, paths and properties as HubSpot spells them."""

import pytest

from destinations.hubspot.paths import object_name, paths
from destinations.hubspot.schema import spellings


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Contact", "contacts"),
        ("contacts", "contacts"),
        ("COMPANIES", "companies"),
        ("0-3", "deals"),
        ("2-123", "2-123"),
        ("p123_Pets", "p123_Pets"),
        ("../x", None),
        ("a b", None),
        ("", None),
    ],
)
def test_an_object_is_named_as_paths_have_it(given: str, name: str | None) -> None:
    """What could leave the path is no name."""
    assert object_name(given) == name


def test_each_version_has_its_own_paths() -> None:
    """The date comes after the area; events moved in 2026-09."""
    assert paths("v3").objects == "/crm/v3/objects"
    assert paths("v3").associations == "/crm/v4/associations"
    assert paths("2026-03").objects == "/crm/objects/2026-03"
    assert paths("2026-03").send == "/events/2026-03/send"
    assert paths("2026-09").send == "/events/custom/2026-09/send"


def test_a_trait_s_name_is_looked_for_in_hubspot_s_spellings() -> None:
    """As it is first."""
    assert spellings("favoriteColor") == ("favoriteColor", "favoritecolor", "favorite_color")
    assert spellings("Plan Name") == ("Plan Name", "plan_name")
    assert spellings("plan") == ("plan",)
