import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from sakuga import zoo
from sakuga.cli import main
from sakuga.configs.directions import DirectionInfo, DirectionsHeader, Move, parse_moves
from sakuga.core.errors import UserError
from sakuga.core.tensorfile import write_tensors
from sakuga.generation.directions import SUFFIX, Directions, directions_of, read_directions, safe_name, write_directions
from sakuga.generation.edit import (
    apply,
    captions,
    described,
    edited,
    there_and_back,
    ws_of_seeds,
)
from sakuga.generation.model import load
from sakuga.generation.projection import read_projection


def directions_for(model, **steps):
    infos = {name.replace("_", ":"): DirectionInfo(what="made up", deviation=1.0) for name in steps}
    header = DirectionsHeader(
        model=model.name, model_sha256=model.sha256, method="labels", layers=(0,), directions=infos
    )
    shape = (model.generator.num_ws, model.generator.w_dim)
    return Directions(
        header,
        {
            n: torch.zeros(shape).index_fill(1, torch.tensor([i]), 1.0)
            for n, i in zip(infos, steps.values(), strict=True)
        },
    )


@pytest.fixture
def found(model):
    """Directions along the first two numbers of w."""
    return directions_for(model, hair_aqua=0, eyes_red=1)


@pytest.fixture
def file(found, tmp_path):
    return write_directions(tmp_path / "found.safetensors", found)


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_apply_by_hand():
    ws, step = torch.arange(8.0).view(2, 2, 2), torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    assert apply(ws, step, 3).tolist() == [[[3, 1], [2, 9]], [[7, 5], [6, 13]]]
    assert apply(ws, step, torch.tensor([0.0, -1.0])).tolist() == [[[0, 1], [2, 3]], [[3, 5], [6, 5]]]


def test_edited_pictures_are_those_of_the_moved_z(model, found):
    ws = ws_of_seeds(model, [3, 4])
    moves = [Move("hair:aqua", -2, 2), Move("eyes:red", 1, 1)]
    drawn = edited(model, ws, found, moves, [0, 0.5, 1], batch_size=4)
    assert drawn.shape == (2, 3, 32, 32, 3)
    for t, strength in enumerate((-2, 0, 2)):
        z = model.z_of_seeds([3, 4])
        z[:, 0] += strength
        z[:, 1] += 1
        assert np.abs(drawn[:, t].astype(int) - model.sample_images(z)).max() <= 1
    plain = edited(model, ws, found, [Move("hair:aqua", -2, 2)], [0.5])[:, 0]
    assert np.abs(plain.astype(int) - model.sample_images(model.z_of_seeds([3, 4]))).max() <= 1
    from_python = model.edit([3, 4], {"hair:aqua": 2, "eyes:red": 1}, found)
    assert np.array_equal(np.stack([np.asarray(p) for p in from_python]), drawn[:, 2])


def test_only_chosen_layers_move(styled):
    found = directions_for(styled, hair_aqua=0)
    step = found.step("hair:aqua", (1, 2))
    assert step[[1, 2], 0].tolist() == [1, 1] and step.sum() == 2
    ws = ws_of_seeds(styled, [0])
    move = [Move("hair:aqua", 3, 3)]
    some = edited(styled, ws, found, move, [1.0], layers=(1, 2))[:, 0]
    ws = ws.clone()
    ws[:, 1:3, 0] += 3
    assert np.array_equal(some, styled.sample_ws(lambda part: ws[part], 1))
    empty = Directions(found.header, {"hair:aqua": step})
    with pytest.raises(UserError, match="hair:aqua moves none of the chosen layers: it has the layers 0"):
        empty.step("hair:aqua", (5,))


