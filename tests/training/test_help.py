"""What `sakuga train RECIPE --help` tells."""

import subprocess
import sys

import pytest

from sakuga.cli import main


def option(text: str, name: str) -> list[str]:
    """Returns the value of an option and what is said about it."""
    (line,) = (line for line in text.splitlines() if line.split()[:1] == [f"--{name}"])
    return line.split(maxsplit=2)[1:]


def test_help_lists_values_and_choices(capsys) -> None:
    assert main(["train", "quick64", "--help"]) == 0
    told = capsys.readouterr().out
    assert option(told, "loss.kind") == [
        "logistic",
        "one of bce, logistic, hinge, lsgan, wasserstein, relativistic",
    ]
    assert option(told, "discriminator.norm") == ["batch", "one of batch, spectral, layer, none"]
    assert option(told, "discriminator.head.kind") == ["none", "one of none, auxiliary, projection, discriminative"]
    assert option(told, "real_fake_batches")[1].startswith("one of separate, joint; whether D sees")
    assert option(told, "augment.kind") == ["none", "one of none, diffaugment, ada"]
    assert "--loss.clip" not in told


def test_help_follows_the_options_beside_it(capsys) -> None:
    words = ["--loss.kind", "wasserstein", "--discriminator.head.kind=auxiliary", "--data", "faces.zip"]
    assert main(["train", "quick64", *words, "-h"]) == 0
    told = capsys.readouterr().out
    assert option(told, "loss.kind")[0] == "wasserstein"
    assert option(told, "loss.clip")[0] == "null"
    assert option(told, "discriminator.head.layers") == ["1", "one of 1, 3"]
    assert main(["train", "quick64", "--loss.kind=hinge", "--penalty.kind", "--help"]) == 0
    told = capsys.readouterr().out
    assert option(told, "loss.kind")[0] == "hinge" and option(told, "penalty.kind")[0] == "r1"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["quick64", "--loss.kind", "wassersten"], "did you mean 'wasserstein'"),
        (["quick65"], "No recipe 'quick65'"),
    ],
)
def test_help_names_what_it_does_not_know(words: list[str], sentence: str, capsys) -> None:
    assert main(["train", *words, "--help"]) == 2
    assert sentence in capsys.readouterr().err


def test_help_of_a_recipe_needs_no_torch() -> None:
    code = (
        "import sys; from sakuga.cli import main; "
        "main(['train', 'quick64', '--loss.kind', 'wasserstein', '--help']); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
