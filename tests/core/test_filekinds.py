import io
import pickle
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from sakuga.core.errors import UserError
from sakuga.core.filekinds import SAFETENSORS, WEIGHTS, kind_of_file
from sakuga.core.tensorfile import read_value
from sakuga.core.unpickle import read_pickle


def picture(kind):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
    return buffer.getvalue()


KINDS = [
    (picture("PNG"), "a PNG picture"),
    (picture("JPEG"), "a JPEG picture"),
    (picture("GIF"), "a GIF picture"),
    (picture("WEBP"), "a WebP picture"),
    (picture("TIFF"), "a TIFF picture"),
    (picture("BMP"), "a BMP picture"),
    (b"BMI,seed\n17.5,1\n" * 100, "text"),
    (b"seed,hair\n1,aqua\n" * 100, "text"),
    (("f\u00e4rg " * 200).encode(), "text"),
    (b"\n<!DOCTYPE html><html></html>", "a web page"),
    (zipped(), "a zip archive"),
]


@pytest.mark.parametrize(("data", "kind"), KINDS, ids=[kind for _, kind in KINDS])
def test_a_file_of_another_kind_is_named(data, kind, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(data)
    assert kind_of_file(path) == kind
    with pytest.raises(UserError, match=f"is {kind} and no file of weights: give the path of a file of weights"):
        read_pickle(path, "file of weights")
    with pytest.raises(UserError, match=f"is {kind} and no file of directions: give the path of a file of directions"):
        read_value(path, "file of directions")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_are_told_from_files_whose_length_begins_alike(protocol, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(pickle.dumps({"a": 1}, protocol))
    assert kind_of_file(path) == WEIGHTS
    for size in range(0x0280, 0x0286):
        path.write_bytes(size.to_bytes(8, "little") + b"{" + b" " * size)
        assert kind_of_file(path) == SAFETENSORS
    torch.save({"a": torch.zeros(2)}, path)
    assert kind_of_file(path) == WEIGHTS
    save_file({"a": torch.zeros(2)}, path)
    assert kind_of_file(path) == SAFETENSORS


def test_weights_cut_short_are_to_be_downloaded_again(tmp_path):
    path = tmp_path / "file.pt"
    torch.save({"a": torch.zeros(999)}, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match=r"is a truncated or damaged zip archive.*: download or copy it again"):
        read_pickle(path, "file of weights")


@pytest.mark.parametrize("data", [b"", b"abc", bytes(range(200))])
def test_what_first_bytes_do_not_tell_is_not_guessed(data, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(data)
    assert kind_of_file(path) is None
    assert kind_of_file(tmp_path / "absent") is None
