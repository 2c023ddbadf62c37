"""What the org says about itself: versions, resources, describe, limits and record counts."""

from collections.abc import Callable, Iterable

from destinations.salesforce.emulator.describe import brief, describe, describe_global
from destinations.salesforce.emulator.quota import Quota
from destinations.salesforce.emulator.rest.routes import (
    DataRoute,
    Params,
    Reply,
    Request,
    object_named,
)
from destinations.salesforce.emulator.schema import Schema
from destinations.salesforce.emulator.store import Store

OLDEST_VERSION = 31
RETIRED_FROM = 7
RELEASES = ("Spring", "Summer", "Winter")
_RESOURCES = (
    "sobjects",
    "query",
    "queryAll",
    "search",
    "parameterizedSearch",
    "composite",
    "limits",
    "recent",
    "jobs",
)


def version_list(latest: int) -> list[dict[str, str]]:
    """Return the body of `GET /services/data/`."""
    return [
        {
            "label": _release(number),
            "url": f"/services/data/v{number}.0",
            "version": f"{number}.0",
        }
        for number in range(OLDEST_VERSION, latest + 1)
    ]


def _release(number: int) -> str:
    """Return a version's label; 62 is Winter '25, and three releases make a year."""
    years, season = divmod(number - 60, 3)
    return f"{RELEASES[season]} '{24 + years + (season == 2):02}"  # noqa: PLR2004 Winter is next year's


class MetaResource:
    """The routes of what the org says about itself."""

    def __init__(
        self, schema: Schema, store: Store, quota: Quota, wall: Callable[[], float]
    ) -> None:
        self._schema = schema
        self._store = store
        self._quota = quota
        self._wall = wall

    def routes(self) -> Iterable[DataRoute]:
        """Return the routes below a version's root."""
        return (
            ("GET", "", self.resources),
            ("GET", "sobjects", self.describe_global),
            ("GET", "sobjects/{object}", self.basic),
            ("GET", "sobjects/{object}/describe", self.describe),
            ("GET", "limits", self.limits),
            ("GET", "limits/recordCount", self.record_count),
        )

    def resources(self, request: Request, _params: Params) -> Reply:
        """Return the resources of this version."""
        return Reply(200, {name: request.context.path(name) for name in _RESOURCES})

    def describe_global(self, request: Request, _params: Params) -> Reply:
        """Return every object in brief."""
        return Reply(200, describe_global(self._schema, request.context.version))

    def basic(self, request: Request, params: Params) -> Reply:
        """Return one object in brief; recent items are always empty here."""
        kind = object_named(self._schema, params["object"])
        shown = brief(kind, request.context.version)
        return Reply(200, {"objectDescribe": shown, "recentItems": []})

    def describe(self, request: Request, params: Params) -> Reply:
        """Return one object in full."""
        kind = object_named(self._schema, params["object"])
        return Reply(200, describe(self._schema, kind, request.context.version))

    def limits(self, _request: Request, _params: Params) -> Reply:
        """Return the org's limits; only the daily API requests move."""
        left = max(0, self._quota.limit - self._quota.used(self._wall()))
        fixed = {
            "DailyBulkApiBatches": 15_000,
            "DailyBulkV2QueryJobs": 10_000,
            "DailyBulkV2QueryFileStorageMB": 976_562,
            "DailyDeliveredPlatformEvents": 50_000,
            "DataStorageMB": 10_240,
            "FileStorageMB": 10_240,
            "HourlyAsyncReportRuns": 1_200,
            "HourlySyncReportRuns": 500,
            "SingleEmail": 5_000,
        }
        return Reply(
            200,
            {
                "DailyApiRequests": {"Max": self._quota.limit, "Remaining": left},
                **{name: {"Max": most, "Remaining": most} for name, most in fixed.items()},
            },
        )

    def record_count(self, request: Request, _params: Params) -> Reply:
        """Return how many records the named objects have."""
        named = request.param("sObjects")
        kinds = (
            list(self._schema)
            if named is None
            else [kind for name in named.split(",") if (kind := self._schema.find(name.strip()))]
        )
        counts = [
            {
                "count": sum(not row.deleted for row in self._store.of_type(kind).values()),
                "name": kind.name,
            }
            for kind in kinds
        ]
        return Reply(200, {"sObjects": counts})
