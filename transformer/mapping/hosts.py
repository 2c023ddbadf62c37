"""The host of a URL, an e-mail address or a bare domain, normalised. Pure, no name is resolved."""

import re
from typing import Final

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII | re.IGNORECASE)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_LONGEST: Final = 253


def host_of(text: str) -> str | None:
    """`https://www.Example.com:80/a` and `jane@example.com` give `example.com`; else None."""
    rest = _SCHEME.sub("", text.strip(), count=1).removeprefix("//")
    rest = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    host = rest.rpartition("@")[2].partition(":")[0].rstrip(".").lower()
    host = _ascii(host.removeprefix("www.") if host.count(".") > 1 else host)
    labels = host.split(".")
    if len(host) > _LONGEST or len(labels) < 2:  # noqa: PLR2004 - a domain has two labels
        return None
    return host if all(_LABEL.fullmatch(label) for label in labels) else None


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