def test_moves_as_text():
    assert parse_moves("hair:aqua", "-3..3") == [Move("hair:aqua", -3, 3)]
    assert parse_moves(" a=2 , b=-1..0.5,c", "1") == [Move("a", 2, 2), Move("b", -1, 0.5), Move("c", 1, 1)]
    # One strength each: there from the unedited picture.
    assert parse_moves("a=2,b", "1") == [Move("a", 0, 2), Move("b", 0, 1)]
    assert described(parse_moves("a=2,b=-1..0.5", "0")) == "a=2,b=-1..0.5"
    for text in ("", "a,,b", "a,a=2", "=2"):
        with pytest.raises(UserError, match="write each direction once"):
            parse_moves(text, "1")
    for text in ("a=", "a=1..", "a=x", "a=nan", "a=1..2..3", "a=inf"):
        with pytest.raises(UserError, match=r"--direction a '.*' is no strength"):
            parse_moves(text, "1")


def test_captions_and_the_way_there_and_back():
    assert captions([Move("a", -2, 2), Move("b", 1, 1)], [0, 0.5, 1]) == ["-2", "0", "+2"]
    assert captions([Move("a", -2, 2), Move("b", 0, 1)], [0, 1]) == ["a -2 b 0", "a +2 b +1"]
    loop = there_and_back(8, loop=True)
    assert loop[0] == 0 and loop[4] == pytest.approx(1) and loop[1] == pytest.approx(loop[7])
    assert there_and_back(3, loop=False) == pytest.approx([0, 0.5, 1])
    with pytest.raises(UserError, match="at least 2 frames: give, for example, 60"):
        there_and_back(1, loop=True)


def test_a_file_of_directions_comes_back(found, file, model, tmp_path):
    again = read_directions(file)
    assert again.header == found.header
    assert all(torch.equal(again.steps[name], step) for name, step in found.steps.items())
    assert list(directions_of(model, file).steps) == ["hair:aqua", "eyes:red"]
    with pytest.raises(UserError, match="No direction 'hair:aqa' of tiny: did you mean 'hair:aqua'"):
        again.step("hair:aqa")
    wrong = write_tensors(tmp_path / "w.safetensors", dict(found.steps), {"kind": "other"})
    with pytest.raises(UserError, match="holds no directions"):
        read_directions(wrong)
    one = {"hair:aqua": found.steps["hair:aqua"]}
    short = write_tensors(tmp_path / "s.safetensors", one, found.header.model_dump(mode="json"))
    with pytest.raises(UserError, match="does not hold the directions that it names"):
        read_directions(short)
    assert safe_name("hair: dark=red, long ") == "hair:-dark-red-long"


def test_a_strip_has_a_row_for_each_seed(model, found, file, tmp_path):
    out = tmp_path / "edit.png"
    command = ["edit", str(model.path), "--directions", str(file), "--out", str(out), "--seeds", "3,4"]
    assert main([*command, "--direction", "hair:aqua", "--strength", "-2..2", "--steps", "3", "--no-captions"]) == 0
    drawn = edited(model, ws_of_seeds(model, [3, 4]), found, [Move("hair:aqua", -2, 2)], [0, 0.5, 1])
    sheet = pixels(out)
    assert sheet.shape == (2 * 34 + 2, 3 * 34 + 2, 3)
    for row in range(2):
        for column in range(3):
            part = sheet[2 + row * 34 :, 2 + column * 34 :][:32, :32]
            assert np.abs(part.astype(int) - drawn[row, column]).max() <= 1
    text = Image.open(out).text
    assert text["directions"] == "hair:aqua=-2..2" and text["pictures"] == "3,4"
    assert main([*command, "--direction", "hair:aqua=2,eyes:red=0..1", "--psi", "0.5", "--overwrite"]) == 0
    assert pixels(out).shape[0] > 70 and Image.open(out).text["psi"] == "0.5"


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_an_animation_shows_all_seeds(model, file, tmp_path, kind):
    out = tmp_path / f"edit.{kind}"
    command = ["edit", str(model.path), "--directions", str(file), "--direction", "hair:aqua", "--out", str(out)]
    assert main([*command, "--seeds", "3-6", "--steps", "6", "--fps", "10", "--scale", "2"]) == 0
    animation = Image.open(out)
    assert (animation.n_frames, animation.size) == (6, (2 * 70, 2 * 70))


