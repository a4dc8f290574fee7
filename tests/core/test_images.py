import io

import numpy as np
import pytest
import torch
from PIL import Image

from sakuga.core import images


def all_values() -> np.ndarray:
    return np.random.RandomState(0).permutation(np.arange(768) % 256).astype(np.uint8).reshape(1, 16, 16, 3)


def test_pictures_become_tensors_and_the_same_pictures_again():
    picture = all_values()
    tensor = images.to_tensor(picture)
    assert tensor.shape == (1, 3, 16, 16)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    assert (tensor.min(), tensor.max()) == (-1.0, 1.0)
    assert tensor[0, 2, 3, 4] == pytest.approx(picture[0, 3, 4, 2] / 127.5 - 1)
    assert np.array_equal(images.to_uint8(tensor), picture)


def test_pictures_that_are_turned_or_must_not_be_written_become_tensors_without_a_word(recwarn):
    locked = all_values()
    locked.setflags(write=False)
    assert torch.equal(images.to_tensor(locked[:, ::-1]), images.to_tensor(locked).flip(2))
    assert len(recwarn) == 0


def test_what_is_out_of_range_is_clipped_and_values_are_rounded():
    tensor = (
        torch.tensor([-9.0, -1.0, 0.0, 1.0, 9.0, 1 / 127.5 * 0.4, 1 / 127.5 * 0.6])
        .view(1, 1, 1, 7)
        .expand(-1, 3, -1, -1)
    )
    assert images.to_uint8(tensor)[0, 0, :, 0].tolist() == [0, 0, 128, 255, 255, 128, 128]
    assert images.to_uint8(tensor.requires_grad_()).flags.c_contiguous


def test_a_grid_puts_each_picture_in_its_place():
    pictures = np.stack([np.full((4, 6, 3), 10 * i, np.uint8) for i in range(5)])
    sheet = images.grid(pictures, columns=3, gap=1, background=200)
    assert sheet.shape == (2 * 5 + 1, 3 * 7 + 1, 3)
    assert (sheet[6:10, 8:14] == 40).all(), "the fifth picture: second row, second column"
    assert (sheet[0] == 200).all() and (sheet[:, 0] == 200).all() and (sheet[6:10, 15:] == 200).all()
    assert images.grid(pictures).shape[1] == 3 * (6 + 2) + 2, "as square as possible"
    assert images.grid(pictures[:1], gap=0).shape == (4, 6, 3)


def test_the_size_of_a_grid_is_known_before():
    for count, columns, gap in ((1, None, 0), (5, None, 2), (5, 3, 1), (12, 4, 2), (0, None, 2)):
        pictures = np.zeros((count, 4, 6, 3), np.uint8)
        assert images.grid_size(count, 4, 6, columns, gap) == images.grid(pictures, columns, gap).shape[:2]


def test_resizing_takes_the_middle_keeps_flat_colors_and_averages_fine_ones():
    wide = np.zeros((40, 60, 3), np.uint8)
    wide[:, 10:50] = 77
    assert images.fitted(wide, 33, "it").shape == (33, 33, 3)
    assert (images.fitted(wide, 40, "it") == 77).all()
    assert (images.fitted(np.full((40, 60, 3), 77, np.uint8), 33, "it") == 77).all()
    checkers = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, -1)
    assert np.array_equal(images.fitted(checkers, 64, "it"), checkers)
    assert abs(images.fitted(checkers, 8, "it")[1:-1, 1:-1].astype(int) - 128).max() <= 2, "antialiased"


def test_png_files_hold_the_picture_and_its_parameters(tmp_path):
    picture = all_values()[0]
    path = images.save_png(tmp_path / "p.png", picture, {"seed": "7", "model": "作画", "psi": "0.7"})
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), picture)
        assert image.text == {"seed": "7", "model": "作画", "psi": "0.7"}
    assert images.png_bytes(picture) == images.png_bytes(picture)
    assert Image.open(io.BytesIO(images.png_bytes(picture))).size == (16, 16)


def test_pil_images():
    pictures = np.concatenate([all_values(), 255 - all_values()])
    converted = images.to_pil(pictures)
    assert [image.size for image in converted] == [(16, 16)] * 2
    assert np.array_equal(np.asarray(converted[1]), pictures[1])


def test_text_entries_may_have_any_name(tmp_path):
    text = {"seed": "7", "髪": "青", "x" * 80: "long"}
    path = images.save_png(tmp_path / "a.png", all_values()[0], text)
    found = Image.open(path).text
    assert found["seed"] == "7"
    assert "髪: 青".encode() in path.read_bytes()
