"""What an upsert of a prospect comes to: its fields, its user, its lists and tags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from destinations.account_engagement.catalogue import Lists, Tags
from destinations.account_engagement.client import SETUP_PAUSE_SECONDS
from destinations.account_engagement.fields import READ_ONLY, WRITABLE, CustomFields, Field
from destinations.account_engagement.rights import needed
from destinations.account_engagement.settings import AccountEngagementSettings
from destinations.account_engagement.users import Users
from transformer.errors import Unauthorized
from transformer.failures import Declined
from transformer.outcome import Reason, Rejected
from transformer.upsert import Note

EMAIL, CRM_ID = "email", "salesforceId"
LISTS, TAGS, ASSIGNED = "lists", "tags", "assignedTo"
ASSIGNING = (ASSIGNED, "userId", "assignedToId")
SPECIAL = frozenset({LISTS, TAGS, *ASSIGNING})
SEPARATOR = "||"


@dataclass(frozen=True, slots=True)
class Assignee:
    """Whose a prospect is to be: `user` as the event says, else `connector`; None is nobody."""

    user: int | None = None
    connector: int | None = None
    notes: tuple[Note, ...] = ()

    @property
    def is_somebody(self) -> bool:
        """Whether a prospect may be created for it (row P3)."""
        return self.user is not None or self.connector is not None


@dataclass(frozen=True, slots=True)
class ProspectPlan:
    """One prospect to be written: `body` by field, `lists` and `tags` by id."""

    body: Mapping[str, object]
    lists: Sequence[str]
    tags: Sequence[str]
    notes: tuple[Note, ...]


class Planner:
    """Resolves the names in an upsert's properties."""

    def __init__(
        self,
        settings: AccountEngagementSettings,
        *,
        custom: CustomFields,
        users: Users,
        lists: Lists,
        tags: Tags,
    ) -> None:
        self._settings = settings
        self._custom = custom
        self._users = users
        self._lists = lists
        self._tags = tags

    async def plan(self, properties: Mapping[str, object]) -> ProspectPlan:
        """Resolve fields, lists and tags. Raises Declined."""
        body: dict[str, object] = {}
        notes: list[Note] = []
        unknown = []
        for name, value in properties.items():
            if name in SPECIAL:
                continue
            if name in READ_ONLY:
                notes.append(Note("read_only", name))
                continue
            field = await self.field(name)
            if field is None:
                unknown.append(name)
            elif isinstance(value, dict) or (isinstance(value, list) and not field.several):
                notes.append(Note("not_a_scalar", name))
            else:
                body[field.name] = value
        if isinstance(body.get(EMAIL), str):
            body[EMAIL] = str(body[EMAIL]).strip().lower()
        lists, strange = await self._list_ids(properties)
        unknown.extend(strange)
        self._refuse(unknown)
        notes.extend(Note("unknown_field", name) for name in unknown)
        tags = [await self._tag_id(name) for name in self._names(properties, TAGS)]
        return ProspectPlan(body, lists, tags, tuple(notes))

    async def field(self, name: str) -> Field | None:
        """The field of a prospect that a property is, or None. Raises Declined."""
        if name in WRITABLE:
            return Field(name)
        return await needed(self._custom.find(name), "custom_fields")

    async def assignee(self, properties: Mapping[str, object]) -> Assignee:
        """Find the user that the event names, and the connector's (row P3). Raises Declined."""
        wanted = next((v for n in ASSIGNING if (v := _text(properties.get(n)))), "")
        user = await self._user(wanted) if wanted else None
        if user is not None:
            return Assignee(user)
        notes: tuple[Note, ...] = ()
        if wanted:
            notes = (Note("dropped", ASSIGNED, f"no user {wanted} in the business unit"),)
        return Assignee(None, await self._connector(), notes)

    async def _connector(self) -> int | None:
        name = self._settings.connector_user
        if not name:
            return None
        found = await self._user(name)
        if found is None:
            raise Unauthorized(
                "connector_user: no such user in the business unit. Name one by id, Salesforce id"
                " or e-mail address.",
                after_seconds=SETUP_PAUSE_SECONDS,
            )
        return found

    async def _user(self, name: str) -> int | None:
        """Every event needs the users where some are to be the connector's."""
        finding = self._users.find(name)
        return await (needed(finding, "users") if self._settings.connector_user else finding)

    def _refuse(self, unknown: Sequence[str]) -> None:
        if unknown and self._settings.unknown_fields == "reject":
            detail = (
                f"prospect: the business unit has no {', '.join(sorted(unknown))}. Create it,"
                " fix its name, or set unknown_fields: drop."
            )
            raise Declined(Rejected(Reason.UNKNOWN_FIELD, detail))

    async def _list_ids(self, properties: Mapping[str, object]) -> tuple[list[str], list[str]]:
        """The ids of the lists that there are, and what the others are called."""
        found, strange = [], []
        for name in self._names(properties, LISTS):
            finding = self._lists.find(name)
            always = name in names_of(self._settings.lists)
            list_id = await (needed(finding, LISTS) if always else finding)
            if list_id is None:
                strange.append(f"list {name}")
            else:
                found.append(list_id)
        return found, strange

    async def _tag_id(self, name: str) -> str:
        finding = self._tags.id_of(name)
        always = name in names_of(self._settings.tags)
        return await (needed(finding, TAGS) if always else finding)

    def _names(self, properties: Mapping[str, object], name: str) -> Sequence[str]:
        always = self._settings.lists if name == LISTS else self._settings.tags
        return list(dict.fromkeys([*names_of(always), *names_of(properties.get(name))]))


def names_of(value: object) -> list[str]:
    """Names from a list, or from text with `||` or else commas between them."""
    if isinstance(value, list | tuple):
        parts = [_text(item) for item in value]
    else:
        text = _text(value)
        parts = text.split(SEPARATOR if SEPARATOR in text else ",")
    return [part.strip() for part in parts if part.strip()]


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()
