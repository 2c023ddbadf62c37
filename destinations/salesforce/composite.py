"""What a composite's answer says of its parts. Pure; knows no calls.

Source: REST API Developer Guide v67.0, "Composite Response Body", read 2026-11-22: `referenceId` is
what parts and their results are told apart by; nothing is said of their order.
"""

from collections.abc import Mapping, Sequence


def reference(index: int) -> str:
    """The name of one part of a request."""
    return f"part{index}"


def read_parts(body: object, count: int) -> Sequence[tuple[int, object]] | None:
    """Status and body of each of `count` parts, in the order they were sent; None if any lacks.

    A result without a name is that of the part at its place.
    """
    listed = body.get("compositeResponse") if isinstance(body, Mapping) else None
    found: dict[str, tuple[int, object]] = {}
    for index, result in enumerate(listed if isinstance(listed, list) else ()):
        given = result if isinstance(result, Mapping) else {}
        status, name = given.get("httpStatusCode"), given.get("referenceId")
        if isinstance(status, int | float):
            found[name if isinstance(name, str) else reference(index)] = (
                int(status),
                given.get("body"),
            )
    wanted = [reference(index) for index in range(count)]
    return [found[name] for name in wanted] if found.keys() == set(wanted) else None
