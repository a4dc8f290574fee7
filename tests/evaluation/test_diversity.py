import numpy as np
import pytest

from sakuga.evaluation.diversity import diversity, diversity_within


def test_diversity_by_hand():
    real = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 3.0]])  # distances 1, 3 and 2
    assert diversity(real, real) == pytest.approx(1)
    assert diversity(np.array([[5.0, 0.0], [8.0, 4.0]]), real) == pytest.approx(5 / 2)
    assert diversity(np.ones((4, 2)), real) == 0


def test_diversity_within_a_condition_by_hand():
    real = np.array([[0.0], [1.0], [2.0], [3.0], [10.0], [11.0], [12.0], [13.0], [99.0]])
    labels = np.array([[0]] * 4 + [[1]] * 4 + [[-1]])
    found = diversity_within(real[:8], labels[:8], real[:8], labels[:8])
    assert found is not None
    assert found.model_dump() == pytest.approx({"within": 1, "conditions": 2})
    # One face a condition: no variety within, all of it between.
    same = np.array([[0.0]] * 4 + [[10.0]] * 4)
    found = diversity_within(same, labels[:8], real, labels)
    assert found is not None
    assert found.within == 0
    assert diversity(same, real) > 0
    # The mean distance of 0, 1, 2, 3 is 5/3; of the same twice as far apart, 10/3. The other condition is too small.
    found = diversity_within(2 * real[:4], labels[:4], real, labels)
    assert found is not None
    assert found.within == pytest.approx(2)
    assert found.conditions == 1
    assert diversity_within(real[:3], labels[:3], real, labels) is None
