"""`sakuga blend`: coarse layers of one StyleGAN2, fine layers of another."""

from pathlib import Path
from typing import Literal


def blend(
    a: str,
    b: str,
    /,
    *,
    at: int,
    out: Path,
    mapping: Literal["a", "b"] = "a",
    ramp: int = 0,
    name: str | None = None,
    overwrite: bool = False,
) -> None:
    """Makes one model of two: layers up to a side from A (pose, shape of the face), finer ones from B (colors, line).

    Both must be StyleGAN2 of one architecture, and relatives: one trained from the other, or both from a third.

    Args:
        a: The model of the coarse layers: of the zoo, a .safetensors file, or a run folder.
        b: The model of the fine layers.
        at: The largest side of A's layers: 4, 8, 16, ...
        out: The .safetensors file to write.
        mapping: Whose mapping network, with its mean w and its attributes.
        ramp: Mix so many sizes above --at, more and more of B, instead of changing at once.
        name: What the model is called; as its file if not given.
        overwrite: Replace `out` if it exists.
    """
    from sakuga.commands.options import check_suffix, refuse_existing

    check_suffix(out, "--out", ".safetensors")
    refuse_existing([out], overwrite)

    from sakuga.generation.blend import blend as run

    made = run(a, b, at, out, ramp=ramp, mapping=mapping, name=name, overwrite=overwrite)
    print(f"{out}: " + ", ".join(f"{side}: {_words(share)}" for side, share in made.shares.items()))
    if made.likeness < 0.2:
        print(f"  the two have little in common (cosine of kernels {made.likeness:.2f}): pictures may be no faces")


def _words(share: float) -> str:
    return "A" if share == 0 else "B" if share == 1 else f"{100 * share:.0f}% B"
