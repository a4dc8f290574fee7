"""Completing a config: every `auto` becomes a value, and what makes no sense is refused before anything is loaded."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from sakuga.configs.augment import AdaConfig
from sakuga.configs.labels import UNKNOWN
from sakuga.configs.losses import NoPenaltyConfig, PenaltyConfig, WassersteinLossConfig
from sakuga.configs.models import Auto
from sakuga.configs.patch import patch
from sakuga.configs.training import NoClassifierConfig, TrainConfig
from sakuga.core.device import has_fast_bf16
from sakuga.core.errors import UserError, choice
from sakuga.data.dataset import Dataset
from sakuga.data.labels import missing_values, translated
from sakuga.data.sampling import columns_to_balance

NOISE_START = 300_000  # images: with noise early a small G draws hair as grain, and unlearns it slowly


def check(config: TrainConfig) -> None:
    """Refuses combinations that make no sense.

    Raises:
        UserError: With the names of the options and the remedy.
    """
    sizes = {"data": config.data.resolution} | {n: getattr(config, n).resolution for n in _networks(config)}
    known = {name: size for name, size in sizes.items() if size != "auto"}
    if len(set(known.values())) > 1:
        raise UserError(
            "The sizes differ: " + ", ".join(f"--{n}.resolution {s}" for n, s in known.items()) + ": give "
            "--data.resolution alone, the networks follow it."
        )
    for size in known.values():
        _sized(config, size)  # refuses a size that a network cannot make
    for makes_no_sense, sentence in (
        *_rules_of_slopes(config),
        *_rules_of_games(config),
        *_rules_of_attributes(config),
    ):
        if makes_no_sense:
            raise UserError(sentence)


def check_labels(config: TrainConfig, dataset: Dataset) -> None:
    """Refuses data whose labels do not fit the config.

    Raises:
        UserError: If an attribute is unknown, G would be told a value that no picture has, or one cannot be balanced.
    """
    told = config.conditioning.attributes
    if told and not dataset.schema.attributes:
        raise UserError(
            f"{dataset.name} has no labels, and --conditioning.attributes asks for some: add a labels.csv or --labels, "
            "or choose a recipe without attributes."
        )
    _check_names("--conditioning.attributes", () if told == "all" else told, dataset)
    _check_names("--data.balance", config.data.balance, dataset)
    schema = dataset.schema if told == "all" else dataset.schema.restricted(told)
    labels = translated(dataset.labels, dataset.schema, schema)
    for column, attribute in enumerate(schema.attributes):
        if not attribute.values:
            raise UserError(f"{dataset.name} has no picture with a known {attribute.name}: leave the attribute out.")
        if missing := missing_values(attribute, labels[:, column]):
            raise UserError(
                f"{dataset.name} has no picture with {attribute.name} {', '.join(missing)}: add some, or pack the data "
                "again from a table without the value."
            )
        # Fakes, whose attributes are drawn one after the other, would never be made from them.
        in_turn = labels[(labels[:, : column + 1] != UNKNOWN).all(1), column]
        missing = missing_values(attribute, in_turn)
        if missing and len(in_turn) and config.conditioning.label_prior == "data":
            raise UserError(
                f"{dataset.name} has no picture with {attribute.name} {', '.join(missing)} whose other attributes are "
                "known, too: label some, name fewer --conditioning.attributes, or choose --conditioning.label_prior "
                "uniform."
            )
    columns_to_balance(dataset.labels, dataset.schema, config.data.balance)


def _check_names(option: str, names: Iterable[str], dataset: Dataset) -> None:
    known = [attribute.name for attribute in dataset.schema.attributes]
    for name in names:
        if name not in known:
            raise UserError(f"{option} {name}: {dataset.name} has no such attribute: {choice(name, known)}")


def _rules_of_slopes(config: TrainConfig) -> Iterator[tuple[bool, str]]:
    """Yields pairs of a condition that makes no sense and the sentence that says why: about what bounds D."""
    loss, penalty, d = config.loss, config.penalty, config.discriminator
    is_wasserstein = isinstance(loss, WassersteinLossConfig)
    # Gulrajani et al. (2017, section 4) for WGAN-GP, Jin et al. (2017, section 3.4) for DRAGAN. A standard deviation
    # over the batch as one more map (`minibatch_std`) is let pass: Karras et al. ("Progressive Growing of GANs", 2018)
    # have it beside WGAN-GP.
    yield (
        penalty.kind in ("wgan_gp", "dragan") and d.norm == "batch",
        f"--penalty.kind {penalty.kind} leads D's slope at each picture by itself, and --discriminator.norm batch "
        "makes D's answer to a picture depend on the others: choose --discriminator.norm layer, spectral or none.",
    )
    # This loss has no end: D gains from any slope that nothing bounds, and the other penalties look at real or fake
    # pictures alone and not at the way between them. R1 and R2 make it converge only near the equilibrium (Mescheder,
    # Geiger and Nowozin 2018, theorem 4.1); a bound everywhere is what the distance is defined by (Arjovsky, Chintala
    # and Bottou 2017, equation 2).
    others = f"; --penalty.kind {penalty.kind} does not reach there" if _weight(penalty) else ""
    yield (
        is_wasserstein
        and loss.clip is None
        and not (penalty.kind == "wgan_gp" and _weight(penalty))
        and d.norm != "spectral",
        "--loss.kind wasserstein needs a D of bounded slope between real and fake pictures, too: add --loss.clip 0.01, "
        f"--penalty.kind wgan_gp or --discriminator.norm spectral{others}.",
    )
    yield (
        is_wasserstein and loss.clip is not None and d.norm == "spectral",
        "--loss.clip bounds D's weights, and --discriminator.norm spectral scales them anew: leave one out.",
    )
    yield (
        is_wasserstein and loss.clip is not None and penalty.kind in ("wgan_gp", "dragan"),
        f"--loss.clip and --penalty.kind {penalty.kind} both bound D's slope, to different values: leave one out.",
    )


def _rules_of_games(config: TrainConfig) -> Iterator[tuple[bool, str]]:
    """As `_rules_of_slopes`, for the game and its networks."""
    loss, d = config.loss, config.discriminator
    no_verdict = loss.kind in ("wasserstein", "relativistic")
    yield (
        no_verdict and isinstance(config.augment, AdaConfig) and config.augment.target is not None,
        f"--augment.kind ada is led by how often D takes real pictures for real, and with --loss.kind {loss.kind} D "
        "says no such thing: choose --augment.kind diffaugment, --augment.target null with an --augment.strength, or "
        "another loss.",
    )
    yield (
        loss.kind == "wasserstein" and config.controller.enabled,
        "--controller.enabled is led by D's verdicts, and with --loss.kind wasserstein D gives none: leave it out.",
    )
    yield (
        config.style_mixing > 0 and config.generator.kind != "stylegan2",
        f"--style_mixing gives the layers of G different ws, and --generator.kind {config.generator.kind} has one "
        "for all: leave it out, or choose --generator.kind stylegan2.",
    )
    yield (
        config.noise_start != "auto" and config.noise_start.amount > 0 and config.generator.kind != "stylegan2",
        f"--noise_start is when noise joins the maps of G, and --generator.kind {config.generator.kind} has no noise: "
        "leave it out, or choose --generator.kind stylegan2.",
    )
    # D compares the pictures of a batch; in one with real pictures, fakes that are all the same look varied.
    has_minibatch_std = d.kind == "stylegan2" or (d.kind == "dcgan" and d.minibatch_std)
    yield (
        config.real_fake_batches == "joint" and has_minibatch_std,
        "--real_fake_batches joint mixes real pictures and fakes, whose variety D is to see apart by "
        f"{'its' if d.kind == 'stylegan2' else '--discriminator.minibatch_std, a'} standard deviation over the batch: "
        "choose --real_fake_batches separate.",
    )
    yield (
        config.freeze_d > 0 and config.init.discriminator is None,
        "--freeze_d keeps layers of a finished D: name its model with --init.discriminator MODEL, or leave it out.",
    )
    yield (
        config.generator.kind == "stacked" and not (config.init.base or config.init.generator),
        "--generator.kind stacked redraws the pictures of a finished model: name it with --init.base MODEL.",
    )
    yield (
        config.generator.kind != "stacked" and config.init.base is not None,
        f"--init.base is the first stage of a stacked generator, and --generator.kind is {config.generator.kind}: "
        "choose --init.generator, or --generator.kind stacked.",
    )


def _rules_of_attributes(config: TrainConfig) -> Iterator[tuple[bool, str]]:
    """As `_rules_of_slopes`, for what G is told and who judges it."""
    conditioning, d = config.conditioning, config.discriminator
    told, judged, own = bool(conditioning.attributes), d.head.kind != "none", config.classifier.kind != "none"
    yield (
        told and not judged and not own,
        "--conditioning.attributes are told to G, and nothing judges whether it keeps to them: add "
        "--discriminator.head.kind projection, auxiliary or discriminative, or --classifier.kind dcgan "
        "--classifier.head.kind auxiliary.",
    )
    yield (
        judged and not told,
        f"--discriminator.head.kind {d.head.kind} judges attributes, and G is told none: add "
        "--conditioning.attributes all, or choose --discriminator.head.kind none.",
    )
    yield (
        own and not told,
        f"--classifier.kind {config.classifier.kind} judges attributes, and G is told none: add "
        "--conditioning.attributes all, or choose --classifier.kind none.",
    )
    yield (
        conditioning.label_prior != "data" and not told,
        f"--conditioning.label_prior {conditioning.label_prior} is about the attributes that G is told, and it is told "
        "none: add --conditioning.attributes all, or leave it out.",
    )
    pairing = "--penalty.kind wgan_gp" if config.penalty.kind == "wgan_gp" else "--loss.kind relativistic"
    yield (
        conditioning.label_prior != "data" and told and config.labels_in_pairs,
        f"--conditioning.label_prior {conditioning.label_prior} draws labels for fakes, and {pairing} with "
        "--discriminator.head.kind projection takes those of the real pictures beside them: leave it out, or choose "
        "another head.",
    )
    yield (
        conditioning.classify_fakes and d.head.kind != "auxiliary",
        "--conditioning.classify_fakes is about D's auxiliary classifier, and --discriminator.head.kind is "
        f"{d.head.kind}: leave it out, or choose --discriminator.head.kind auxiliary.",
    )
    if conditioning.start.amount:
        yield from _rules_of_start(config)
    has_class_loss = d.head.kind == "auxiliary" or own
    yield (
        conditioning.class_loss != "balanced" and not has_class_loss,
        f"--conditioning.class_loss {conditioning.class_loss} is about a classifier, and with "
        f"--discriminator.head.kind {d.head.kind} there is none: leave it out, or choose --discriminator.head.kind "
        "auxiliary.",
    )
    yield (
        conditioning.adversarial_weight != 1 and not has_class_loss and d.head.kind != "discriminative",
        f"--conditioning.adversarial_weight {conditioning.adversarial_weight:g} is set against a class loss, and with "
        f"--discriminator.head.kind {d.head.kind} there is none: leave it out, or choose --discriminator.head.kind "
        "auxiliary.",
    )
    if not isinstance(config.classifier, NoClassifierConfig):
        kind = config.classifier.head.kind
        yield (
            kind != "auxiliary",
            f"--classifier.head.kind {kind} names no class: choose --classifier.head.kind auxiliary.",
        )
    yield (
        own and d.head.kind in ("auxiliary", "discriminative"),
        f"--classifier.kind and --discriminator.head.kind {d.head.kind} both classify for G: leave one out.",
    )


def _rules_of_start(config: TrainConfig) -> Iterator[tuple[bool, str]]:
    """As `_rules_of_slopes`, for labels that are told later."""
    option = f"--conditioning.start {config.conditioning.start}"
    yield (
        not config.conditioning.attributes,
        f"{option} is when G is told attributes, and it is told none: add --conditioning.attributes all, or leave it "
        "out.",
    )
    yield (
        config.discriminator.head.kind == "projection",
        f"{option}: a projection has no verdict without labels to begin with: choose --discriminator.head.kind "
        "auxiliary or discriminative, or leave the start out.",
    )
    yield (
        config.generator.kind == "stacked",
        f"{option}: a second stage is told what its finished first stage is: leave the start out.",
    )
    yield (
        config.init.generator is not None,
        f"{option}: a G that --init.generator names can draw already: leave the start out.",
    )


def resolve(config: TrainConfig, resolution: int, device: torch.device) -> TrainConfig:
    """Returns the config with every `auto` settled.

    Args:
        config: A recipe, edited or not.
        resolution: Of the opened data set.
        device: Where the networks will live. bfloat16 and the channels_last format are chosen where the processor
            multiplies bfloat16 in hardware.

    Raises:
        UserError: If the architecture cannot make pictures of that size, or another combination makes no sense.
    """
    precision = config.precision
    if precision == "auto":
        precision = "bfloat16" if has_fast_bf16(device) else "float32"
    changes: dict[str, Any] = {
        "precision": precision,
        "channels_last": precision == "bfloat16" if config.channels_last == "auto" else config.channels_last,
        "threads": torch.get_num_threads() if config.threads == "auto" else config.threads,
    }
    if config.noise_start == "auto":
        changes["noise_start"] = NOISE_START if config.generator.kind == "stylegan2" else 0
    if config.deterministic and device.type == "cuda":
        _check_deterministic(config)
    complete = _sized(patch(config, changes), resolution)
    if _weight(complete.penalty) == "auto":
        complete = patch(complete, {"penalty.weight": 2e-4 * int(complete.data.resolution) ** 2 / config.batch_size})
    check(complete)
    return complete


def _check_deterministic(config: TrainConfig) -> None:
    """Refuses what no GPU computes twice alike: ADA's `grid_sample`, whose gradient CUDA sums in any order."""
    augment = config.augment
    if isinstance(augment, AdaConfig) and (augment.blit or augment.geometry):
        raise UserError(
            "--deterministic true: on a GPU no two runs in which --augment.kind ada moves pictures are the same: add "
            "--augment.blit false and --augment.geometry false, choose another augmentation, or leave it out."
        )


def _weight(penalty: PenaltyConfig) -> float | Auto:
    return 0.0 if isinstance(penalty, NoPenaltyConfig) else penalty.weight


def _networks(config: TrainConfig) -> tuple[str, ...]:
    own = () if isinstance(config.classifier, NoClassifierConfig) else ("classifier",)
    return ("generator", "discriminator", *own)


def _sized(config: TrainConfig, resolution: Any) -> TrainConfig:
    """Returns the config for pictures of that size; a network with a size of its own keeps it."""
    parts = ["data", *(name for name in _networks(config) if getattr(config, name).resolution == "auto")]
    return patch(config, {f"{part}.resolution": resolution for part in parts})