def test_a_projected_picture_is_edited(styled, tmp_path):
    found = write_directions(tmp_path / "d.safetensors", directions_for(styled, hair_aqua=0))
    ws = styled.ws_of(styled.z_of_seeds([5]))[0].clone()
    ws[4:] += 1  # a w for each layer
    noise = {f"noise{i}": torch.randn(1, 1, *shape) for i, shape in enumerate(styled.generator.noise_shapes)}
    value = {"kind": "projection", "model_sha256": styled.sha256}
    face = write_tensors(tmp_path / "face.safetensors", {"ws": ws, **noise}, value)
    out = tmp_path / "edit.png"
    command = ["edit", str(styled.path), "--directions", str(found), "--direction", "hair:aqua", "--out", str(out)]
    assert main([*command, "--from-projection", str(face), "--steps", "3", "--no-captions"]) == 0
    plain = styled.sample_ws(lambda part: ws[None][part], 1, noise_of=lambda _: list(noise.values()))
    assert np.abs(pixels(out)[2:34, 36:68].astype(int) - plain[0]).max() <= 1
    assert read_projection(write_tensors(tmp_path / "b.safetensors", {"ws": ws}, value), styled).noise == ()
    with pytest.raises(UserError, match="holds no projected picture"):
        read_projection(found, styled)
    short = write_tensors(tmp_path / "c.safetensors", {"ws": ws[:2]}, value)
    with pytest.raises(UserError, match=r"holds ws \[2, 8\] and 0 noise maps, which do not fit styled, \[8, 8\]"):
        read_projection(short, styled)


@pytest.mark.parametrize(("strength", "is_far"), [("-3..10", False), ("-3..11", True), ("-20", True)])
def test_strengths_that_break_faces_are_noted(model, file, tmp_path, capsys, strength, is_far):
    command = ["edit", str(model.path), "--directions", str(file), "--direction", "hair:aqua", "--seeds", "1"]
    assert main([*command, f"--strength={strength}", "--out", str(tmp_path / "a.png")]) == 0
    told = capsys.readouterr()
    assert ("Faces break beyond a strength of 10: hair:aqua." in told.err) == is_far
    assert told.out.startswith("1 picture by tiny")


def test_directions_beside_a_model_are_found(model_file, found, tmp_path, monkeypatch, capsys):
    for name in ("faces64", "others"):
        shutil.copy(model_file, tmp_path / f"{name}.safetensors")
    write_directions(tmp_path / "faces64.directions.safetensors", found)
    monkeypatch.setattr(zoo, "_FOLDER", tmp_path)
    assert zoo.names() == ["faces64", "others"]
    out = tmp_path / "out.png"
    assert main(["edit", "faces64", "--direction", "hair:aqua", "--seeds", "1", "--out", str(out)]) == 0
    assert main(["edit", "others", "--direction", "hair:aqua", "--out", str(out), "--overwrite"]) == 2
    assert "has no directions beside it: find some with `sakuga directions`" in capsys.readouterr().err


def test_shipped_directions_are_those_of_the_shipped_models():
    shipped = [name for name in zoo.names() if zoo.path(name).with_name(name + SUFFIX).is_file()]
    assert "faces64" in shipped
    for name in shipped:
        model = load(name, "cpu")
        assert directions_of(model).header.model_sha256 == model.sha256, f"{name} has changed: find its directions anew"


def test_another_models_directions(model, conditional, generator_file, file, tmp_path, capsys):
    out = tmp_path / "out.png"
    command = ["--directions", str(file), "--direction", "hair:aqua", "--seeds", "1", "--out", str(out)]
    assert main(["edit", str(conditional.path), *command]) == 2
    assert "has directions of tiny, [1, 8], which do not fit hairy, [1, 13]" in capsys.readouterr().err
    assert main(["edit", str(generator_file), *command]) == 0
    assert "The directions belong to another model, tiny" in capsys.readouterr().err


