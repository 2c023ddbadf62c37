"""What an answer calls a code: as it is when it has a code's form, else `unlisted_code`."""

import pytest

from transformer.errors import UNLISTED, code_word

KNOWN = frozenset({"invalid_grant", "GONE"})


@pytest.mark.parametrize(
    "code",
    [
        "invalid_grant", "GONE", "UNABLE_TO_LOCK_ROW", "HTTP_400", "VALIDATION_ERROR",
        "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    ],
)  # fmt: skip
def test_a_code_stays(code: str) -> None:
    """Known ones, and capitals joined by `_`."""
    assert code_word(code, KNOWN) == code


@pytest.mark.parametrize(
    "told",
    [
        "", "gone", "ada", "Ada", "ADA", "ada_lovelace", "ada@x.io", "+15550001", "555", 555, None,
        "FAILED a@b.c", "FAILED_\n", "_", "A_", "HTTP_4000", "HTTP_15550001", ["GONE"], {"a": 1},
        "00D5e000000abcd!AQ0AQ", "pat-na1-0f8fad5b-d9cb-469f-a165-70867728950e",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "0123456789abcdef0123456789abcdef01234567",
        "abcdefabcdefabcdefabcdefabcdefabcdefabcd", "ABCDEFGHIJKLMNOPQRSTUVWXYZ_A",
        "Q7CANARY_ACCESS", "A_" * 40 + "A",
    ],
)  # fmt: skip
def test_what_a_token_or_a_customer_may_look_like_is_no_code(told: object) -> None:
    """Whatever an answer has in a code's place, also an echo of the request."""
    assert code_word(told, KNOWN) == UNLISTED
