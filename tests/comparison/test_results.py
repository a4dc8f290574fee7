"""Which variant a table marks as the best."""

import pytest

from sakuga.comparison.results import Column, Row, Spread, best_of


@pytest.mark.parametrize(
    ("means", "stds", "better", "seeds", "best"),
    [
        ((413.1, 414.4), (40.6, 40.5), "low", 2, None),  # within the noise
        ((300.0, 414.4, 500.0), (40.6, 40.5, 90.0), "low", 2, "a"),
        ((300.0, 414.4), (40.6, 40.5), "high", 2, "b"),
        ((1.0, 2.0), (0.0, 0.0), "low", 2, "a"),
        ((1.0, 2.0), (0.0, 0.0), "low", 1, None),  # one seed has no spread that is known
        ((1.0, 1.0), (0.0, 0.0), "low", 2, None),
        ((1.0, 2.0), (0.0, 0.0), "", 2, None),
        ((1.0,), (0.0,), "low", 2, None),
    ],
)
def test_only_a_lead_beyond_the_spread_wins(means, stds, better, seeds, best):
    column = Column("fid", "FID", 1, better, lambda _: None)
    rows = [
        Row(name, "data", (), (), {"fid": Spread(mean, std, seeds)})
        for name, mean, std in zip("abc", means, stds, strict=False)
    ]
    assert best_of(column, rows) == best
