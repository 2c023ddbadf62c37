"""The fields of a prospect: the standard ones, and custom ones as the business unit lists them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from destinations.account_engagement.client import AccountEngagementClient
from transformer.clock import Clock

FRESH_SECONDS = 3600.0
RELOAD_SECONDS = 300.0
SUFFIX = "__c"
WRITABLE = frozenset(
    {
        "email", "firstName", "lastName", "salutation", "company", "jobTitle", "department",
        "industry", "website", "phone", "fax", "addressOne", "addressTwo", "city", "state",
        "territory", "zip", "country", "source", "annualRevenue", "employees", "yearsInBusiness",
        "comments", "notes", "password", "score", "campaignId", "profileId", "isDoNotEmail",
        "isDoNotCall", "optedOut", "isReviewed", "isStarred", "doNotSell",
    }
)  # fmt: skip
READ_ONLY = frozenset(
    {
        "id", "grade", "prospectAccountId", "lifecycleStageId", "isDeleted", "isEmailHardBounced",
        "emailBouncedAt", "emailBouncedReason", "salesforceId", "salesforceLeadId",
        "salesforceContactId", "salesforceAccountId", "salesforceCampaignId", "salesforceOwnerId",
        "salesforceLastSync", "salesforceUrl", "campaignParameter", "mediumParameter",
        "sourceParameter", "contentParameter", "termParameter", "convertedAt",
        "convertedFromObjectName", "convertedFromObjectType", "firstActivityAt", "firstAssignedAt",
        "firstReferrerQuery", "firstReferrerType", "firstReferrerUrl", "lastActivityAt",
        "recentInteraction", "createdAt", "updatedAt", "createdById", "updatedById",
    }
)  # fmt: skip
NUMBERS = frozenset({"score", "campaignId", "profileId"})
TRUTHS = frozenset(
    {"isDoNotEmail", "isDoNotCall", "optedOut", "isReviewed", "isStarred", "doNotSell"}
)
_SEVERAL = frozenset({"checkbox", "multiselect"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field that can be written; a custom one's `name` ends in `__c`, its `type` is known.

    `several` says whether it takes several values.
    """

    name: str
    several: bool = False
    type: str = ""


class CustomFields:
    """The custom fields: by their API name, else by a name that is spelled alike."""

    def __init__(self, client: AccountEngagementClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lock = asyncio.Lock()
        self._loaded_at: float | None = None
        self._by_name: dict[str, Field | None] = {}

    async def find(self, name: str) -> Field | None:
        """The field meant, or None. Raises Declined when the fields may not be read."""
        async with self._lock:
            await self._load(FRESH_SECONDS)
            found = self._named(name)
            if found is None:
                await self._load(RELOAD_SECONDS)
                found = self._named(name)
        return found

    def _named(self, name: str) -> Field | None:
        plain = name.removesuffix(SUFFIX)
        exact = self._by_name.get(f"={plain}")
        return exact if exact is not None else self._by_name.get(_loose(plain))

    async def _load(self, age_seconds: float) -> None:
        now = self._clock.now()
        if self._loaded_at is not None and now - self._loaded_at < age_seconds:
            return
        rows = await self._client.list_all(
            "objects/custom-fields",
            "custom_fields",
            fields="id,name,fieldId,type,isRecordMultipleResponses",
        )
        self._by_name.clear()
        for row in rows:
            self._add(row)
        self._loaded_at = now

    def _add(self, row: Mapping[str, object]) -> None:
        """File it exactly, and loosely unless two fields are alike that way."""
        field_id = str(row.get("fieldId") or "").removesuffix(SUFFIX)
        if not field_id:
            return
        kind = str(row.get("type") or "").casefold()
        several = kind in _SEVERAL or str(row.get("isRecordMultipleResponses")).casefold() == "true"
        field = Field(field_id + SUFFIX, several, kind)
        self._by_name[f"={field_id}"] = field
        loose = _loose(field_id)
        self._by_name[loose] = None if loose in self._by_name else field


def _loose(name: str) -> str:
    """Letters and digits alone: `lastSeen`, `Last_Seen` and `LAST_SEEN` are one."""
    return "".join(each for each in name.casefold() if each.isalnum())
