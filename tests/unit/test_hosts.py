"""Hosts are normalised, and mail providers are nobody's company (row C4)."""

import pytest

from transformer.hosts import company_host_of, host_of


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://www.Acme.example:8080/a?b#c", "acme.example"),
        ("ada@Mail.acme.example", "mail.acme.example"),
        ("acme.example.", "acme.example"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("localhost", None),
        ("not a domain", None),
        ("", None),
        ("a..b", None),
    ],
)
def test_a_host_is_read_from_urls_hosts_and_addresses(text: str, host: str | None) -> None:
    """Without www., port and path."""
    assert host_of(text) == host


@pytest.mark.parametrize("text", ["ada@gmail.com", "ADA@GMX.de", "https://outlook.com"])
def test_a_mail_provider_is_no_company(text: str) -> None:
    """Rows C4 and C8."""
    assert company_host_of(text) is None
