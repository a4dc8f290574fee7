import pytest

from sakuga.configs.layers import named_layers, parse_layers
from sakuga.core.errors import UserError


def test_names_stand_for_layers():
    assert [list(layers) for layers in named_layers(8).values()] == [[0, 1, 2], [3, 4], [5, 6, 7], list(range(8))]
    for num_ws in (10, 12, 14, 16, 18):  # 64 to 1024 pixels: up to 8, 16 and 32, from 64 on
        names = named_layers(num_ws)
        assert list(names) == ["coarse", "middle", "fine", "all"]
        assert names["coarse"] == range(3) and names["middle"] == range(3, 7) and names["fine"] == range(7, num_ws)


def test_layers_are_read_from_text():
    assert parse_layers("0-3", 8) == (0, 1, 2, 3)
    assert parse_layers("7, 0-1,1", 8) == (0, 1, 7)
    assert parse_layers("coarse,fine", 8) == (0, 1, 2, 5, 6, 7)
    assert parse_layers(" all", 4) == (0, 1, 2, 3) == parse_layers("all,0", 4)
    assert parse_layers("2-3,coarse, 2", 8) == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("text", "num_ws", "sentence"),
    [
        ("", 8, "'' is not a layer, a range or a name"),
        ("rough", 8, "'rough' is not a layer, a range or a name: write 0-5, 3,4, coarse, middle, fine, or all"),
        ("0-3,", 8, "is not a layer"),
        ("-1", 8, "is not a layer"),
        ("8", 8, "the model has layers 0 to 7, so that it has no layer 8"),
        ("0-8", 8, "so that it has no layer 8"),
        ("3-1", 8, "write the range '3-1' from low to high, 1-3"),
        ("3", 1, "the model has one layer, 0"),
        ("coarse", 1, "the model has one layer, 0, so that none of them is coarse"),
    ],
)
def test_layers_that_are_not_there_are_refused(text, num_ws, sentence):
    with pytest.raises(UserError, match=sentence):
        parse_layers(text, num_ws)
