"""Compressed requests, for as long as whoever reads them can. Knows no routes and no rows.

Salesforce takes gzip (REST API Developer Guide v67.0, "Use Compression When Making REST API
Requests"). What stands before it, a proxy or a test server, may not: it answers 415 (RFC 9110,
15.5.16), or 400 or 500 for what it takes for broken JSON.
"""

from dataclasses import replace
from typing import Final

from transformer.clock import Clock
from transformer.errors import ServerFault
from transformer.http import GZIP_OVER_BYTES, Answer, HttpClient, Request

PLAIN_SECONDS: Final = 3600.0

_NOT_READ = frozenset({400, 415})
_WORKED = range(200, 300)


class Compression:
    """Sends requests, large ones compressed, but for an hour after one that only plain was read.

    Only until a first compressed one has worked is there any doubt: from then on a refusal is
    about what the request says.
    """

    def __init__(self, http: HttpClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._works = False
        self._suspected = False
        self._plain_until = 0.0

    async def send(self, request: Request) -> Answer:
        """Send `request`; one that is refused for its compression, it may be, goes again plain.

        Raises what `HttpClient.send` raises.
        """
        if self._works or not _is_large(request):
            return await self._http.send(request)
        if self._clock.now() < self._plain_until:
            return await self._plain(request)
        if self._suspected:
            self._suspected = False  # also when it is raised: then the server fails either way
            return self._judged(await self._plain(request))
        try:
            answer = await self._http.send(request)
        except ServerFault:
            self._suspected = True  # not sent again at once: it may have been applied
            raise
        if answer.status in _WORKED:
            self._works = True
        if answer.status not in _NOT_READ:
            return answer
        return self._judged(await self._plain(request))

    async def _plain(self, request: Request) -> Answer:
        return await self._http.send(replace(request, compress=False))

    def _judged(self, plain: Answer) -> Answer:
        """What was not read compressed, and is plain, was at fault for its compression."""
        if plain.status in _WORKED:
            self._plain_until = self._clock.now() + PLAIN_SECONDS
        return plain


def _is_large(request: Request) -> bool:
    """Whether it is going to be compressed."""
    return (
        request.compress and request.content is not None and len(request.content) > GZIP_OVER_BYTES
    )
