"""Which published weights are on this machine."""

import pytest

from sakuga.features.extractor import is_here
from sakuga.features.find import KNOWN


@pytest.fixture
def need_weights():
    """Skips a test if the weights of that name are not installed."""

    def need(name: str) -> None:
        if not is_here(name):
            pytest.skip(f"needs the weights of {KNOWN[name].title}: {KNOWN[name].install}")

    return need
