"""Finding one record by its match keys, a request for each; which of several is a policy."""

from collections.abc import Sequence

from destinations.activecampaign.client import ActiveCampaignClient
from destinations.activecampaign.fields import FieldBook
from destinations.activecampaign.values import text_of
from transformer.failures import Declined
from transformer.outcome import Reason, Rejected
from transformer.upsert import Match, Upsert


class Finder:
    """Looks contacts up. `several` is the policy: refuse, first or newest."""

    def __init__(self, client: ActiveCampaignClient, fields: FieldBook, several: str) -> None:
        self._client = client
        self._fields = fields
        self._several = several

    async def find_contact(self, upsert: Upsert) -> str | None:
        """The id of the contact that the first match key with a hit finds. Raises Declined."""
        for match in upsert.matches:
            found = await self._contacts(match)
            if found:
                return choose(found, self._several, f"contact: {match.name}")
        return None

    async def _contacts(self, match: Match) -> Sequence[str]:
        text = (text_of(match.value) or "").strip()
        if match.name == "id":
            return [text]
        if match.name in {"email", "phone"}:
            rows = await self._client.list_all(
                "contacts", "contacts", **{match.name: text}, status="-1"
            )
            return [
                str(row["id"])
                for row in rows
                if str(row.get(match.name, "")).strip().lower() == text.lower()
            ]
        return await self._by_field(match.name, text)

    async def _by_field(self, name: str, text: str) -> Sequence[str]:
        field = (await self._fields.find([name])).get(name)
        if field is None:
            detail = f"contact: the account has no custom field {name} to find contacts by."
            raise Declined(Rejected(Reason.UNKNOWN_FIELD, detail))
        rows = await self._client.list_all(
            "fieldValues", "fieldValues", filters_fieldid=field.id, filters_val=text
        )
        same = [
            row
            for row in rows
            if str(row.get("field", field.id)) == field.id
            and str(row.get("value", "")).lower() == text.lower()
        ]
        return list(dict.fromkeys(str(row.get("contact")) for row in same))


def choose(found: Sequence[str], several: str, where: str) -> str:
    """The one record meant; ids count up, so that the smallest is the first created."""
    if len(found) == 1:
        return found[0]
    if several == "refuse":
        detail = (
            f"{where}: expected one record, got {len(found)}: {', '.join(sorted(found, key=_age))}."
            " Merge them, or set several_matches."
        )
        raise Declined(Rejected(Reason.SEVERAL_MATCHES, detail, {"ids": sorted(found, key=_age)}))
    return min(found, key=_age) if several == "first" else max(found, key=_age)


def _age(record_id: str) -> tuple[int, str]:
    return (int(record_id) if record_id.isdecimal() else 0, record_id)
