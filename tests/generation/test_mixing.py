import numpy as np
import pytest

from sakuga.configs.sampling import Sampling
from sakuga.core.errors import UserError
from sakuga.generation.mixing import mix, sheet_of_mixed


@pytest.mark.parametrize("psi", [None, 0.5])
def test_mixed_pictures_have_layers_of_both(styled, psi):
    sampling = Sampling(psi=psi)
    mixed = mix(styled, [0, 1], [10, 11, 12], "3-4", sampling=sampling, batch_size=4)
    assert mixed.images.shape == (2, 3, 32, 32, 3) and mixed.layers == (3, 4)
    rows, columns = (styled.ws_of_seeds(s, styled.labels_of(s), sampling) for s in ([0, 1], [10, 11, 12]))
    for r in range(2):
        for c in range(3):
            ws = rows[r : r + 1].clone()
            ws[:, 3:5] = columns[c : c + 1, 3:5]
            alone = styled.sample_ws(lambda _, ws=ws: ws, 1)[0]
            assert np.abs(mixed.images[r, c].astype(int) - alone).max() <= 1
    for seeds, pictures in (([0, 1], mixed.of_rows), ([10, 11, 12], mixed.of_columns)):
        expected = np.stack([np.asarray(p) for p in styled.generate(seeds, psi=psi)])
        assert np.abs(pictures.astype(int) - expected).max() <= 1


def test_all_layers_are_the_column_and_none_would_be_the_row(styled):
    mixed = mix(styled, [0, 1], [10, 11], "0-7")
    assert np.abs(mixed.images.astype(int) - mixed.of_columns[None]).max() <= 1
    assert np.abs(mix(styled, [4], [4], "fine").images[0].astype(int) - styled.generate([4])[0]).max() <= 1


def test_random_noise_is_that_of_the_row(styled):
    mixed = mix(styled, [0], [10], "fine", sampling=Sampling(noise="random"))
    assert np.abs(mixed.of_rows[0].astype(int) - np.asarray(styled.generate([0], noise="random")[0])).max() <= 1
    same = mix(styled, [3], [3], "fine", sampling=Sampling(noise="random"))
    assert np.abs(same.images[0].astype(int) - same.of_rows).max() <= 1


def test_a_sheet_has_the_sources_at_its_edges(styled_conditional):
    mixed = mix(styled_conditional, [0, 1], [5, 6, 7], "coarse", attributes={"hair": "red"})
    rows = sheet_of_mixed(mixed)[-(3 * 34 + 2) :]
    left = next(x for x in range(rows.shape[1]) if np.array_equal(rows[36:68, x : x + 32], mixed.of_rows[0]))
    body = rows[:, left - 2 :]

    def cell(r, c):
        return body[2 + r * 34 : 34 + r * 34, 2 + c * 34 : 34 + c * 34]

    assert (cell(0, 0) == 255).all()
    assert np.array_equal(cell(2, 0), mixed.of_rows[1]) and np.array_equal(cell(0, 3), mixed.of_columns[2])
    assert np.array_equal(cell(1, 2), mixed.images[0, 1])
    picture = styled_conditional.mix_sheet([0, 1], [5, 6, 7], hair="red")
    assert np.array_equal(np.asarray(picture), sheet_of_mixed(mixed))


def test_one_layer_cannot_be_mixed(model):
    with pytest.raises(UserError, match="tiny has one layer of w, so nothing can be mixed"):
        model.mix_sheet()
