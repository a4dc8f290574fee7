import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from sakuga.core.errors import UserError
from sakuga.evaluation.pictures import Samples, Subset, evenly_spaced, pick, read_pictures


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def test_samples_are_drawn_when_asked_for():
    asked = []

    def draw(numbers):
        asked.append(numbers.tolist())
        return np.stack([np.full((2, 2, 3), number, np.uint8) for number in numbers])

    samples = Samples(10, draw)
    assert len(samples) == 10
    assert asked == []
    assert samples[4:7][:, 0, 0, 0].tolist() == [4, 5, 6]
    assert pick(samples, np.array([9, 2]))[:, 0, 0, 0].tolist() == [9, 2]
    assert asked == [[4, 5, 6], [9], [2]]


def test_subset_reads_its_own_pictures():
    images = np.arange(10, dtype=np.uint8)[:, None, None, None].repeat(3, 3)
    subset = Subset(images, np.array([8, 1, 5]))
    assert len(subset) == 3
    assert subset[1:3].ravel()[::3].tolist() == [1, 5]


def test_reads_a_zip_by_name_and_keeps_repeated_pictures(draw, tmp_path):
    images = draw(3, seed=0)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as file:
        for name, image in (("c.png", images[2]), ("a.png", images[0]), ("d.png", images[0])):
            file.writestr(name, png(image))
        file.writestr("b.png", b"not a picture")
    found, problems = read_pictures(tmp_path / "p.zip", 16, 100)
    np.testing.assert_array_equal(found, images[[0, 2, 0]])
    assert [problem.file for problem in problems] == ["b.png"]
    assert len(read_pictures(tmp_path / "p.zip", 16, 1)[0]) == 1
    assert read_pictures(tmp_path / "p.zip", 8, 1)[0].shape == (1, 8, 8, 3)


def test_nothing_to_measure_is_a_mistake(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UserError, match=r"holds no good picture \(the first problem: notes.txt: not a picture"):
        read_pictures(tmp_path, 16, 10)


def test_spacing_is_even_and_within_range():
    assert evenly_spaced(9, 3).tolist() == [0, 3, 6]
    assert evenly_spaced(10, 4).tolist() == [0, 2, 5, 7]
    assert evenly_spaced(3, 5).tolist() == [0, 1, 2]
    assert evenly_spaced(0, 5).tolist() == []
