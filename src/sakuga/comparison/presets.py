"""Comparisons that are known by name: what each asks, of which recipes, on which data. Imports no torch.

The settings of the seed000 presets are those of github.com/Unispac/Animation-Avatar-Generation, of seed003 those of
the book "PyTorch: Introduction and Practice" (Chen Yun 2018), of seed004 those of
github.com/pfnet-research/chainer-gan-lib.
Ours are batches of 16, since at equal images seen many small steps are far ahead of few large ones and the budget is
small, and in seed004 one update of D for one of G where chainer-gan-lib has five (`n_dis`).
"""

import json
from collections.abc import Callable, Mapping

from sakuga.configs.comparison import ComparedData, ComparisonConfig, Scalar, Variant
from sakuga.core.errors import UserError, choice

_GETCHU = ComparedData(label="getchu64", path="getchu64.zip")
_MOE = ComparedData(label="moe64", path="moe64_hair_eyes.zip")
_FACES96 = ComparedData(label="faces96", path="faces96_hair_eyes.zip")
_LAMBDAS = (1.0, 2.5, 5.0)

Changes = Mapping[str, Scalar]


def _variant(label: str, recipe: str, *changes: Changes, group: str = "") -> Variant:
    joined: dict[str, Scalar] = {name: value for part in changes for name, value in part.items()}
    return Variant(label=label, recipe=recipe, changes=tuple(joined.items()), group=group)


def _adam(lr: float, beta1: float, beta2: float) -> Changes:
    sides = {f"optimizer.{side}": {"lr": lr, "beta1": beta1, "beta2": beta2} for side in "gd"}
    return {f"{side}.{name}": value for side, values in sides.items() for name, value in values.items()}


_SMALL: Changes = {"batch_size": 16}
_WASSERSTEIN: Changes = {"loss.kind": "wasserstein"}


def _losses() -> ComparisonConfig:
    critic = {"discriminator.norm": "none", "penalty.kind": "wgan_gp", "penalty.weight": 10.0}
    repaired = critic | {"discriminator.norm": "layer"}
    clipped = {"loss.clip": 0.01, "ratio.g_every": 5}
    base = (_SMALL, _WASSERSTEIN)
    return ComparisonConfig(
        name="seed000-losses",
        question="Why did WGAN-GP, with the nets of a DCGAN, look harsher and less sharp than the DCGAN itself? DCGAN; "
        "WGAN with clipped weights; WGAN-GP as it was tried (no norm in D, five updates of D for one of G, Adam 1e-4 "
        "(0.5, 0.9)); the same with one update for one; that with Adam 2e-4 (0, 0.9); and repaired, with a norm over "
        "each picture in D as well, as in the recipe wgangp64.",
        variants=(
            _variant("DCGAN", "dcgan64", _SMALL),
            _variant("WGAN", "dcgan64", *base, clipped, _adam(5e-5, 0.0, 0.99)),
            _variant("WGAN-GP", "dcgan64", *base, critic, {"ratio.g_every": 5}, _adam(1e-4, 0.5, 0.9)),
            _variant("WGAN-GP 1:1", "dcgan64", *base, critic, _adam(1e-4, 0.5, 0.9)),
            _variant("WGAN-GP 1:1, Adam 2e-4", "dcgan64", *base, critic, _adam(2e-4, 0.0, 0.9)),
            _variant("WGAN-GP repaired", "dcgan64", *base, repaired, _adam(2e-4, 0.0, 0.9)),
        ),
        data=(_GETCHU,),
    )


def _tricks() -> ComparisonConfig:
    plain: Changes = {"generator.norm": "none", "discriminator.norm": "none"}
    still: Changes = {"data.flip": False, "data.rotate": 0.0}
    wide: Changes = {"latent.sigma": 1.0}
    return ComparisonConfig(
        name="seed000-tricks",
        question="Which of the DCGAN's tricks matter: BatchNorm in G and D, z with sigma e^(-1/pi), flips and "
        "rotations of up to 15 degrees? Each is left out alone, and all together.",
        variants=(
            _variant("all tricks", "dcgan64", _SMALL),
            _variant("no BatchNorm", "dcgan64", _SMALL, plain),
            _variant("no BatchNorm in D", "dcgan64", _SMALL, {"discriminator.norm": "none"}),
            _variant("sigma 1", "dcgan64", _SMALL, wide),
            _variant("no flip", "dcgan64", _SMALL, {"data.flip": False}),
            _variant("no rotation", "dcgan64", _SMALL, {"data.rotate": 0.0}),
            _variant("neither flip nor rotation", "dcgan64", _SMALL, still),
            _variant("none", "dcgan64", _SMALL, plain, wide, still),
        ),
        data=(_GETCHU,),
    )


def _head(layers: int) -> str:
    return json.dumps({"kind": "auxiliary", "layers": layers})


def _residual(head: str) -> Changes:
    return {"generator.channels": 32, "discriminator.channels": 16, "discriminator.head": head}


