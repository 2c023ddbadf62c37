"""SOQL tokens to a statement, in the grammar order of the reference. Knows no objects.

Left out, and refused as MALFORMED_QUERY like any other mistake: subqueries in SELECT and WHERE,
HAVING, TYPEOF, USING SCOPE, WITH, FOR and UPDATE clauses, INCLUDES and EXCLUDES.
"""

from dataclasses import dataclass

from destinations.salesforce.emulator.soql.tokens import Token, malformed, tokens

COMPARISONS = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})
AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"})
_LITERALS = frozenset({"string", "number", "date", "datetime", "name"})
_CLAUSES = frozenset({"FROM", "WHERE", "GROUP", "ORDER", "LIMIT", "OFFSET"})


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op literal`."""

    field: Token
    operator: str
    literal: Token


@dataclass(frozen=True, slots=True)
class In:
    """`field IN (literal, ...)`."""

    field: Token
    negated: bool
    literals: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Logic:
    """AND, OR or NOT over conditions."""

    operator: str
    parts: tuple["Compare | In | Logic", ...]


Condition = Compare | In | Logic


@dataclass(frozen=True, slots=True)
class Selected:
    """One item of SELECT: a field, or a function over one (None: `COUNT()`), with its alias."""

    field: Token | None
    function: str = ""
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Ordering:
    """One item of ORDER BY."""

    field: Token
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """A parsed statement."""

    text: str
    selected: tuple[Selected, ...]
    object: Token
    alias: str | None
    where: Condition | None
    group: tuple[Token, ...]
    order: tuple[Ordering, ...]
    limit: int | None
    offset: int


def parse(query: str) -> Statement:
    """Parse a statement; raises MALFORMED_QUERY at the first token that does not fit."""
    return _Parser(query).statement()


class _Parser:
    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens = tokens(query)
        self._at = 0

    def statement(self) -> Statement:
        self._keyword("SELECT")
        selected = [self._selected()]
        while self._take(","):
            selected.append(self._selected())
        self._keyword("FROM")
        kind = self._name()
        alias = self._alias()
        where = self._condition() if self._take("WHERE") else None
        group: tuple[Token, ...] = ()
        if self._take("GROUP"):
            self._keyword("BY")
            group = self._names()
        order: list[Ordering] = []
        if self._take("ORDER"):
            self._keyword("BY")
            order.append(self._ordering())
            while self._take(","):
                order.append(self._ordering())
        limit = self._whole() if self._take("LIMIT") else None
        offset = self._whole() if self._take("OFFSET") else 0
        if self._peek().kind != "end":
            raise self._unexpected()
        return Statement(
            self._query, tuple(selected), kind, alias, where, group, tuple(order), limit, offset
        )

    def _alias(self) -> str | None:
        if self._peek().kind == "name" and self._peek().word not in _CLAUSES:
            return self._next().text
        return None

    def _selected(self) -> Selected:
        name = self._name()
        if not self._take("("):
            return Selected(name)
        function = name.word
        if function not in AGGREGATES and function != "FIELDS":
            raise malformed(self._query, name.at, f"unexpected token: '{name.text}'")
        if function == "COUNT" and self._take(")"):
            return Selected(None, function, self._alias())
        inner = self._name()
        self._sign(")")
        return Selected(inner, function, self._alias())

    def _ordering(self) -> Ordering:
        field = self._name()
        descending = self._take("DESC")
        if not descending:
            self._take("ASC")
        nulls_last = False
        if self._take("NULLS"):
            nulls_last = self._take("LAST")
            if not nulls_last:
                self._keyword("FIRST")
        return Ordering(field, descending, nulls_last)

    def _condition(self) -> Condition:
        parts = [self._factor()]
        operator = ""
        while self._peek().word in {"AND", "OR"}:
            if operator and self._peek().word != operator:
                raise self._unexpected()
            operator = self._next().word
            parts.append(self._factor())
        return parts[0] if len(parts) == 1 else Logic(operator, tuple(parts))

    def _factor(self) -> Condition:
        if self._take("NOT"):
            return Logic("NOT", (self._factor(),))
        if self._take("("):
            inner = self._condition()
            self._sign(")")
            return inner
        field = self._name()
        token = self._next()
        if token.text in COMPARISONS or token.word == "LIKE":
            return Compare(field, token.word.replace("<>", "!="), self._literal())
        negated = token.word == "NOT"
        if negated:
            token = self._next()
        if token.word != "IN":
            raise malformed(self._query, token.at, f"unexpected token: '{token.text}'")
        self._sign("(")
        literals = [self._literal()]
        while self._take(","):
            literals.append(self._literal())
        self._sign(")")
        return In(field, negated, tuple(literals))

    def _literal(self) -> Token:
        if self._peek().kind not in _LITERALS:
            raise self._unexpected()
        return self._next()

    def _names(self) -> tuple[Token, ...]:
        names = [self._name()]
        while self._take(","):
            names.append(self._name())
        return tuple(names)

    def _name(self) -> Token:
        token = self._next()
        if token.kind != "name" or token.word in _CLAUSES or ":" in token.text:
            raise malformed(self._query, token.at, f"unexpected token: '{token.text}'")
        return token

    def _whole(self) -> int:
        token = self._next()
        if not token.text.isdigit():
            raise malformed(self._query, token.at, f"unexpected token: '{token.text}'")
        return int(token.text)

    def _keyword(self, word: str) -> None:
        if not self._take(word):
            raise self._unexpected()

    def _sign(self, sign: str) -> None:
        if not self._take(sign):
            raise self._unexpected()

    def _take(self, word: str) -> bool:
        token = self._peek()
        if token.kind in {"name", "sign"} and token.word == word:
            self._at += 1
            return True
        return False

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        if token.kind == "end":
            raise self._unexpected()
        self._at += 1
        return token

    def _unexpected(self) -> Exception:
        token = self._peek()
        text = (
            "unexpected end of query"
            if token.kind == "end"
            else (f"unexpected token: '{token.text}'")
        )
        return malformed(self._query, token.at, text)
