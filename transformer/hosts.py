"""The host of a URL, an e-mail address or a bare domain, normalised. Pure, no name is resolved.

Whose company it is cannot be told by it where it gives mailboxes to everybody.
"""

import re
from typing import Final

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII | re.IGNORECASE)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_LONGEST: Final = 253
# Mail providers: a shared domain says nothing of the employer.
FREE_MAIL: Final = frozenset(
    {
        "aol.com", "btinternet.com", "comcast.net", "duck.com", "fastmail.com", "free.fr",
        "freenet.de", "gmail.com", "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net",
        "googlemail.com", "hey.com", "hotmail.co.uk", "hotmail.com", "hotmail.de", "hotmail.fr",
        "hotmail.it", "icloud.com", "laposte.net", "libero.it", "live.com", "live.de",
        "mac.com", "mail.com", "mail.ru", "me.com", "msn.com", "naver.com", "orange.fr",
        "outlook.com", "outlook.de", "pm.me", "posteo.de", "proton.me", "protonmail.com",
        "qq.com", "rediffmail.com", "rocketmail.com", "seznam.cz", "sina.com", "t-online.de",
        "tutanota.com", "web.de", "wp.pl", "yahoo.ca", "yahoo.co.in", "yahoo.co.jp",
        "yahoo.co.uk", "yahoo.com", "yahoo.de", "yahoo.es", "yahoo.fr", "yahoo.it", "yandex.com",
        "yandex.ru", "ymail.com", "zoho.com", "126.com", "163.com",
    }
)  # fmt: skip


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


def company_host_of(text: str) -> str | None:
    """The host, unless it is a mail provider's."""
    host = host_of(text)
    return None if host in FREE_MAIL else host


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
