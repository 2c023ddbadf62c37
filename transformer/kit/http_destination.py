"""What every destination over HTTP has: its budget, its requests' hook, and its end.

A vendor's destination subclasses `HttpDestination` and adds `limits`, `write` and `check`. Knows
no CRM.
"""

from transformer.budget import Budget
from transformer.http import ExchangeHook, HttpClient


class HttpDestination:
    """One account behind one `HttpClient`."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    @property
    def budget(self) -> Budget:
        """The account's requests: those of the client that all of them go through."""
        return self._http.budget

    def observe_requests(self, hook: ExchangeHook) -> None:
        """Call `hook` after every request from now on."""
        self._http.on_request = hook

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()
