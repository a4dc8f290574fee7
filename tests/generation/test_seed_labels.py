import numpy as np
import pytest

from sakuga.core.errors import UserError
from sakuga.generation.seed_labels import read_seed_labels


def test_a_table_of_values_and_numbers(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("Hair,seed,smile\nAqua,7,0.5\n,8,\nred , 9,1\nred,12,-2.5\n")
    seeds, (hair, smile) = read_seed_labels(path)
    assert seeds == [7, 8, 9, 12]
    assert (hair.name, hair.values) == ("hair", ("aqua", "red"))
    assert hair.targets.tolist() == [[1, 0], [0, 0], [0, 1], [0, 1]]
    assert (smile.name, smile.values) == ("smile", ())
    np.testing.assert_array_equal(smile.targets, [[0.5], [np.nan], [1.0], [-2.5]])


def test_semicolons_separate_where_no_comma_does(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("seed;hair;eyes\n7;red;\n8;blue;?\n")
    seeds, (hair,) = read_seed_labels(path)
    assert (seeds, hair.values) == ([7, 8], ("blue", "red"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty: its first line must name the columns, as in seed,hair,eyes"),
        ("seed,hair,eyes\n", "has no row"),
        ("seed,hair,eyes\n1,,\n2,,?\n", "says nothing of any seed: fill in a column"),
        ("file,hair\na.png,red\n", "one of them `seed`"),
        ("seed\n1\n", "its first line must name"),
        ("seed,hair,hair\n1,red,red\n", "its first line must name different columns"),
        ("seed,hair\n1,red\n1,blue\n", "the seed 1 more than once"),
        ("seed,hair\n-1,red\n", "'-1' is not a seed"),
        ("seed,hair\n5000000000,red\n", "'5000000000' is not a seed"),
        ("seed,hair\n1,red,blue\n", "has not 2 columns"),
        ('seed,hair\n1,"red\n', "not a table of comma-separated values"),
        ("seed,hair\n" + "".join(f"{i},v{i}\n" for i in range(201)), "201 different values"),
    ],
)
def test_tables_that_are_none(tmp_path, text, sentence):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=sentence):
        read_seed_labels(path)


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="is not there"):
        read_seed_labels(tmp_path / "none.csv")
