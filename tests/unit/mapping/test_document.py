"""Reading YAML: what cannot be read at all is one line for a person."""

from transformer.mapping.document import Problems, near, read


def test_nesting_without_end_is_a_problem_not_a_crash() -> None:
    """Whatever the YAML library's own limit is."""
    for depth in (33, 100_000):
        problems = Problems()
        assert read("a: 1\nb: " + "[" * depth + "]" * depth, "deep.yaml", problems) is None
        assert problems.lines == ["deep.yaml:2: $: nested more than 32 levels deep."]


def test_bytes_that_yaml_forbids_are_a_problem() -> None:
    """The library names no line for them."""
    problems = Problems()
    assert read("a: \x00", "nul.yaml", problems) is None
    assert problems.lines[0].startswith("nul.yaml:1: $: not YAML: ")


def test_the_nearest_name_is_suggested_whatever_its_casing() -> None:
    """Nothing is suggested when nothing is near."""
    assert near("EMAIL", ["Email", "Phone"]) == ' Did you mean "Email"?'
    assert near("zzz", ["Email", "Phone"]) == ""
