"""The Template emulator: one account behind HTTP, strict, with scripted faults.

Name here, in a table, every behaviour that no document of the vendor says.
"""

from collections.abc import Mapping

from destinations._template.emulator.app import TemplateEmulator
from transformer.clock import Clock

__all__ = ["TemplateEmulator", "build"]


def build(
    *,
    api_token: str = "emulator-token",  # noqa: S107 - of the emulator, opens nothing
    fields: Mapping[str, str] | None = None,
    seed: int = 0,
    clock: Clock | None = None,
) -> TemplateEmulator:
    """Make an empty account; `fields` are custom ones: name -> text, flag or number."""
    return TemplateEmulator(api_token=api_token, fields=fields or {}, seed=seed, clock=clock)
