"""What a file is by its first bytes: for the sentence that says that it is not what was expected."""

import zipfile
from pathlib import Path

_HEAD = 512

_PICTURES = (
    ("PNG", 0, b"\x89PNG"),
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("WebP", 8, b"WEBP"),
    ("GIF", 0, b"GIF8"),
    ("BMP", 0, b"BM"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("AVIF", 4, b"ftypavi"),
    ("JPEG2000", 4, b"jP  "),
)
_OTHERS = ((b"%PDF", "a PDF document"), (b"\x1f\x8b", "a gzip archive"))

SAFETENSORS, WEIGHTS = "a safetensors file", "a pickle, as other programs write weights"
CUT_SHORT = "a truncated or damaged zip archive"


def kind_of_file(path: str | Path) -> str | None:
    """Returns what a file is, as in `a PNG picture`; None if its first bytes do not tell."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    for signature, kind in _OTHERS:
        if head.startswith(signature):
            return kind
    # It begins with the length of its header, whose first bytes may be those of a pickle.
    if head[8:9] == b"{" and head[6:8] == b"\0\0":
        return SAFETENSORS
    if head.startswith(b"PK\x03\x04"):
        if not zipfile.is_zipfile(path):  # the list of what it holds is at its end
            return CUT_SHORT
        return WEIGHTS if _is_of_torch(path) else "a zip archive"
    if head.startswith(b"\x80") and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return WEIGHTS
    if text := _kind_of_text(head):
        return text
    name = picture_kind(head)
    return f"a{'n' if name == 'AVIF' else ''} {name} picture" if name else None


def picture_kind(data: bytes) -> str | None:
    """Returns what picture bytes begin as, for example `PNG`; None if as no picture that is known."""
    return next((name for name, start, signature in _PICTURES if data[start:].startswith(signature)), None)


def _is_of_torch(path: str | Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return False


def _kind_of_text(head: bytes) -> str | None:
    if len(head) < 8:
        return None
    # The last letter may be cut in two.
    text = head.decode("utf-8", errors="ignore")
    if len(text.encode()) < len(head) - 3 or not all(c.isprintable() or c in "\r\n\t\ufeff" for c in text):
        return None
    return "a web page" if text.lstrip().lower().startswith(("<!doctype html", "<html")) else "text"
