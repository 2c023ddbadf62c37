"""What HubSpot answers when it refuses: the exception handlers raise, and its JSON forms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson


class Refusal(Exception):
    """A refused request, or one refused row of a batch.

    `details` are the envelope's `errors`, `context` its `context`, `extra` more top-level keys.
    """

    def __init__(
        self,
        status: int,
        category: str,
        message: str,
        *,
        sub_category: str | None = None,
        details: Sequence[Mapping[str, object]] = (),
        context: Mapping[str, Sequence[str]] | None = None,
        extra: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.category = category
        self.message = message
        self.sub_category = sub_category
        self.details = list(details)
        self.context = dict(context or {})
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def envelope(self, correlation_id: str) -> dict[str, object]:
        """Return the body of a request that was refused as a whole."""
        body: dict[str, object] = {
            "status": "error",
            "message": self.message,
            "correlationId": correlation_id,
            **self.extra,
        }
        if self.details:
            body["errors"] = self.details
        if self.context:
            body["context"] = self.context
        if self.sub_category:
            body["subCategory"] = self.sub_category
        body["category"] = self.category
        return body

    def row(self, trace_id: str | None) -> dict[str, object]:
        """Return the entry of a 207's `errors`, naming the row by its trace id."""
        context = dict(self.context)
        if trace_id is not None:
            context["objectWriteTraceId"] = [trace_id]
        entry: dict[str, object] = {
            "status": "error",
            "category": self.category,
            "message": self.message,
            "context": context,
            "errors": self.details,
            "links": {},
        }
        if self.sub_category:
            entry["subCategory"] = self.sub_category
        return entry


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one property value."""

    name: str
    code: str
    message: str
    extra: Mapping[str, object] = field(default_factory=dict)


def invalid_values(problems: Sequence[Problem], portal_id: int) -> Refusal:
    """Return the refusal with HubSpot's JSON embedded in its message."""
    embedded = [
        {
            "isValid": False,
            "message": problem.message,
            "error": problem.code,
            "name": problem.name,
            "localizedErrorMessage": problem.message,
            "portalId": portal_id,
            **problem.extra,
        }
        for problem in problems
    ]
    details = [
        {
            "message": problem.message,
            "code": problem.code,
            "context": {"propertyName": [problem.name]},
        }
        for problem in problems
    ]
    text = f"Property values were not valid: {orjson.dumps(embedded).decode()}"
    return Refusal(400, "VALIDATION_ERROR", text, details=details)


def invalid(message: str) -> Refusal:
    """Return the 400 of a request that makes no sense."""
    return Refusal(400, "VALIDATION_ERROR", message)


def not_found(message: str = "resource not found") -> Refusal:
    """Return the 404 of a record, object or property that is not there."""
    return Refusal(404, "OBJECT_NOT_FOUND", message)


def missing_ids(label: str, ids: Sequence[str]) -> Refusal:
    """Return the 207 entry that names the ids a batch could not find."""
    text = (
        f"Could not get some {label} objects, they may be deleted or not exist."
        " Check that ids are valid."
    )
    return Refusal(404, "OBJECT_NOT_FOUND", text, context={"ids": list(ids)})


def conflict(message: str) -> Refusal:
    """Return the 409 of a value that another record has."""
    return Refusal(409, "CONFLICT", message)
