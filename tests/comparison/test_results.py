"""Which variant a table marks as the best."""

import pytest

from sakuga.comparison.results import Column, Row, Spread, best_of


@pytest.mark.parametrize(
    ("means", "stds", "better", "best"),
    [
        ((413.1, 414.4), (40.6, 40.5), "low", None),  # within the noise
        ((300.0, 414.4, 500.0), (40.6, 40.5, 90.0), "low", "a"),
        ((300.0, 414.4), (40.6, 40.5), "high", "b"),
        ((1.0, 2.0), (0.0, 0.0), "low", "a"),  # one seed has no spread
        ((1.0, 1.0), (0.0, 0.0), "low", None),
        ((1.0, 2.0), (0.0, 0.0), "", None),
        ((1.0,), (0.0,), "low", None),
    ],
)
def test_only_a_lead_beyond_the_spread_wins(means, stds, better, best):
    column = Column("fid", "FID", 1, better, lambda _: None)
    rows = [
        Row(name, "data", (), (), {"fid": Spread(mean, std, 2)})
        for name, mean, std in zip("abc", means, stds, strict=False)
    ]
    assert best_of(column, rows) == best
