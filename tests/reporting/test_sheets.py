import numpy as np
import pytest
from PIL import Image

from sakuga.core import images
from sakuga.core.errors import UserError
from sakuga.reporting.sheets import grid, labeled_sheet


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)


def test_without_captions_it_is_the_plain_grid(pictures):
    assert np.array_equal(labeled_sheet(pictures, 3), images.grid(pictures, 3))


def test_captions_leave_the_pictures_untouched(pictures):
    sheet = labeled_sheet(pictures, 3, row_captions=["a", "b"], column_captions=["1", "2", "3"], title="all of them")
    plain = images.grid(pictures, 3)
    height, width = plain.shape[:2]
    top = sheet.shape[0] - height
    lefts = [x for x in range(sheet.shape[1] - width + 1) if np.array_equal(sheet[top:, x : x + width], plain)]
    assert len(lefts) == 1
    assert lefts[0] > 0 and top > 0
    assert sheet[:top].min() < 128 and sheet[top:, : lefts[0]].min() < 128  # something is written there


def test_scale_repeats_pixels(pictures):
    sheet = labeled_sheet(pictures, 3, scale=2, gap=0)
    assert np.array_equal(sheet[::2, ::2], images.grid(pictures, 3, gap=0))
    assert np.array_equal(sheet[1::2, 1::2], images.grid(pictures, 3, gap=0))


def test_a_last_row_may_be_short(pictures):
    assert labeled_sheet(pictures, 4, row_captions=["x", "y"]).shape[0] == images.grid(pictures, 4).shape[0]


@pytest.mark.parametrize("captions", [{"row_captions": ["a"]}, {"column_captions": ["a", "b"]}])
def test_captions_must_fit(pictures, captions):
    with pytest.raises(ValueError, match=r"captions for \d"):
        labeled_sheet(pictures, 3, **captions)


def test_wide_captions_are_broken_at_spaces(pictures):
    short, long = (labeled_sheet(pictures, 3, column_captions=["a", "b", text]) for text in ("c", "one two three four"))
    assert long.shape[1] == short.shape[1]
    assert long.shape[0] > short.shape[0]


def test_pil_images_become_one(pictures):
    sheet = grid(images.to_pil(pictures), 3, scale=2)
    assert np.array_equal(np.asarray(sheet), labeled_sheet(pictures, 3, scale=2))


@pytest.mark.parametrize(
    ("sides", "options", "said"),
    [
        ([], {}, "no pictures"),
        ([16], {"columns": 0}, "columns 0 is too small: give 1 or more"),
        ([16], {"columns": -2}, "columns -2 is too small"),
        ([16], {"scale": 0}, "scale 0 is too small"),
        ([16, 32], {}, "of 16x16 and of 32x32 make no grid"),
    ],
)
def test_what_makes_no_grid_is_one_sentence(sides, options, said):
    with pytest.raises(UserError, match=said):
        grid([Image.new("RGB", (side, side)) for side in sides], **options)
