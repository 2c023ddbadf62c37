"""SOQL text to tokens, with the position each error needs. Knows no objects and no fields."""

import re
from dataclasses import dataclass

from destinations.salesforce.emulator.refusals import Refusal

MAX_LITERAL = 4_000
MAX_STATEMENT = 100_000
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)(?![\w-])
  | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])
  | (?P<name>[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*(?::\d+)?)
  | (?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: what it is, its text as written, and where it starts."""

    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """Return the text as keywords are compared."""
        return self.text.upper()


def tokens(query: str) -> list[Token]:
    """Split a statement; raises MALFORMED_QUERY at what is no token."""
    if len(query) > MAX_STATEMENT:
        raise Refusal("MALFORMED_QUERY", "SOQL statement is too long")
    found: list[Token] = []
    at = 0
    end = len(query.rstrip())
    while at < end:
        match = _TOKEN.match(query, at)
        if match is None or match.lastgroup is None:
            start = at + len(query[at:]) - len(query[at:].lstrip())
            raise malformed(query, start, f"unexpected token: '{query[start]}'")
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    found.append(Token("end", "<EOF>", end))
    return found


def unescape(query: str, token: Token) -> str:
    """Return the text of a string literal; raises MALFORMED_QUERY at a bad escape."""
    return "".join(char for char, _ in characters(query, token, like=False))


def characters(query: str, token: Token, *, like: bool) -> list[tuple[str, bool]]:
    r"""Return each character of a literal with whether it was escaped; `\_` and `\%` need LIKE."""
    body = token.text[1:-1]
    if "\n" in body or "\r" in body:
        raise malformed(query, token.at, "line breaks not allowed in string literals")
    chars: list[tuple[str, bool]] = []
    at = 0
    while at < len(body):
        char = body[at]
        if char != "\\":
            chars.append((char, False))
            at += 1
            continue
        code = body[at + 1]
        if code == "u" and re.fullmatch(r"[0-9A-Fa-f]{4}", body[at + 2 : at + 6]):
            chars.append((chr(int(body[at + 2 : at + 6], 16)), True))
            at += 6
            continue
        if code not in _ESCAPES and not (like and code in "_%"):
            raise malformed(query, token.at + at, f"invalid string escape: '\\{code}'")
        chars.append((_ESCAPES.get(code, code), True))
        at += 2
    if len(chars) > MAX_LITERAL:
        raise malformed(query, token.at, f"string literal exceeds {MAX_LITERAL} characters")
    return chars


def malformed(query: str, at: int, what: str) -> Refusal:
    """Return MALFORMED_QUERY with the place marked."""
    return Refusal("MALFORMED_QUERY", located(query, at, what))


def located(query: str, at: int, what: str) -> str:
    """Return a message that shows the statement, a caret, and the row and column."""
    before = query[:at]
    row = before.count("\n") + 1
    column = at - (before.rfind("\n") + 1) + 1
    line = query.split("\n")[row - 1][:200]
    return f"\n{line}\n{' ' * (column - 1)}^\nERROR at Row:{row}:Column:{column}\n{what}"
