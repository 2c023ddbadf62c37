"""Compressed requests, for as long as whoever reads them can. Knows no routes and no rows.

Salesforce takes gzip (REST API Developer Guide v67.0, "Use Compression When Making REST API
Requests"). What stands before it, a proxy or a test server, may not: it answers 415 (RFC 9110,
15.5.16), or 400 or 500 for what it takes for broken JSON.
"""

from dataclasses import replace

from transformer.errors import ServerFault
from transformer.http import GZIP_OVER_BYTES, Answer, HttpClient, Request

_NOT_READ = frozenset({400, 415})
_WORKED = range(200, 300)


class Compression:
    """Sends requests, large ones compressed until one of them turned out not to be readable.

    Only until a first compressed one has worked is there any doubt: from then on a refusal is
    about what the request says.
    """

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._works: bool | None = None

    async def send(self, request: Request) -> Answer:
        """Send `request`; one that is refused for its compression, it may be, goes again plain.

        Raises what `HttpClient.send` raises.
        """
        if self._works is False:
            return await self._http.send(replace(request, compress=False))
        if self._works or not _is_large(request):
            return await self._http.send(request)
        try:
            answer = await self._http.send(request)
        except ServerFault:
            self._works = False
            raise
        if answer.status in _WORKED:
            self._works = True
        if answer.status not in _NOT_READ:
            return answer
        plain = await self._http.send(replace(request, compress=False))
        if plain.status in _WORKED:
            self._works = False
        return plain


def _is_large(request: Request) -> bool:
    """Whether it is going to be compressed."""
    return (
        request.compress and request.content is not None and len(request.content) > GZIP_OVER_BYTES
    )
