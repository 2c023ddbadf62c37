"""The mapping language: YAML in, upserts out. Pure: no I/O, no clock, no await."""

from transformer.mapping.compiled import CompiledMapping, compile_mapping
from transformer.mapping.conditions import Options, opted_out
from transformer.mapping.explain import Explanation, FieldExplanation, UpsertExplanation
from transformer.mapping.parse import load_mapping

__all__ = [
    "CompiledMapping",
    "Explanation",
    "FieldExplanation",
    "Options",
    "UpsertExplanation",
    "compile_mapping",
    "load_mapping",
    "opted_out",
]
