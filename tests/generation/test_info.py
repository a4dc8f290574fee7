import json
import subprocess
import sys

import pytest

from sakuga import zoo
from sakuga.cli import main
from sakuga.configs.modelfile import read_header


def told(capsys, *arguments):
    assert main(["info", *arguments]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_without_a_model_the_zoo_is_listed(capsys):
    text = told(capsys)
    assert all(f"{name} Anime faces" in text for name in zoo.names())
    assert "12 hair, 11 eyes" in text
    assert f"{zoo.path('faces64').stat().st_size / 1e6:.1f} MB" in text


@pytest.mark.parametrize("name", zoo.names())
def test_a_model_of_the_zoo_is_introduced_by_its_card(name, capsys):
    text, header = told(capsys, name), read_header(zoo.path(name))
    introduction = zoo.introduction(name)
    assert introduction in zoo.path(name).with_suffix(".md").read_text().replace("\n", " ")
    assert text.startswith(f"{name} {introduction} generator ")
    assert f"images seen {header.images_seen:,} licence {header.licence}" in text
    assert f"fid {header.scores['fid']:.4g}" in text
    assert header.data in text


def test_a_file_tells_its_networks_and_attributes(conditional, capsys):
    text = told(capsys, str(conditional.path))
    counts = [
        sum(tensor.numel() for tensor in network.state_dict().values())
        for network in (conditional.generator, conditional.discriminator)
    ]
    assert f"generator dcgan, 32x32, {counts[0]:,} weights discriminator dcgan, 32x32, {counts[1]:,} weights" in text
    assert "z 8 numbers, normal, mean 0, sigma 1 attribute hair aqua, blonde, red attribute eyes green, orange" in text
    assert "scores" not in text and "licence" not in text


def test_a_classifier_tells_what_it_knows_and_how_well(classifier_file, capsys):
    text = told(capsys, str(classifier_file))
    assert f"classifier {classifier_file.stem}, 16x16, " in text
    assert "attribute hair aqua, blonde, red attribute eyes green, orange" in text
    assert "held-out accuracy hair 75.0%" in text
    assert " z " not in text


def test_what_a_file_says_is_no_markup_and_moves_no_cursor(tmp_path, model_file, capsys):
    data = model_file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + length])
    header = json.loads(head["__metadata__"]["sakuga"]) | {"licence": "[red]\x1b[2Jnone[/red]"}
    head["__metadata__"]["sakuga"] = json.dumps(header)
    written = json.dumps(head).encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(written).to_bytes(8, "little") + written + data[8 + length :])
    assert "licence [red]?[2Jnone[/red] file" in told(capsys, str(path))


def test_it_needs_no_torch():
    code = (
        "import sys; from sakuga.cli import main\n"
        "print([main(argv) for argv in (['info'], ['info', 'faces64'])], 'torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[0, 0] False"


def test_a_verb_that_misses_its_model_names_the_zoo(capsys):
    assert main(["generate"]) == 2
    assert f"(in the zoo: {', '.join(zoo.names())})" in capsys.readouterr().err