def test_what_a_model_is_told_needs_no_direction(conditional, tmp_path, capsys):
    found = write_directions(tmp_path / "d.safetensors", directions_for(conditional, sefa_0=0))
    out = tmp_path / "out.png"
    command = ["edit", str(conditional.path), "--directions", str(found), "--out", str(out), "--direction"]
    assert main([*command, "hair:red"]) == 2
    assert "hairy is told hair, so that it needs no direction hair:red: choose with --attributes hair=red" in (
        capsys.readouterr().err
    )
    assert main(["edit", str(conditional.path), "--direction", "eyes:green", "--out", str(out)]) == 2
    assert "hairy is told eyes, so that it needs no direction eyes:green" in capsys.readouterr().err
    assert main([*command, "sefa:0", "--hair", "red", "--seeds", "1", "--steps", "1", "--no-captions"]) == 0
    z, labels = conditional.z_of_seeds([1]), conditional.labels_of([1], {"hair": "red"})
    z[:, 0] += 3
    assert np.abs(pixels(out)[2:34, 2:34].astype(int) - conditional.sample_images(z, labels)[0]).max() <= 1


EDIT = ["edit", "MODEL", "--directions", "FOUND", "--direction", "hair:aqua", "--out", "TMP/a.png"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (EDIT[:-2], "Say what to do: --out FILE.png"),
        ([*EDIT[:-1], "TMP/a.avi"], "ends in .png or .gif or .webp or .mp4"),
        ([*EDIT, "--strength", "a..b"], "--strength 'a..b' is no strength: write a number, 2, or a range, -3..3"),
        ([*EDIT, "--steps", "0"], "--steps 0 is too small"),
        ([*EDIT, "--steps", "100000"], "--steps 100000 is too large: give 1,000 at most"),
        ([*EDIT, "--strength", "-101..3"], "--strength '-101..3' is out of range: choose strengths within -3..3"),
        ([*EDIT, "--seeds", "a"], "'a' is not a seed"),
        ([*EDIT, "--layers", "3"], "the model has one layer, 0"),
        ([*EDIT, "--sigma", "-1"], "sigma of -1"),
        ([*EDIT, "--psi", "7"], "psi of 7.0 is out of range"),
        ([*EDIT, "--hair", "red"], "without attributes"),
        ([*EDIT, "--judge", "x"], "--judge is for measuring"),
        ([*EDIT, "--from-projection", "x", "--sigma", "1"], "has a w of its own, which sigma does not change"),
        ([*EDIT, "--from-projection", "x", "--hair", "red"], "has a w of its own, which hair does not change"),
        ([*EDIT, "--seeds", "0-9999", "--steps", "1000"], "10,000 seeds by --steps 1000 is too much"),
        ([*EDIT, "--scale", "100000"], "--scale 100000 is too much"),
        ([*EDIT[:-1], "TMP/a.webp", "--seeds", "1", "--steps", "2", "--scale", "600"], "A WebP of"),
        ([*EDIT, "--from-projection", "TMP/x.safetensors"], "x.safetensors is not there"),
        ([*EDIT[:5], "hair:blue", *EDIT[6:]], "No direction 'hair:blue' of tiny"),
        ([*EDIT[:3], "MODEL", *EDIT[4:]], "holds no directions: give a file that `sakuga directions` wrote"),
        ([*EDIT[:-1], "TMP/a.gif", "--steps", "1"], "at least 2 frames: give, for example, 60 (found 1)"),
        ([*EDIT[:-1], "TMP/a.gif", "--fps", "99"], "A GIF cannot show 99"),
    ],
)
def test_mistakes_are_one_sentence_and_write_nothing(model_file, file, tmp_path, capsys, arguments, sentence):
    (tmp_path / "out").mkdir()
    places = {"MODEL": str(model_file), "FOUND": str(file)}
    written = [places.get(a, a).replace("TMP", str(tmp_path / "out")) for a in arguments]
    assert main(written) == 2
    output = capsys.readouterr()
    assert sentence in output.err
    assert output.err.count("\n") == 1 and output.out == ""
    assert list((tmp_path / "out").iterdir()) == []
