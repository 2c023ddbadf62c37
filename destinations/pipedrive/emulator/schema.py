"""The fields of every object: the standard ones, and the company's own with their hashes.

Source of the standard ones: the request and answer schemas of Pipedrive's OpenAPI documents.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path

from destinations.pipedrive.emulator.refusals import invalid

CUSTOM_TYPES = frozenset(
    {
        "varchar", "text", "double", "phone", "date", "daterange", "time", "timerange", "set",
        "enum", "varchar_auto", "address", "monetary", "org", "people", "user",
    }
)  # fmt: skip
WITH_OPTIONS = frozenset({"enum", "set"})
FIELD_OBJECTS = {
    "personFields": "persons",
    "organizationFields": "organizations",
    "dealFields": "deals",
    "activityFields": "activities",
}
INDUSTRIES = ("Agriculture", "Finance", "Manufacturing", "Retail", "Software")


@dataclass(frozen=True, slots=True)
class Standard:
    """One standard field. `wire` names what a value must be; `optional` the feature it needs."""

    code: str
    name: str
    field_type: str
    wire: str
    create: bool
    update: bool
    nullable: bool
    optional: str


@dataclass(slots=True)
class Custom:
    """One field of the company's own; `options` are labels by id."""

    code: str
    name: str
    field_type: str
    options: dict[int, str] = field(default_factory=dict)
    deleted: bool = False


class Schema:
    """The fields of one company. `features` are those switched on: contact_sync, campaigns."""

    def __init__(self, features: Iterable[str] = ()) -> None:
        self._features = frozenset(features)
        self._standard = _read_standard()
        self._custom: dict[str, dict[str, Custom]] = {}
        self._made = 0
        self._options = 0

    def standard(self, kind: str) -> Mapping[str, Standard]:
        """Return the standard fields of an object that this company has."""
        return {
            code: one
            for code, one in self._standard.get(kind, {}).items()
            if one.optional == "-" or one.optional in self._features
        }

    def custom(self, kind: str) -> Mapping[str, Custom]:
        """Return the company's own fields of an object; leads have those of deals."""
        owner = "deals" if kind == "leads" else kind
        fields = self._custom.get(owner, {})
        return {code: one for code, one in fields.items() if not one.deleted}

    def add(self, kind: str, name: str, field_type: str, labels: Iterable[str] = ()) -> Custom:
        """Make a custom field under a fresh hash."""
        if field_type not in CUSTOM_TYPES:
            raise invalid("field_type", f"expected one of {sorted(CUSTOM_TYPES)}")
        if not name.strip():
            raise invalid("field_name", "expected text")
        self._made += 1
        code = sha1(f"{kind}/{self._made}".encode(), usedforsecurity=False).hexdigest()
        made = Custom(code, name, field_type)
        self._custom.setdefault(kind, {})[code] = made
        self.add_options(made, labels)
        return made

    def add_options(self, one: Custom, labels: Iterable[str]) -> None:
        """Give an enum or set more options."""
        for label in labels:
            self._options += 1
            one.options[self._options] = label

    def delete(self, kind: str, code: str) -> bool:
        """Mark a custom field deleted; False when there is none of that hash."""
        one = self.custom(kind).get(code)
        if one is not None:
            one.deleted = True
        return one is not None

    def listed(self, kind: str) -> list[dict[str, object]]:
        """Return all fields of an object as `GET /personFields` lists them."""
        own = [_shown(one.code, one.name, one.field_type, one.options, custom=True)
               for one in self.custom(kind).values()]  # fmt: skip
        industries = dict(enumerate(INDUSTRIES, 1))
        return [
            _shown(one.code, one.name, one.field_type, industries if one.wire == "industry" else {})
            for one in self.standard(kind).values()
        ] + own


def _shown(
    code: str, name: str, field_type: str, options: Mapping[int, str], *, custom: bool = False
) -> dict[str, object]:
    return {
        "field_name": name,
        "field_code": code,
        "field_type": field_type,
        "options": [{"id": key, "label": label} for key, label in options.items()] or None,
        "subfields": None,
        "is_custom_field": custom,
        "is_optional_response_field": False,
    }


def shown(one: Custom) -> dict[str, object]:
    """Return one custom field as its create answers it."""
    return _shown(one.code, one.name, one.field_type, one.options, custom=True)


def _read_standard() -> Mapping[str, Mapping[str, Standard]]:
    found: dict[str, dict[str, Standard]] = {}
    text = Path(__file__).with_name("fields.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        kind, code, name, field_type, wire, create, update, null, optional = line.split("\t")
        found.setdefault(kind, {})[code] = Standard(
            code, name, field_type, wire, create == "x", update == "x", null == "x", optional
        )
    return found
