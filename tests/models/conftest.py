import pytest
import torch


@pytest.fixture(autouse=True)
def _same_weights_each_time():
    torch.manual_seed(0)
