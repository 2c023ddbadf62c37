"""Domains of companies: normalised, and told apart from those that give mailboxes to everybody."""

import re

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")

# Mail providers: a shared domain says nothing of the employer.
FREE_MAIL = frozenset(
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


def domain_of(text: str) -> str | None:
    """The domain of a URL, a host or an e-mail address, in lower case without `www.`; else None."""
    rest = _SCHEME.sub("", text.strip())
    host = re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")[2]
    host = host.partition(":")[0].rstrip(".").lower().removeprefix("www.")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    labels = host.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):  # noqa: PLR2004
        return None
    return host


def company_domain(text: str) -> str | None:
    """The domain, unless it is a mail provider's."""
    domain = domain_of(text)
    return None if domain in FREE_MAIL else domain
