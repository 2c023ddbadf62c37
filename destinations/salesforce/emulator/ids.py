"""Salesforce record ids: 15 characters, or 18 with a checksum; made, checked and normalised."""

import re
from collections.abc import Mapping

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?\Z")

PREFIXES: Mapping[str, str] = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "RecordType": "012",
    "AssignmentRule": "01Q",
    "CampaignMember": "00v",
    "CampaignMemberStatus": "01Y",
    "Lead": "00Q",
    "Task": "00T",
    "Event": "00U",
    "Campaign": "701",
}
ORGANIZATION_PREFIX = "00D"
JOB_PREFIX = "750"
LOCATOR_PREFIX = "01g"


def to18(short: str) -> str:
    """Add the checksum to a 15-character id."""
    return short + "".join(
        _CHECK[sum(1 << bit for bit, char in enumerate(short[at : at + 5]) if "A" <= char <= "Z")]
        for at in (0, 5, 10)
    )


def make(prefix: str, number: int) -> str:
    """Return the 18-character id of the `number`-th record under `prefix`."""
    digits = ""
    while number:
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return to18(f"{prefix}Dn000{digits:0>7}"[:15])


def normalise(text: str) -> str | None:
    """Return the 18-character form of an id in either form, or None when it is malformed.

    The last three characters of the long form restore its letter case, so that it is accepted
    all in upper or all in lower case too, as it comes out of case-insensitive tools.
    """
    if not _SHAPE.match(text):
        return None
    if len(text) == 15:  # noqa: PLR2004 the length is the rule
        return to18(text)
    if to18(text[:15]) == text:
        return text
    if text not in {text.upper(), text.lower()}:
        return None
    restored = _restore_case(text.upper())
    return restored if to18(restored[:15]) == restored else None


def _restore_case(text: str) -> str:
    chars: list[str] = []
    for group in range(3):
        bits = _CHECK.find(text[15 + group])
        if bits < 0:
            return text
        for bit in range(5):
            char = text[group * 5 + bit]
            chars.append(char if bits >> bit & 1 else char.lower())
    return "".join(chars) + text[15:]
