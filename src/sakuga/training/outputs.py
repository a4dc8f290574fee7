"""What a run leaves behind while it trains: sheets, snapshots, curves, the report. Written by rank 0 alone."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from sakuga.configs.modelfile import DiscriminatorRole, GeneratorRole, Header, Roles
from sakuga.configs.training import TrainConfig
from sakuga.core.device import autocast
from sakuga.core.files import write_bytes, write_text
from sakuga.core.images import grid, png_bytes, save_png, to_uint8
from sakuga.core.latents import z_of_seeds
from sakuga.data.sampling import count_labels
from sakuga.evaluation.conditions import labels_like_data
from sakuga.models.file import save_model
from sakuga.reporting.curves import draw_curves
from sakuga.reporting.page import Page
from sakuga.training.health import NotFinite
from sakuga.training.loop import Loop
from sakuga.training.metrics_log import read_metrics

PANELS = {
    "losses": ("loss_d", "loss_d_real", "loss_d_fake", "loss_g"),
    "path length": ("path_length",),
    "class losses": ("loss_d_class_real", "loss_d_class_fake", "loss_c", "loss_g_class"),
    "Wasserstein estimate": ("wasserstein",),
    "augmentation": ("augment_strength",),
    "verdicts": ("d_real", "d_fake"),
    "gradient norms": ("grad_norm_d", "grad_norm_g"),
    "EfficientNet-Lite0 distance": ("efficientnet_frechet",),
}


def sample_ema(loop: Loop, seeds: range) -> np.ndarray:
    """Returns pictures of the EMA generator for seeds, with labels as frequent as in the data, uint8 `[N, H, W, 3]`."""
    latent = loop.config.latent
    z = torch.from_numpy(z_of_seeds(seeds, loop.step.generator.z_dim, latent.mean, latent.sigma))
    drawn, _ = labels_like_data(loop.dataset, loop.step.schema, len(seeds))
    labels = torch.from_numpy(drawn).to(loop.device)
    images, network = [], loop.averaged()
    with torch.no_grad(), autocast(loop.device, loop.step.dtype):
        for part, of_part in zip(z.to(loop.device).split(64), labels.split(64), strict=True):
            images.append(to_uint8(network(part, of_part, "const")))
    return np.concatenate(images)


def write_sheet(run_dir: Path, loop: Loop) -> np.ndarray:
    """Writes the fixed-z sheet and returns its pictures, uint8 `[N, H, W, 3]`."""
    images = sample_ema(loop, range(loop.config.outputs.sheet_size))
    save_png(run_dir / "sheets" / f"{loop.images:012d}.png", grid(images), {"images seen": str(loop.images)})
    return images


def write_model(path: Path, loop: Loop, scores: dict[str, float]) -> None:
    """Writes the EMA of G, and D, as a model file.

    Raises:
        NotFinite: If a weight, or a statistic of a norm, is not.
    """
    config, networks = loop.config, {"generator": loop.averaged(), "discriminator": loop.step.discriminator}
    for role, network in networks.items():
        if not all(tensor.isfinite().all() for tensor in network.state_dict().values()):
            raise NotFinite(f"the {role} has weights or statistics that are not finite", loop.images, config)
    header = Header(
        name=config.name or config.recipe,
        roles=Roles(
            generator=GeneratorRole(architecture=config.generator),
            discriminator=DiscriminatorRole(architecture=config.discriminator),
        ),
        labels=loop.step.schema,
        label_counts=count_labels(loop.step.labels),
        latent=config.latent,
        licence=config.licence,
        data=f"{loop.dataset.name}, {len(loop.dataset):,} pictures",
        images_seen=loop.images,
        scores=scores,
        provenance={"config": _without_folders(config), "dataset_fingerprint": loop.dataset.fingerprint},
    )
    save_model(path, header, networks)


def _without_folders(config: TrainConfig) -> dict[str, Any]:
    """Returns the config as JSON; a model file travels, and folders of this machine are nobody's business."""
    tree = config.model_dump(mode="json")
    tree["init"] = {role: path and Path(path).name for role, path in tree["init"].items()}
    return tree


def write_curves(run_dir: Path) -> bytes:
    """Draws `metrics.jsonl` to `curves.png` and returns the PNG."""
    panels: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    lines = list(read_metrics(run_dir))
    for title, names in PANELS.items():
        for name in names:
            points = [(line["images"], line[name]) for line in lines if name in line]
            if points:
                panels.setdefault(title, {})[name] = ([x for x, _ in points], [y for _, y in points])
    png = draw_curves(panels)
    write_bytes(run_dir / "curves.png", png)
    return png


def write_report(run_dir: Path, loop: Loop, record: dict[str, Any], messages: list[str]) -> None:
    """Writes `report.html`, which needs no other file."""
    config = loop.config
    page = Page(f"{config.recipe}: {loop.images:,} images")
    page.text(f"Trained on {loop.dataset.name} ({len(loop.dataset):,} pictures of {loop.dataset.resolution} pixels).")
    for message in messages:
        page.note(message)
    sheets = sorted(path for path in (run_dir / "sheets").glob("*.png") if path.stem.isdecimal())
    # The first, the last, and a few between tell the story; all of them would make a page too large to send.
    places = sorted({round(i * (len(sheets) - 1) / 4) for i in range(5)}, reverse=True) if sheets else []
    pictures = [(sheets[i].read_bytes(), f"after {int(sheets[i].stem):,} images", None) for i in places]
    if (run_dir / "real.png").exists():
        pictures.insert(1, ((run_dir / "real.png").read_bytes(), "real pictures", None))
    page.text("Drawn from always the same z, the newest first:").pictures(pictures)
    page.picture(write_curves(run_dir), "losses, verdicts and gradient norms over images seen")
    last = next(reversed(list(read_metrics(run_dir))), {})
    page.heading("Measured last").table(last)
    page.heading("Command and config").code(record.get("command", ""))
    page.folded("The complete config", Page("").code(config.model_dump_json(indent=2)))
    page.heading("Machine").table(record.get("environment", {}))
    write_text(run_dir / "report.html", page.html())


def sheet_of_real(loop: Loop) -> np.ndarray:
    """Returns as many real pictures as a sheet has, spread over the data set, uint8 `[N, H, W, 3]`."""
    size = min(loop.config.outputs.sheet_size, len(loop.dataset))
    return loop.dataset.images[np.linspace(0, len(loop.dataset) - 1, size).astype(int)]


def write_real_sheet(run_dir: Path, images: np.ndarray) -> None:
    """Writes `real.png`, what the samples should look like."""
    write_bytes(run_dir / "real.png", png_bytes(grid(images)))
