"""Bodies: the properties of an upsert as Pipedrive's fields, each value by its field's type. Pure.

What the event says of links to other records and of e-mails and phones is set apart: both need to
know more than the event.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from destinations.pipedrive import contacts, names, values
from destinations.pipedrive.contacts import Contact
from destinations.pipedrive.fields import Field, Schema
from destinations.pipedrive.objects import ACTIVITIES, PERSONS, ObjectKind, Standard
from transformer.outcome import Reason, Rejected
from transformer.upsert import Note

RESERVED = frozenset({"id", "custom_fields", "is_deleted"})
# Properties that name another record by something else than its id.
LINKS: Mapping[str, str] = {
    "person_email": "person",
    "organization_name": "organization",
    "organization_domain": "organization",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """The choices of the connection that decide what goes into a body."""

    reject_unknown: bool = False
    reject_invalid: bool = True
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """What is to be sent. `links` are by property.

    `emails`, `phones` and the `parts` of a person's name are still to be merged with what is there.
    """

    root: Mapping[str, object] = field(default_factory=dict)
    custom: Mapping[str, object] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    emails: tuple[Contact, ...] = ()
    phones: tuple[Contact, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    @property
    def blank(self) -> bool:
        """Whether there is nothing to send."""
        return not (self.root or self.custom or self.emails or self.phones)

    def with_root(self, more: Mapping[str, object], notes: Iterable[Note] = ()) -> "Body":
        """The same with more standard fields."""
        return replace(self, root={**self.root, **more}, notes=(*self.notes, *notes))

    def json(self, kind: ObjectKind) -> Mapping[str, object]:
        """The body as it is sent; e-mails and phones must be in `root` by now."""
        body = dict(self.root)
        if kind is ACTIVITIES and "person_id" in body:
            body["participants"] = [{"person_id": body.pop("person_id"), "primary": True}]
        if self.custom and kind.custom == "nested":
            body["custom_fields"] = dict(self.custom)
        elif self.custom:
            body.update(self.custom)
        return body


def unknown(kind: ObjectKind, names: Iterable[str], schema: Schema) -> Sequence[str]:
    """The properties that the company has no field for."""
    return [name for name in names if _known(kind, name, schema) is None and not _apart(kind, name)]


def needs_schema(kind: ObjectKind, names: Iterable[str]) -> bool:
    """Whether some property can only be understood with the company's own fields."""
    return any(
        not _apart(kind, name)
        and ((one := kind.fields.get(kind.aliases.get(name, name))) is None or one.optional
             or one.type == "enum")
        for name in names
    )  # fmt: skip


def wants_currency(kind: ObjectKind, properties: Mapping[str, object], schema: Schema) -> bool:
    """Whether an amount comes without its currency."""
    if _currency(properties, Rules()):
        return False
    fields = ((_known(kind, name, schema), value) for name, value in properties.items())
    return any(
        one is not None
        and one.type in {"monetary", "lead_value"}
        and value is not None
        and not (isinstance(value, Mapping) and value.get("currency"))
        for one, value in fields
    )


def code_of(kind: ObjectKind, name: str, schema: Schema) -> tuple[str, bool] | None:
    """The code of the field that a property means, and whether it is a custom one."""
    one = _known(kind, name, schema)
    return None if one is None else (one.code, one.custom)


def field_of(kind: ObjectKind, name: str, schema: Schema) -> Field | None:
    """The field that a property means; None for what is no field, and where there is none."""
    return None if _apart(kind, name) else _known(kind, name, schema)


def assemble(
    kind: ObjectKind,
    properties: Mapping[str, object],
    schema: Schema,
    rules: Rules,
    *,
    creating: bool,
) -> Body | Rejected:
    """Make the body of `properties`; rejected for a value that its field cannot take."""
    made = _Assembly(kind, schema, rules, creating=creating, currency=_currency(properties, rules))
    for name, value in properties.items():
        rejected = made.take(name, value)
        if rejected is not None:
            return rejected
    return Body(
        root=made.root,
        custom=made.custom,
        links=made.links,
        emails=tuple(made.emails),
        phones=tuple(made.phones),
        parts={} if "name" in made.root else made.parts,
        notes=tuple(made.notes),
    )


def _apart(kind: ObjectKind, name: str) -> bool:
    """Whether the property is none of the record's own fields."""
    if name in RESERVED:
        return True
    if kind is PERSONS and (name in contacts.PROPERTIES or name in names.PARTS):
        return True
    return name in LINKS and LINKS[name] in kind.links


