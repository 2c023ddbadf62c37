"""What Salesforce answers when it refuses: the exception handlers raise, and its two JSON forms."""

from collections.abc import Mapping, Sequence

NOT_FOUND_MESSAGE = "The requested resource does not exist"


class Refusal(Exception):
    """A refused operation.

    `status` is the HTTP status it has as a whole request, `extra` holds keys that only top-level
    answers carry (`duplicateResult`), `body` replaces the error array altogether (300 answers).
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        fields: Sequence[str] | None = None,
        status: int = 400,
        extra: Mapping[str, object] | None = None,
        body: object = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields
        self.status = status
        self.extra = extra or {}
        self.body = body

    def top_level(self) -> object:
        """Return the body of a request that failed: an array with `errorCode`."""
        if self.body is not None:
            return self.body
        error: dict[str, object] = {
            **self.extra,
            "message": self.message,
            "errorCode": self.code,
        }
        if self.fields is not None:
            error["fields"] = list(self.fields)
        return [error]

    def in_row(self) -> dict[str, object]:
        """Return the error inside a collection's row: `statusCode` instead of `errorCode`."""
        return {
            "statusCode": self.code,
            "message": self.message,
            "fields": list(self.fields or ()),
        }


def not_found(message: str = NOT_FOUND_MESSAGE) -> Refusal:
    """Return the refusal of a path, object or record that does not exist."""
    return Refusal("NOT_FOUND", message, status=404)


def parser_error(message: str) -> Refusal:
    """Return the refusal of a body that cannot be read."""
    return Refusal("JSON_PARSER_ERROR", message)


def bad_reference() -> Refusal:
    """Return the refusal of a write to a record that does not exist."""
    return Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", status=404)


def deleted() -> Refusal:
    """Return the refusal of a write to a deleted record."""
    return Refusal("ENTITY_IS_DELETED", "entity is deleted", fields=[], status=404)
