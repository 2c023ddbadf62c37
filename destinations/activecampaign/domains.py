"""Accounts by the host of their URL: the API cannot search for it, so all of them are listed.

Read when it is first needed, again when old, and sooner when a host is not in it. Two workers, or
somebody by hand, may make two accounts of one host in the meantime; two of one name they cannot.
"""

import asyncio
from collections.abc import Sequence

from destinations.activecampaign.client import ActiveCampaignClient
from transformer.clock import Clock
from transformer.hosts import company_host_of

FRESH_SECONDS = 3600.0
RELOAD_SECONDS = 900.0


class AccountDomains:
    """Which accounts have a URL of which host."""

    def __init__(self, client: ActiveCampaignClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lock = asyncio.Lock()
        self._loaded_at: float | None = None
        self._by_host: dict[str, tuple[str, ...]] = {}
        self._hosts: dict[str, str] = {}
        # What was written while they were listed.
        self._meanwhile: dict[str, object] = {}

    async def find(self, text: str) -> Sequence[str]:
        """The ids of the accounts with this host, a URL or a domain. Raises Declined."""
        host = company_host_of(text)
        if host is None:
            return ()
        async with self._lock:
            await self._load(FRESH_SECONDS)
            if host not in self._by_host:
                await self._load(RELOAD_SECONDS)
        return self._by_host.get(host, ())

    def learn(self, record_id: str, url: object) -> None:
        """Note the URL that an account was given; before the first listing there is no need."""
        if url is None:
            return
        if self._lock.locked():
            self._meanwhile[record_id] = url
        if self._loaded_at is not None:
            self.forget(record_id)
            self._add(record_id, url)

    def doubt(self) -> None:
        """An account may have another URL: list them anew when one is looked for."""
        self._loaded_at = None

    def forget(self, record_id: str) -> None:
        """Forget an account that is not there any more, or has another URL."""
        host = self._hosts.pop(record_id, "")
        left = tuple(each for each in self._by_host.pop(host, ()) if each != record_id)
        if left:
            self._by_host[host] = left

    async def _load(self, age_seconds: float) -> None:
        now = self._clock.now()
        if self._loaded_at is not None and now - self._loaded_at < age_seconds:
            return
        self._meanwhile.clear()
        rows = await self._client.list_all("accounts", "accounts")
        self._by_host, self._hosts = {}, {}
        for record_id, url in self._meanwhile.items():
            self._add(record_id, url)
        for row in rows:
            if str(row.get("id", "")) not in self._meanwhile:
                self._add(str(row.get("id", "")), row.get("accountUrl"))
        self._loaded_at = now

    def _add(self, record_id: str, url: object) -> None:
        host = company_host_of(url) if isinstance(url, str) else None
        if host is not None and record_id not in self._hosts:
            self._hosts[record_id] = host
            self._by_host[host] = (*self._by_host.get(host, ()), record_id)