def _known(kind: ObjectKind, name: str, schema: Schema) -> Field | None:
    """The field that a property means: a standard one, else one of the company's own."""
    code = kind.aliases.get(name, name)
    standard = kind.fields.get(code)
    found = schema.find(code) or schema.find(name)
    if standard is None:
        return found
    if standard.optional and (found is None or found.custom):
        return found
    options = found.options if found is not None and not found.custom else {}
    return Field(code, name, standard.type, custom=False, options=options)


def _currency(properties: Mapping[str, object], rules: Rules) -> str:
    given = properties.get("currency")
    return given.strip().upper() if isinstance(given, str) and given.strip() else rules.currency


class _Assembly:
    """One body in the making."""

    def __init__(
        self, kind: ObjectKind, schema: Schema, rules: Rules, *, creating: bool, currency: str
    ) -> None:
        self._kind = kind
        self._schema = schema
        self._rules = rules
        self._creating = creating
        self._currency = currency
        self.root: dict[str, object] = {}
        self.custom: dict[str, object] = {}
        self.links: dict[str, str] = {}
        self.emails: list[Contact] = []
        self.phones: list[Contact] = []
        self.parts: dict[str, str] = {}
        self.notes: list[Note] = []

    def take(self, name: str, value: object) -> Rejected | None:
        """Put one property where it belongs."""
        if name in RESERVED:
            self.notes.append(Note("read_only", name))
        elif _apart(self._kind, name):
            return self._set_apart(name, value)
        else:
            one = _known(self._kind, name, self._schema)
            if one is None:
                return self._unknown(name)
            return self._field(one, name, value)
        return None

    def _set_apart(self, name: str, value: object) -> Rejected | None:
        if value is None or value == "":
            if name in contacts.PROPERTIES:
                self._drop(name, "an empty value does not say which entry to remove")
            return None
        if name in LINKS or name in names.PARTS:
            if isinstance(value, str) and value.strip():
                (self.links if name in LINKS else self.parts)[name] = value.strip()
            return None
        try:
            found = contacts.read(name, value)
        except ValueError as error:
            self.notes.append(Note("not_a_scalar", name, str(error)))
            return None
        which = contacts.PROPERTIES[name][0]
        (self.emails if which == "emails" else self.phones).extend(found)
        return None

    def _unknown(self, name: str) -> Rejected | None:
        if not self._rules.reject_unknown:
            self.notes.append(Note("unknown_field", name))
            return None
        return Rejected(
            Reason.UNKNOWN_FIELD,
            f"{self._kind.name}.{name}: this company has no such field. Create it, fix its name,"
            " or set unknown_fields to drop or create.",
            {"fields": [name]},
        )

    def _field(self, one: Field, name: str, value: object) -> Rejected | None:
        standard = None if one.custom else self._kind.fields.get(one.code)
        if not one.custom and not self._writable(standard):
            self.notes.append(Note("read_only", name))
            return None
        try:
            formed = values.formatted(
                standard.type if standard else one.type, value,
                options=one.options, currency=self._currency,
            )  # fmt: skip
        except values.NotAScalar as error:
            self.notes.append(Note("not_a_scalar", name, str(error)))
            return None
        except ValueError as error:
            return self._invalid(one, name, error)
        self._put(one, standard, name, formed)
        return None

    def _put(self, one: Field, standard: Standard | None, name: str, formed: object) -> None:
        if standard is None:
            flat = self._kind.custom == "root"
            self.custom.update(
                values.flat(one.code, one.type, formed) if flat else {one.code: formed}
            )
        elif formed is None and not standard.nullable:
            self._clear(one.code, standard, name)
        elif one.code == "name" and not str(formed).strip():
            self._drop(name, "Pipedrive takes no empty name")
        else:
            self.root[one.code] = formed

    def _clear(self, code: str, standard: Standard, name: str) -> None:
        """Pipedrive refuses null here: a text is cleared by an empty one, the rest cannot be."""
        if self._creating:
            return
        if standard.type == "text" and code not in {"name", "title", "content"}:
            self.root[code] = ""
        elif standard.type in {"ints", "texts"}:
            self.root[code] = []
        else:
            self._drop(name, "Pipedrive cannot clear it")

    def _writable(self, standard: Standard | None) -> bool:
        if standard is None:
            return False
        return standard.on in {"always", "create" if self._creating else "update"}

    def _drop(self, name: str, why: str) -> None:
        self.notes.append(Note("dropped", name, why))

    def _invalid(self, one: Field, name: str, error: ValueError) -> Rejected | None:
        too_long = one.type.startswith("varchar") and "characters" in str(error)
        if not (self._rules.reject_invalid or too_long):
            self._drop(name, str(error))
            return None
        return Rejected(
            Reason.VALUE_TOO_LONG if too_long else Reason.INVALID_VALUE,
            f"{self._kind.name}.{name}: {error}. Correct the event or the mapping.",
            {"fields": [name]},
        )