def _lambda() -> ComparisonConfig:
    dcgan: Changes = {
        "generator.kind": "dcgan",
        "generator.z_dim": 64,
        "discriminator.kind": "dcgan",
        "discriminator.head": _head(1),
    }
    apart: Changes = {"classifier.kind": "srresnet", "classifier.channels": 16, "classifier.head": _head(1)}
    none, summed = json.dumps({"kind": "none"}), {"conditioning.class_loss": "summed_in_d"}
    designs: dict[str, tuple[Changes, ...]] = {
        "(a) DCGAN": (dcgan,),
        "(b) ResNet": (_residual(_head(1)),),
        "(c) separate heads": (_residual(_head(3)),),
        "(c) summed": (_residual(_head(3)), summed),
        "(d) two networks": (_residual(none), apart),
    }
    variants = [
        _variant(
            f"{name} {weight:g}", "acgan64", _SMALL, *parts, {"conditioning.adversarial_weight": weight}, group=name
        )
        for name, parts in designs.items()
        for weight in _LAMBDAS
    ]
    for kind in ("projection", "discriminative"):
        newer = _residual(json.dumps({"kind": kind}))
        variants.append(_variant(kind, "acgan64", _SMALL, newer, {"conditioning.adversarial_weight": 1.0}, group=kind))
    later = dcgan | {"conditioning.adversarial_weight": 1.0, "conditioning.start": "20k images"}
    variants.append(_variant("(a) told later", "acgan64", _SMALL, later, group="(a) told later"))
    return ComparisonConfig(
        name="seed000-lambda",
        question="Why did quality and control fight each other? Lambda, which multiplies the real/fake loss against "
        "the class loss, at 1, 2.5 and 5 in four designs: (a) a DCGAN whose D has a second output, (b) "
        "SRResNet and a ResNet D, (c) the same with two separate three-layer heads, (d) a classifier that is "
        "a network of its own. '(c) summed' has the class loss summed over the values in D and averaged in "
        "G, as it was published; projection, ADC-GAN (discriminative) and (a) with a G that is told its labels after "
        "20,000 images, when it can draw, are newer ways. The residual nets "
        "have half their published width.",
        variants=tuple(variants),
        data=(_MOE,),
        frontier=True,
    )


def _ratio() -> ComparisonConfig:
    ratios: dict[str, Changes] = {"D:G 1:1": {}, "D:G 5:1": {"ratio.g_every": 5}, "D:G 1:5": {"ratio.d_every": 5}}
    rates: dict[str, Changes] = {
        "": {},
        " slow D": {"optimizer.d.lr": 5e-5},
        " slow G": {"optimizer.g.lr": 5e-5},
    }
    plain: Changes = {"batch_size": 16, "ratio.d_every": 1, "ratio.g_every": 1}
    joint: Changes = {"real_fake_batches": "joint"}
    return ComparisonConfig(
        name="seed003-ratio",
        question="How often should D and G learn, how fast, and should D see real and fake pictures in two batches or "
        "in one? D:G 5:1 in two batches at 2e-4 is what was published (with batches of 256); slow is 5e-5.",
        variants=(
            *(
                _variant(ratio + rate, "dcgan96", plain, often, fast)
                for ratio, often in ratios.items()
                for rate, fast in rates.items()
            ),
            _variant("D:G 1:1 one batch", "dcgan96", plain, joint),
            _variant("D:G 5:1 one batch", "dcgan96", plain, joint, {"ratio.g_every": 5}),
        ),
        data=(_FACES96,),
    )


def _data() -> ComparisonConfig:
    base = (_SMALL, {"ratio.g_every": 1})
    faces = {"path": _FACES96.path, "resolution": 64}
    ground = faces | {"limit": 3000}
    return ComparisonConfig(
        name="seed004",
        question="DRAGAN or SNGAN, and what do the data do: uniform art or varied, white backgrounds or colored, "
        "half the pictures or all? Each set is judged against itself by precision, density and broken faces; "
        "only half of a set is judged against all of it, so that these two compare. One update of D for one "
        "of G instead of five, which a small budget could not pay for.",
        variants=(
            _variant("SN-DCGAN", "sndcgan64", *base),
            _variant("DRAGAN", "dragan64", *base),
        ),
        data=(
            _GETCHU,
            ComparedData(label="half of getchu64", path=_GETCHU.path, filter="every_second", judged_by=_GETCHU.label),
            ComparedData.model_validate({"label": "faces96 at 64", **faces}),
            ComparedData.model_validate({"label": "white background", "filter": "white_background", **ground}),
            ComparedData.model_validate({"label": "colored background", "filter": "colored_background", **ground}),
        ),
    )


PRESETS: dict[str, Callable[[], ComparisonConfig]] = {
    "seed000-losses": _losses,
    "seed000-tricks": _tricks,
    "seed000-lambda": _lambda,
    "seed003-ratio": _ratio,
    "seed004": _data,
}


def preset(name: str) -> ComparisonConfig:
    """Returns the comparison of that name, its data sets by their file names.

    Raises:
        UserError: If there is none.
    """
    if name not in PRESETS:
        raise UserError(f"No preset {name!r}: {choice(name, PRESETS)}")
    return PRESETS[name]()
