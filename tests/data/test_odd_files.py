"""Three hundred damaged or odd files in one data set: no crash, no traceback, each one good or named."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga.cli import main
from sakuga.data.dataset import open_dataset
from sakuga.data.synthetic import draw

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")


def encoded(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png(width: int, height: int, body: bytes = b"", depth: int = 8, color: int = 2) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def bad_files() -> dict[str, bytes]:
    """Files of which none can be used at 32x32."""
    random = np.random.RandomState(0)
    faces = [Image.fromarray(draw(number, 32)[0]) for number in range(20)]
    files = {}
    for i in range(160):
        data = encoded(faces[i % 20], FORMATS[i % 7])
        files[f"truncated/{i}.{FORMATS[i % 7].lower()}"] = data[: random.randint(1, len(data))]
    for i in range(20):
        files[f"noise/{i}.png"] = random.bytes(random.randint(1, 4000))
        files[f"text/{i}.jpg"] = b"This is a text that somebody called a picture.\n" * (i + 1)
        files[f"small/{i}.png"] = encoded(faces[i].resize((1 + i % 15, 40 + i)), "PNG")
        files[f"huge/{i}.png"] = png(20_000 + 1000 * i, 20_000, bytes(5000))
    for i, (width, height) in enumerate([(2**31 - 1, 2**31 - 1), (0, 0), (0, 9), (2**31 - 1, 1), (1, 2**31 - 1)]):
        files[f"dimensions/{i}.png"] = png(width, height)
        files[f"dimensions/{i}.gif"] = b"GIF89a" + struct.pack("<HH", 65535, 65535 - i) + b"\0\0\0,\0\0\0\0;"
        sizes = struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, 2**30, 2**30 - i, 1, 24, *[0] * 6)
        files[f"dimensions/{i}.bmp"] = b"BM" + sizes
    files["bomb.png"] = png(7900, 7900, bytes(7900))  # within the limit, and its pixels are missing
    files["bomb.zip"] = zipped({"zeros": bytes(10**6)})
    return files | {f"empty/{i}.png": b"" for i in range(10)} | foreign_files(faces)


def foreign_files(faces: list[Image.Image]) -> dict[str, bytes]:
    whole = encoded(faces[0], "PNG")
    return {
        "foreign/page.png": b"<!doctype html><title>404</title>",
        "foreign/vector.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "foreign/program.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(rm) run",
        "foreign/sound.webp": b"RIFF\x24\0\0\0WAVEfmt ",
        "foreign/video.avif": b"\0\0\0\x18ftypisom\0\0\0\0",
        "foreign/crc.png": whole[:40] + bytes([whole[40] ^ 1]) + whole[41:],
        "foreign/float.tiff": encoded(Image.new("F", (32, 32), 0.5), "TIFF"),
        "foreign/wide.tiff": encoded(Image.new("I", (32, 32), 10**6), "TIFF"),
        "foreign/magic.jpg": b"\xff\xd8\xff",
        "foreign/script.py": b"import os",
        "foreign/\u202epng.exe": b"MZ",
        "foreign/new\nline.png": b"no",
        "foreign/escape\x1b[2J.png": b"no",
    }


def odd_files() -> dict[str, bytes]:
    """Files that look odd and are good."""
    faces = [Image.fromarray(draw(number, 40)[0]) for number in range(100, 130)]
    exif = Image.Exif()
    exif[0x0112] = 6
    text = encoded(faces[20], "PNG")
    files = {
        "odd/gray.png": encoded(faces[0].convert("L"), "PNG"),
        "odd/bits.png": encoded(faces[1].convert("1"), "PNG"),
        "odd/palette.png": encoded(faces[2].quantize(16), "PNG", transparency=3),
        "odd/alpha.png": encoded(faces[3].convert("RGBA"), "PNG"),
        "odd/la.png": encoded(faces[4].convert("LA"), "PNG"),
        "odd/cmyk.jpg": encoded(faces[5].convert("CMYK"), "JPEG"),
        "odd/deep.png": encoded(Image.fromarray(np.asarray(faces[6].convert("L")).astype(np.uint16) * 257), "PNG"),
        "odd/turned.jpg": encoded(faces[7], "JPEG", exif=exif),
        "odd/progressive.jpg": encoded(faces[8], "JPEG", progressive=True),
        "odd/wide.png": encoded(faces[9].resize((200, 40)), "PNG"),
        "odd/moving.gif": encoded(faces[10], "GIF", save_all=True, append_images=faces[11:13]),
        "odd/moving.webp": encoded(faces[13], "WEBP", save_all=True, append_images=faces[14:16]),
        "odd/a jpeg.png": encoded(faces[16], "JPEG"),
        "odd/a png.txt": encoded(faces[17], "PNG"),
        "odd/no extension": encoded(faces[18], "WEBP"),
        "odd/trailing.jpg": encoded(faces[19], "JPEG") + b"trailing garbage" * 9,
        "odd/\u4f5c\u753b.png": text,
        "odd/" + "long" * 40 + ".png": encoded(faces[21], "PNG"),
        "odd/broken exif.jpg": encoded(faces[22], "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
        "odd/same again.png": text,  # an exact duplicate
    }
    return files | {f"odd/{i}.{f.lower()}": encoded(faces[23 + i], f) for i, f in enumerate(FORMATS)}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return bad_files() | odd_files()


def test_there_are_three_hundred(files):
    assert len(files) >= 300


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_each_one_is_good_or_named(files, kind, make, tmp_path, capfd):
    entries = dict(files)
    if kind == "zip":
        entries |= {f"../up{i}.png": b"x" for i in range(5)} | {"/absolute.png": b"x", "C:\\drive.png": b"x"}
    path = make("set" if kind == "folder" else "set.zip", entries)
    assert main(["data", "check", str(path), "--resolution", "32"]) == 0
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err

    dataset = open_dataset(path, 32, tell=False)
    named = [problem.file for problem in dataset.problems]
    shown = {"".join(c if c.isprintable() else "\ufffd" for c in name) for name in entries}
    assert sorted([*dataset.names, *named]) == sorted(shown)
    good = {name for name in odd_files() if name != "odd/\u4f5c\u753b.png"}
    assert set(dataset.names) == good
    lines = out.splitlines()
    for problem in dataset.problems:
        assert f"{problem.file}: {problem.reason}" in lines
    assert not list(tmp_path.parent.glob("up*.png"))
    assert not Path("/absolute.png").exists()


def test_damaged_bytes_inside_never_crash(make, encode):
    """Flipped bytes may still be a picture: each file is good or named, and the data set opens."""
    random = np.random.RandomState(1)
    files = {f"{i:02d}.png": encode(draw(i, 16)[0]) for i in range(16)}
    for i in range(100):
        data = bytearray(encoded(Image.fromarray(draw(i, 16)[0]), FORMATS[i % 7]))
        for place in random.randint(0, len(data), 6):
            data[place] = random.randint(256)
        files[f"flipped{i}"] = bytes(data)
    dataset = open_dataset(make("set", files), 16, tell=False)
    assert sorted([*dataset.names, *(p.file for p in dataset.problems)]) == sorted(files)


def test_a_damaged_zip_is_one_sentence_or_a_set(make, pngs, tmp_path, capfd):
    whole = make("whole.zip", pngs).read_bytes()
    random = np.random.RandomState(2)
    path = tmp_path / "damaged.zip"
    statuses = set()
    for i in range(60):
        data = bytearray(whole)
        if i % 3:
            for place in random.randint(0, len(data), 3 * i):
                data[place] = random.randint(256)
        else:
            del data[random.randint(len(data)) :]
        path.write_bytes(data)
        statuses.add(main(["data", "check", str(path)]))
        err = capfd.readouterr().err
        assert "Traceback" not in err
        assert len(err.splitlines()) <= 1
    assert statuses <= {0, 2}
    assert 2 in statuses
