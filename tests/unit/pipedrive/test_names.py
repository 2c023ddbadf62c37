"""A person's name from its parts, and from what Pipedrive makes of them."""

import pytest

from destinations.pipedrive.names import completed


@pytest.mark.parametrize(
    ("parts", "name", "expected"),
    [
        ({"first_name": "Ana"}, "Ana Lopez", "Ana Lopez"),
        ({"first_name": "Eva"}, "Ana Lopez", "Eva Lopez"),
        ({"last_name": "Diaz"}, "Ana Lopez", "Ana Diaz"),
        ({"first_name": "Ana María"}, "Ana María", "Ana María"),
        ({"first_name": "Ana María"}, "Ana María Lopez", "Ana María Lopez"),
        ({"last_name": "van der Berg"}, "Ana van der Berg", "Ana van der Berg"),
        ({"first_name": "Ana María", "last_name": "Lopez"}, "Ana María", "Ana María Lopez"),
        ({"first_name": "Ann"}, "Anna Lopez", "Ann Lopez"),
    ],
)
def test_half_a_name_keeps_the_other_half(parts: dict[str, str], name: str, expected: str) -> None:
    """Written twice it is the same name, also where Pipedrive split it at the wrong space."""
    first, _, last = name.partition(" ")
    record = {"name": name, "first_name": first, "last_name": last}
    assert completed(parts, record) == expected
