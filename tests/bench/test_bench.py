"""The benchmark runs, and its steps are in the order of their cost."""

from tests.bench.run import measure


def test_the_hot_path_costs_a_few_parsings() -> None:
    """A blunder on it shows as a ratio, on any machine; the bounds are far above what is usual."""
    ratios = {result.step: result.ratio for result in measure(rounds=5)}
    assert ratios["parse"] == 1.0
    assert ratios["decode"] < 6
    assert ratios["decode, skip"] < 8
    assert ratios["decode, map"] < 20
    assert ratios["decode, map, encode"] < 30
