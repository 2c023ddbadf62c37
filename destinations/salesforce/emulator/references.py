"""References between subrequests: `@{ref.field}` in URLs and bodies, resolved from answers."""

import re
from collections.abc import Mapping

from destinations.salesforce.emulator.refusals import Refusal

_REFERENCE = re.compile(r"@\{([^}]*)\}")
_PART = re.compile(r"([A-Za-z0-9_]+)|\[(\d+)\]|\.")
HALTED = "PROCESSING_HALTED"


class UnresolvedReference(Refusal):
    """A reference that leads nowhere, because its request failed or has no such value."""

    def __init__(self, reference: str) -> None:
        super().__init__(HALTED, f"Invalid reference specified. No value for {reference} found")


def resolve(value: object, answers: Mapping[str, object]) -> object:
    """Return `value` with every reference in its texts replaced; raises UnresolvedReference."""
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        return _look_up(whole[1], answers) if whole else resolve_text(value, answers)
    if isinstance(value, list):
        return [resolve(one, answers) for one in value]
    if isinstance(value, dict):
        return {key: resolve(one, answers) for key, one in value.items()}
    return value


def resolve_text(text: str, answers: Mapping[str, object]) -> str:
    """Return `text` with every reference in it replaced by its value's text."""
    return _REFERENCE.sub(lambda match: str(_look_up(match[1], answers)), text)


def _look_up(reference: str, answers: Mapping[str, object]) -> object:
    steps = [match[1] or match[2] for match in _PART.finditer(reference) if match[0] != "."]
    current: object = answers
    for step in steps:
        if isinstance(current, Mapping) and step in current:
            current = current[step]
        elif isinstance(current, list) and step.isdigit() and int(step) < len(current):
            current = current[int(step)]
        else:
            raise UnresolvedReference(reference)
    return current
