import numpy as np
import pytest
from PIL import Image

from sakuga.cli import main
from sakuga.configs.conditions import PRESETS
from sakuga.core.images import grid
from sakuga.core.latents import parse_seeds
from sakuga.generation.sample import best_of


def _pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def _all_files(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_one_png_for_each_seed_with_its_parameters(model, model_file, tmp_path, capsys):
    assert main(["generate", str(model_file), "--out", str(tmp_path / "out"), "--seeds", "0-2,77"]) == 0
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == [f"seed{seed:010d}.png" for seed in (0, 1, 2, 77)]
    expected = model.sample_images(model.z_of_seeds([0, 1, 2, 77]))
    assert np.array_equal(np.stack([_pixels(file) for file in files]), expected)
    text = Image.open(files[3]).text
    assert text["seed"] == "77" and text["model"] == "tiny" and text["sigma"] == "0.8"
    assert text["Copyright"] == "CC0-1.0" and text["Software"].startswith("sakuga ")
    assert text["model sha256"] == model.sha256 and len(model.sha256) == 64
    assert str(tmp_path / "out") in capsys.readouterr().out


def test_sigma_changes_pictures_and_is_written_down(model_file, tmp_path):
    for sigma in ("0.8", "0.4"):
        assert (
            main(["generate", str(model_file), "--out", str(tmp_path / sigma), "--seeds", "5", "--sigma", sigma]) == 0
        )
    usual, narrow = (tmp_path / sigma / "seed0000000005.png" for sigma in ("0.8", "0.4"))
    assert Image.open(narrow).text["sigma"] == "0.4"
    assert not np.array_equal(_pixels(usual), _pixels(narrow))


def test_a_sheet_shows_all_seeds_in_order(model, model_file, tmp_path):
    sheet = tmp_path / "sheet.png"
    arguments = ["--seeds", "3-9", "--columns", "4", "--batch-size", "3"]
    assert main(["generate", str(model_file), "--sheet", str(sheet), *arguments]) == 0
    expected = grid(model.sample_images(model.z_of_seeds(range(3, 10))), 4)
    assert np.abs(_pixels(sheet).astype(int) - expected).max() <= 1
    assert _all_files(tmp_path).keys() == {"sheet.png"}
    assert Image.open(sheet).text["seeds"] == "3-9"


def test_the_best_are_kept_best_first(model, model_file, tmp_path):
    sheet, out = tmp_path / "best.png", tmp_path / "best"
    arguments = ["--best-of", "20", "--keep", "4", "--sheet", str(sheet), "--out", str(out)]
    assert main(["generate", str(model_file), *arguments]) == 0
    best = best_of(model, range(20), 4)
    assert sorted(path.name for path in out.iterdir()) == sorted(f"seed{seed:010d}.png" for seed in best.seeds)
    assert np.array_equal(_pixels(sheet), grid(best.images))
    assert parse_seeds(Image.open(sheet).text["seeds"]) == best.seeds
    scores = [float(Image.open(out / f"seed{seed:010d}.png").text["score"]) for seed in best.seeds]
    assert scores == sorted(scores, reverse=True)
    assert scores == pytest.approx(best.scores, abs=1e-3)


def test_the_seeds_of_the_best_on_a_sheet_are_told(model, model_file, tmp_path, capsys):
    arguments = ["--best-of", "20", "--keep", "4", "--sheet", str(tmp_path / "best.png")]
    assert main(["generate", str(model_file), *arguments]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert parse_seeds(told.removeprefix("Their seeds, best first: ")) == best_of(model, range(20), 4).seeds


def test_the_best_of_given_seeds(model, model_file, tmp_path):
    assert main(["generate", str(model_file), "--seeds", "50-59", "--keep", "2", "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        f"seed{s:010d}.png" for s in best_of(model, range(50, 60), 2).seeds
    }


def test_attributes_are_told_and_written_down(conditional, tmp_path):
    arguments = ["--attributes", "hair=red", "--seeds", "1-3", "--out", str(tmp_path)]
    assert main(["generate", str(conditional.path), *arguments]) == 0
    eyes = conditional.schema.attribute("eyes").values
    for seed, labels in zip((1, 2, 3), conditional.labels_of([1, 2, 3]), strict=True):
        text = Image.open(tmp_path / f"seed{seed:010d}.png").text
        assert (text["hair"], text["eyes"]) == ("red", eyes[labels[1]])


def test_existing_files_are_replaced_only_when_told(model_file, tmp_path, capsys):
    arguments = ["generate", str(model_file), "--out", str(tmp_path), "--seeds", "1-3"]
    assert main(arguments) == 0
    before = _all_files(tmp_path)
    assert main([*arguments[:-1], "2-5", "--sigma", "0.1"]) == 2
    assert "seed0000000002.png and 1 more would be overwritten" in capsys.readouterr().err
    assert _all_files(tmp_path) == before
    assert main([*arguments, "--sigma", "0.1", "--overwrite"]) == 0
    assert _all_files(tmp_path).keys() == before.keys()
    assert all(data != before[name] for name, data in _all_files(tmp_path).items())


def test_interpolate_writes_a_gif_and_a_strip(model, model_file, tmp_path):
    gif, strip = tmp_path / "way.gif", tmp_path / "way.png"
    arguments = ["--seeds", "3,17", "--frames", "6", "--fps", "10", "--scale", "2"]
    assert main(["interpolate", str(model_file), *arguments, "--out", str(gif), "--strip", str(strip)]) == 0
    animation = Image.open(gif)
    assert (animation.n_frames, animation.size, animation.info["loop"]) == (6, (64, 64), 0)
    assert animation.info["duration"] == 100
    # Of the 6 frames, 4 lead from the first to the last, 2 back.
    assert _pixels(strip).shape == (64 + 4, 4 * (64 + 2) + 2, 3)
    first, last = model.sample_images(model.z_of_seeds([3, 17]))
    assert np.abs(_pixels(strip)[2:66:2, 2:66:2].astype(int) - first).max() <= 1
    assert np.abs(_pixels(strip)[2:66:2, -66:-2:2].astype(int) - last).max() <= 1
    assert Image.open(strip).text["seeds"] == "3,17"


def test_a_strip_alone_has_a_dozen_frames_if_none_are_told(model_file, tmp_path):
    assert main(["interpolate", str(model_file), "--seeds", "3,17", "--out", str(tmp_path / "way.png")]) == 0
    assert _pixels(tmp_path / "way.png").shape == (32 + 4, 12 * (32 + 2) + 2, 3)


def test_a_strip_alone_ends_at_the_last_seed(model, model_file, tmp_path):
    strip = tmp_path / "way.png"
    arguments = ["--seeds", "3,17", "--frames", "4", "--kind", "linear", "--columns", "2"]
    assert main(["interpolate", str(model_file), *arguments, "--out", str(strip)]) == 0
    last = model.sample_images(model.z_of_seeds([17]))[0]
    assert np.abs(_pixels(strip)[-34:-2, -34:-2].astype(int) - last).max() <= 1
    assert _all_files(tmp_path).keys() == {"way.png"}


@pytest.mark.parametrize(
    "way",
    [
        ["--from", "hair=aqua,eyes=orange", "--to", "hair=red"],
        ["--conditions", "hair=aqua,eyes=orange; hair=red", "--seeds", "0"],
        ["--conditions", "hair=aqua; hair=red", "--eyes", "orange"],
    ],
)
def test_interpolate_between_conditions(conditional, tmp_path, way):
    strip = tmp_path / "way.png"
    arguments = [*way, "--frames", "4", "--out", str(strip)]
    assert main(["interpolate", str(conditional.path), *arguments]) == 0
    ends = conditional.sample_images(conditional.z_of_seeds([0, 0]), np.array([[0, 1], [2, 1]]))
    assert np.abs(_pixels(strip)[2:-2, 2:34].astype(int) - ends[0]).max() <= 1
    assert np.abs(_pixels(strip)[2:-2, -34:-2].astype(int) - ends[1]).max() <= 1
    assert "hair=red" in Image.open(strip).text["conditions"]


def test_a_strip_beside_an_animation_ends_at_the_last_condition(conditional, tmp_path):
    strip = tmp_path / "way.png"
    arguments = ["--hair", "all", "--eyes", "orange", "--frames", "6", "--strip", str(strip)]
    assert main(["interpolate", str(conditional.path), *arguments, "--out", str(tmp_path / "way.gif")]) == 0
    assert _pixels(strip).shape == (36, 5 * 34 + 2, 3)
    last = conditional.sample_images(conditional.z_of_seeds([0]), np.array([[2, 1]]))[0]
    assert np.abs(_pixels(strip)[2:-2, -34:-2].astype(int) - last).max() <= 1


def test_interpolate_leaves_out_what_the_model_does_not_know_of_a_preset(conditional, tmp_path, monkeypatch, capsys):
    preset = ({"hair": "aqua", "eyes": "orange"}, {"hair": "white", "eyes": "green"}, {"hair": "red"})
    monkeypatch.setitem(PRESETS, "three", preset)
    arguments = ["--conditions", "three", "--frames", "2", "--out", str(tmp_path / "way.png")]
    assert main(["interpolate", str(conditional.path), *arguments]) == 0
    assert Image.open(tmp_path / "way.png").text["conditions"] == "hair=aqua,eyes=orange; hair=red"
    assert capsys.readouterr().err == "hairy does not know white hair: left out white hair, green eyes.\n"


def test_interpolate_through_all_values_to_an_mp4(conditional, tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "hair.mp4"
    arguments = ["--hair", "all", "--seeds", "5", "--frames", "6", "--fps", "10", "--scale", "2", "--out", str(path)]
    assert main(["interpolate", str(conditional.path), *arguments]) == 0
    with av.open(str(path)) as container:
        shapes = [frame.to_ndarray(format="rgb24").shape for frame in container.decode(video=0)]
    assert shapes == [(64, 64, 3)] * 6
    assert _all_files(tmp_path).keys() == {"hair.mp4"}


def test_psi_is_told_and_written_down(styled, tmp_path):
    arguments = ["--seeds", "5", "--psi", "0.5", "--cutoff", "3", "--noise", "none", "--out", str(tmp_path)]
    assert main(["generate", str(styled.path), *arguments]) == 0
    picture = Image.open(tmp_path / "seed0000000005.png")
    assert {name: picture.text[name] for name in ("psi", "cutoff", "noise")} == {
        "psi": "0.5",
        "cutoff": "3",
        "noise": "none",
    }
    expected = styled.generate([5], psi=0.5, cutoff=3, noise="none")[0]
    assert np.array_equal(np.asarray(picture), np.asarray(expected))


def test_what_is_usual_is_not_written_down(model_file, tmp_path):
    assert main(["generate", str(model_file), "--seeds", "5", "--out", str(tmp_path)]) == 0
    text = Image.open(tmp_path / "seed0000000005.png").text
    assert not {"psi", "cutoff", "truncation", "noise"} & text.keys()


def test_a_sheet_over_several_psi(model, model_file, tmp_path):
    sheet, out = tmp_path / "psi.png", tmp_path / "out"
    arguments = ["--psi", "0.3,0.7,1.3", "--seeds", "3-6", "--truncation", "resample"]
    assert main(["generate", str(model_file), *arguments, "--sheet", str(sheet), "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["psi-0.3", "psi-0.7", "psi-1.3"]
    body = _pixels(sheet)[-(3 * 34 + 2) :, -(4 * 34 + 2) :]
    rows = [model.generate(range(3, 7), psi=psi, truncation="resample") for psi in (0.3, 0.7, 1.3)]
    assert np.array_equal(body, grid(np.stack([np.asarray(p) for row in rows for p in row]), 4))
    assert Image.open(sheet).text["psi"] == "0.3,0.7,1.3"
    assert Image.open(sheet).text["seeds"] == "3-6"
    text = Image.open(out / "psi-0.7" / "seed0000000004.png").text
    assert (text["psi"], text["truncation"]) == ("0.7", "resample")


def test_conditions_and_psi_make_a_row_of_each_pair(conditional, tmp_path):
    sheet = tmp_path / "rows.png"
    arguments = ["--hair", "all", "--eyes", "green", "--psi", "0.3,1", "--seeds", "0-1", "--sheet", str(sheet)]
    assert main(["generate", str(conditional.path), *arguments]) == 0
    body = _pixels(sheet)[-(6 * 34 + 2) :, -(2 * 34 + 2) :]
    rows = [
        conditional.generate([0, 1], psi=psi, hair=hair, eyes="green")
        for hair in ("aqua", "blonde", "red")
        for psi in (0.3, 1)
    ]
    assert np.array_equal(body, grid(np.stack([np.asarray(p) for row in rows for p in row]), 2))


def test_mix_and_noise_write_their_sheets(styled, tmp_path):
    mixed, draws = tmp_path / "mix.png", tmp_path / "noise.png"
    arguments = ["--rows", "0-1", "--columns", "10-12", "--layers", "3-4", "--psi", "0.7"]
    assert main(["mix", str(styled.path), *arguments, "--out", str(mixed)]) == 0
    assert np.array_equal(_pixels(mixed), np.asarray(styled.mix_sheet([0, 1], [10, 11, 12], "3-4", psi=0.7)))
    text = Image.open(mixed).text
    assert (text["rows"], text["columns"], text["layers"], text["psi"]) == ("0,1", "10,11,12", "3-4", "0.7")
    assert main(["noise", str(styled.path), "--seed", "7", "--draws", "3", "--out", str(draws)]) == 0
    assert np.array_equal(_pixels(draws), np.asarray(styled.noise_sheet(7, 3)))
    assert (Image.open(draws).text["seed"], Image.open(draws).text["draws"]) == ("7", "3")


def test_a_moving_grid_lasts_as_long_as_it_should(styled, tmp_path):
    path, strip = tmp_path / "grid.webp", tmp_path / "grid.png"
    arguments = ["--grid", "2x3", "--duration", "0.5", "--fps", "8", "--space", "w", "--psi", "0.7"]
    assert main(["interpolate", str(styled.path), *arguments, "--out", str(path), "--strip", str(strip)]) == 0
    with Image.open(path) as animation:
        assert (animation.format, animation.n_frames, animation.size) == ("WEBP", 4, (3 * 34 + 2, 2 * 34 + 2))
    expected = styled.interpolate(range(24), 4, grid=(2, 3), space="w", psi=0.7)  # the way from 4th to 1st has no frame
    assert np.array_equal(_pixels(strip), grid(np.stack([np.asarray(p) for p in expected]), 4))
    text = Image.open(strip).text
    assert (text["grid"], text["space"], text["psi"]) == ("2x3", "w", "0.7")


GENERATE, INTERPOLATE = ["generate", "MODEL"], ["interpolate", "MODEL", "--out", "TMP/a.gif"]
MIX, NOISE = ["mix", "MODEL", "--out", "TMP/a.png"], ["noise", "MODEL", "--out", "TMP/a.png"]
WAY = [*INTERPOLATE, "--seeds", "3,4"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (GENERATE, "--out FOLDER"),
        ([*GENERATE, "--out", "TMP/o", "--seeds", "5-3"], "write the range '5-3' from low to high, 3-5"),
        ([*GENERATE, "--out", "TMP/o", "--seeds", "a"], "'a' is not a seed"),
        ([*GENERATE, "--out", "TMP/o", "--seeds", ""], "'' is not a seed"),
        ([*GENERATE, "--out", "MODEL"], "is a file and no folder: name a folder"),
        ([*GENERATE, "--out", "TMP/o", "--sigma", "-1"], "sigma of -1"),
        ([*GENERATE, "--out", "TMP/o", "--best-of", "4", "--keep", "5"], "5 of 4 pictures cannot be kept"),
        ([*GENERATE, "--out", "TMP/o", "--keep", "65"], "65 of 64 pictures cannot be kept"),
        ([*GENERATE, "--out", "TMP/o", "--best-of", "0"], "--best-of 0 is too small"),
        ([*GENERATE, "--out", "TMP/o", "--best-of", "8", "--seeds", "0-3"], "disagree"),
        ([*GENERATE, "--out", "TMP/o", "--attributes", "hair=aqua"], "without attributes"),
        ([*GENERATE, "--out", "TMP/o", "--attributes", "hair"], "hair=aqua,eyes=orange"),
        ([*GENERATE, "--out", "TMP/o", "--device", "tpu"], "not a device"),
        ([*GENERATE, "--out", "TMP/o", "--threads", "0"], "--threads 0 is too small"),
        ([*GENERATE, "--out", "TMP/o", "--batch-size", "0"], "--batch-size 0 is too small"),
        ([*GENERATE, "--sheet", "TMP/sheet.jpg"], "ends in .png"),
        ([*GENERATE, "--sheet", "TMP/sheet.png", "--columns", "0"], "--columns 0 is too small"),
        ([*GENERATE, "--sheet", "TMP/sheet.png", "--seeds", "0-10000"], "at most 10,000 pictures"),
        (["generate", "faces65x", "--out", "TMP/o"], "No model 'faces65x'"),
        (["generate", "TMP/no.safetensors", "--out", "TMP/o"], "is not there"),
        ([*INTERPOLATE, "--seeds", "3"], "A way needs at least two seeds or conditions: give, for example, the seeds"),
        (
            [*INTERPOLATE, "--seeds", "3,4", "--frames", "0"],
            "A way needs at least 2 frames: give, for example, 60 (found 0).",
        ),
        ([*INTERPOLATE, "--seeds", "3,4", "--fps", "0"], "0 frames a second"),
        ([*INTERPOLATE, "--seeds", "3,4", "--fps", "100"], "100 frames a second"),
        ([*INTERPOLATE, "--seeds", "3,4", "--scale", "0"], "--scale 0 is too small"),
        ([*INTERPOLATE, "--seeds", "3,4", "--sigma", "-2"], "sigma of -2"),
        ([*INTERPOLATE, "--seeds", "3,4", "--strip", "TMP/a.jpg"], "ends in .png"),
        (["interpolate", "MODEL", "--seeds", "3,4", "--out", "TMP/a.avi"], "ends in .gif or .webp or .mp4 or .png"),
        (["interpolate", "MODEL", "--seeds", "3,4", "--fps", "500", "--out", "TMP/a.mp4"], "An MP4 cannot show"),
        (INTERPOLATE, "--seeds 3,17"),
        ([*INTERPOLATE, "--from", "hair=aqua"], "has a --from and a --to"),
        ([*INTERPOLATE, "--from", "hair=aqua", "--to", "hair"], "--to 'hair': write each attribute once"),
        ([*INTERPOLATE, "--from", "hair=a", "--to", "hair=b", "--conditions", "hair=c"], "has a --from and a --to"),
        ([*INTERPOLATE, "--from", "hair=aqua", "--to", "hair=red"], "without attributes"),
        ([*GENERATE, "--out", "TMP/o", "--psi", "3"], "A psi of 3.0 is out of range: choose -2 to 2"),
        ([*GENERATE, "--out", "TMP/o", "--psi", "0.3;0.7"], "'0.3;0.7' is not a number"),
        ([*GENERATE, "--out", "TMP/o", "--cutoff", "1"], "give a psi too"),
        ([*GENERATE, "--out", "TMP/o", "--psi", "0.7", "--cutoff", "2"], "tiny has no layer 2"),
        ([*GENERATE, "--out", "TMP/o", "--psi", "0.7,0.5", "--cutoff", "2"], "tiny has no layer 2"),
        ([*GENERATE, "--out", "TMP/o", "--noise", "random"], "tiny has no noise"),
        ([*GENERATE, "--sheet", "TMP/s.png", "--psi", "0.3,0.7", "--columns", "3"], "a column for each seed"),
        ([*GENERATE, "--out", "TMP/o", "--truncation", "resample"], "give a psi too"),
        ([*WAY, "--psi", "-3"], "psi of -3.0 is out of range"),
        ([*WAY, "--duration", "0"], "--duration 0: give a number of seconds above 0"),
        ([*WAY, "--duration", "0.01"], "A way needs at least 2 frames: give, for example, 60 (found 0)."),
        ([*WAY, "--duration", "nan"], "--duration nan"),
        ([*WAY, "--duration", "2", "--frames", "9"], "say the same in two ways"),
        ([*WAY, "--grid", "3"], "--grid '3': write rows and columns"),
        ([*WAY, "--grid", "0x3"], "A grid of 0x3 cannot be drawn"),
        ([*WAY, "--grid", "3x4"], "2 seeds cannot be dealt out to the 12 cells"),
        (["interpolate", "MODEL", "--seeds", "3,4", "--fps", "100", "--out", "TMP/a.webp"], "A WebP cannot show"),
        (MIX, "tiny has one layer of w"),
        ([*MIX, "--rows", "a"], "--rows 'a': 'a' is not a seed"),
        ([*MIX, "--columns", "4-2"], "--columns '4-2'"),
        ([*MIX, "--rows", "0-999", "--columns", "0-99"], "at most 10,000 pictures"),
        (["mix", "MODEL", "--out", "TMP/a.jpg"], "ends in .png"),
        (NOISE, "tiny has no noise in its layers"),
        ([*NOISE, "--draws", "1"], "--draws 1 is out of range"),
        ([*NOISE, "--noise", "random"], "draws the noise itself"),
        (["noise", "STYLED", "--out", "TMP/a.png", "--seed", "-1"], "-1 is not a seed"),
        (
            ["mix", "STYLED", "--out", "TMP/a.png", "--layers", "0-8"],
            "so that it has no layer 8",
        ),
        (["mix", "STYLED", "--out", "TMP/a.png", "--layers", "5-3"], "write the range '5-3' from low to high"),
        (["mix", "STYLED", "--out", "TMP/a.png", "--layers", "rough"], "'rough' is not a layer, a range or a name"),
        (["generate", "STYLED", "--out", "TMP/o", "--psi", "0.7", "--cutoff", "9"], "choose 1 to 8"),
        ([*WAY, "--frames", "2000000000"], "--frames 2000000000 is too much: 2,000,000,000 pictures of 32 pixels"),
        ([*WAY, "--duration", "1e9"], "--duration 1e+09 is too much"),
        ([*WAY, "--duration", "1e300"], "--duration 1e+300 with --fps 20 is too much"),
        ([*WAY, "--scale", "100000"], "--scale 100000 is too much"),
        ([*WAY[:3], "TMP/a.webp", *WAY[4:], "--scale", "600", "--frames", "2"], "A WebP of 19200x19200 pixels"),
        (["mix", "STYLED", "--out", "TMP/a.png", "--scale", "100000"], "--scale 100000 is too much"),
        (["noise", "STYLED", "--out", "TMP/a.png", "--scale", "100000"], "--scale 100000 is too much"),
        ([*WAY, "--strip", "/proc/a.png"], "/proc/a.png cannot be written"),
        ([*GENERATE, "--sheet", "/proc/a.png"], "/proc/a.png cannot be written"),
        ([*GENERATE, "--out", "/proc/zz"], "/proc/zz cannot be written"),
        ([*MIX[:3], "TMP"], "give a name that ends in .png"),
        ([*WAY, "--psi-mean", "all"], "give a psi too"),
        ([*WAY, "--from-projection", "x", "--space", "z"], "has a w and no z: let the way lead through w"),
        ([*INTERPOLATE, "--from-projection", "x", "--from", "hair=a", "--to", "hair=b"], "cannot be told a condition"),
        ([*INTERPOLATE, "--from-projection", "x"], "at least two"),
        ([*GENERATE, "--out", "TMP/o", "--from-projection", "x", "x"], "x is not there"),
        ([*GENERATE, "--out", "TMP/o", "--from-projection", "a/x", "b/x"], "Two of the projected pictures"),
        ([*GENERATE, "--out", "TMP/o", "--from-projection", "x", "--best-of", "4"], "--best-of chooses among seeds"),
        ([*GENERATE, "--sheet", "TMP/s.png", "--from-projection", "x", "--hair", "all"], "cannot be told a condition"),
        ([*NOISE, "--seed", "1", "--from-projection", "x"], "--seed and --from-projection name two characters"),
    ],
)
def test_mistakes_are_one_sentence_and_write_nothing(model_file, styled, tmp_path, capsys, arguments, sentence):
    places = {"MODEL": str(model_file), "STYLED": str(styled.path)}
    written = [places.get(argument, argument).replace("TMP", str(tmp_path)) for argument in arguments]
    assert main(written) == 2
    output = capsys.readouterr()
    assert sentence in output.err
    assert output.err.count("\n") == 1 and output.out == ""
    assert list(tmp_path.iterdir()) == []
