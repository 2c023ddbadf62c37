"""Every exception, grouped by what the caller does next.

TransformerError
├── ConfigurationError      fix the configuration or mapping, start again (exit 2)
├── EnvironmentFault        the broker or CRM cannot be reached at start (exit 3)
├── ProduceFailed           stop: a result or dead letter could not be produced (invariant 3)
├── PartitionLost           forget: another worker owns the partition now
└── WriteFailed             the whole request failed, nothing is known per upsert
    ├── Throttled           wait as long as the CRM says, send again
    ├── QuotaSpent          wait until the CRM's window rolls, send again
    ├── Unauthorized        credentials refused even after a refresh: wait, alert, send again
    ├── Unreachable         nothing arrived (connect, 502, 503, 504): wait, send again
    │   └── Fenced          not sent, because another worker may own the partitions by now
    ├── ServerFault         it arrived and failed (500, HTML): send again, then split
    ├── AnswerLost          it may have been applied: send again, creates are looked up first
    └── RequestRefused      it was refused as a whole (4xx): split until the bad upsert is found

Their texts are safe to log. What an answer says of itself is not: its free text goes into `detail`,
its codes through `code_word`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

UNLISTED: Final = "unlisted_code"
_LONGEST_CODE: Final = 64
_CODE: Final = re.compile(r"[A-Z]{1,24}(?:_[A-Z]{1,24}){1,9}|HTTP_\d{3}")


def code_word(value: object, known: Collection[str] = ()) -> str:
    """A CRM's code as it may stand in a message: one of `known`, or capitals joined by `_`.

    An answer may have anything where a code belongs, also an echo of the token or of the customer's
    data it was sent. No token, e-mail address, number or name has that form; what has another one
    is called `unlisted_code`, and is told in the `detail`.
    """
    if not isinstance(value, str) or len(value) > _LONGEST_CODE:
        return UNLISTED
    return value if value in known or _CODE.fullmatch(value) else UNLISTED


class TransformerError(Exception):
    """The root. Its text is safe to log: no secrets, no property values."""


class ConfigurationError(TransformerError):
    """Problems in configuration or mapping files, all of them, one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class EnvironmentFault(TransformerError):
    """The broker or the CRM cannot be reached or used at start."""


class ProduceFailed(TransformerError):
    """A result or dead letter was not acknowledged (invariant 3: the worker stops)."""


class PartitionLost(TransformerError):
    """The partition belongs to another worker now; what is left of it is not ours to settle."""


class WriteFailed(TransformerError):
    """A whole request failed. `detail` may hold customer data: topics only.

    `may_have_applied` says that the CRM may have done some of the work all the same: a create must
    be looked for before it is sent again (invariant 6).
    """

    def __init__(
        self,
        message: str,
        *,
        after_seconds: float | None = None,
        detail: str = "",
        vendor: Mapping[str, object] | None = None,
        may_have_applied: bool = False,
    ) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds
        self.may_have_applied = may_have_applied
        self.detail = detail or message
        self.vendor = dict(vendor or {})


class Throttled(WriteFailed):
    """The CRM asked for a pause."""


class QuotaSpent(WriteFailed):
    """The CRM's request quota, or our share of it, is used up."""


class Unauthorized(WriteFailed):
    """The credentials were refused, also after one refresh."""


class Unreachable(WriteFailed):
    """The request did not arrive."""


class Fenced(Unreachable):
    """The request was not sent: our membership of the consumer group is in doubt."""


class ServerFault(WriteFailed):
    """The CRM failed while working on the request."""


class AnswerLost(WriteFailed):
    """The request was sent and its answer never came: it may have been applied."""


class RequestRefused(WriteFailed):
    """The CRM refused the request as a whole."""
