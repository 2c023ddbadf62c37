"""Field names in a statement to fields of an object: own fields and parents' (`Account.Name`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import methodcaller

from destinations.salesforce.emulator.refusals import Refusal
from destinations.salesforce.emulator.schema import Field, ObjectType, Schema
from destinations.salesforce.emulator.soql.parse import Statement
from destinations.salesforce.emulator.soql.tokens import Token, located
from destinations.salesforce.emulator.store import Row, Store, Value

MAX_LEVELS = 5


@dataclass(frozen=True, slots=True)
class Path:
    """A resolved field: the reference fields to follow, then the field itself."""

    references: tuple[Field, ...]
    field: Field

    def read(self, store: Store, row: Row) -> Value:
        """Return the value at the end of the path, null where a parent is missing."""
        target = self.target(store, row)
        return None if target is None else target.get(self.field.name)

    def target(self, store: Store, row: Row) -> Row | None:
        """Return the record that holds the field."""
        current: Row | None = row
        for reference in self.references:
            parent = current.get(reference.name) if current else None
            current = store.rows.get(str(parent)) if parent else None
        return current


class Names:
    """Resolves the names of one statement; raises INVALID_FIELD where nothing fits."""

    def __init__(self, schema: Schema, statement: Statement) -> None:
        self._schema = schema
        self._statement = statement
        kind = schema.find(statement.object.text)
        if kind is None:
            name = statement.object.text
            text = located(
                statement.text,
                statement.object.at,
                f"sObject type '{name}' is not supported. If you are attempting to use a custom "
                "object, be sure to append the '__c' after the entity name. Please reference your "
                "WSDL or the describe call for the appropriate names.",
            )
            raise Refusal("INVALID_TYPE", text)
        self.kind: ObjectType = kind

    def resolve(self, token: Token) -> Path:
        """Return the field a token names."""
        parts = token.text.split(".")
        if len(parts) > 1 and self._is_own_name(parts[0]):
            parts = parts[1:]
        kinds: Sequence[ObjectType] = (self.kind,)
        references: list[Field] = []
        if len(parts) > MAX_LEVELS + 1:
            raise self.refuse(token, "maximum number of relationship levels exceeded")
        for part in parts[:-1]:
            reference = _first(kinds, methodcaller("relationship", part))
            if reference is None:
                text = (
                    f"Didn't understand relationship '{part}' in field path. If you are attempting "
                    "to use a custom relationship, be sure to append the '__r' after the custom "
                    "relationship name."
                )
                raise self.refuse(token, text)
            references.append(reference)
            kinds = [kind for name in reference.refers_to if (kind := self._schema.find(name))]
        field = _first(kinds, methodcaller("field", parts[-1]))
        if field is None:
            entity = kinds[0].name if kinds else "Name"
            text = (
                f"No such column '{parts[-1]}' on entity '{entity}'. If you are attempting to use "
                "a custom field, be sure to append the '__c' after the custom field name. Please "
                "reference your WSDL or the describe call for the appropriate names."
            )
            raise self.refuse(token, text)
        return Path(tuple(references), field)

    def refuse(self, token: Token, text: str, code: str = "INVALID_FIELD") -> Refusal:
        """Return a refusal that shows where in the statement."""
        return Refusal(code, located(self._statement.text, token.at, text))

    def _is_own_name(self, name: str) -> bool:
        own = {self.kind.name.lower(), (self._statement.alias or "").lower()}
        return name.lower() in own


def _first(kinds: Sequence[ObjectType], find: Callable[[ObjectType], Field | None]) -> Field | None:
    return next((field for kind in kinds if (field := find(kind))), None)
