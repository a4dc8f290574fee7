from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from sakuga.cli import main
from sakuga.commands.options import rows_of_preset
from sakuga.configs.conditions import PRESETS, described, expanded, merged, parse_conditions, possible, written
from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.core.errors import UserError
from sakuga.data.labels import EYES, HAIR
from sakuga.generation.conditions import draw_rows, folder_names, sheet_of_rows, unique
from sakuga.generation.sample import best_of

SEEDS = range(4000)


def _frequencies(labels, size):
    return np.bincount(labels, minlength=size) / len(labels)


def _pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


# What is left free


def test_free_attributes_are_as_frequent_as_in_the_training_data(counted):
    labels = counted.labels_of(SEEDS)
    # Hair: 45 blonde and 60 red of 105. Eyes: of blonde 30:10, of red all orange.
    assert _frequencies(labels[:, 0], 3) == pytest.approx([0, 45 / 105, 60 / 105], abs=0.02)
    assert _frequencies(labels[labels[:, 0] == 1, 1], 2) == pytest.approx([0.75, 0.25], abs=0.03)
    assert set(labels[labels[:, 0] == 2, 1]) == {1}


def test_free_attributes_follow_the_given_ones(counted):
    blonde, green = counted.labels_of(SEEDS, {"hair": "blonde"}), counted.labels_of(SEEDS, {"eyes": "green"})
    assert set(blonde[:, 0]) == {1}
    assert _frequencies(blonde[:, 1], 2) == pytest.approx([0.75, 0.25], abs=0.03)
    assert set(green[:, 0]) == {1}


def test_what_no_picture_had_falls_back_to_all_pictures(counted):
    labels = counted.labels_of(SEEDS, {"hair": "aqua"})
    assert set(labels[:, 0]) == {0}
    assert _frequencies(labels[:, 1], 2) == pytest.approx([37 / 107, 70 / 107], abs=0.03)


def test_files_without_counts_draw_every_value_equally(conditional):
    labels = conditional.labels_of(SEEDS)
    assert _frequencies(labels[:, 0], 3) == pytest.approx([1 / 3] * 3, abs=0.03)
    assert _frequencies(labels[:, 1], 2) == pytest.approx([1 / 2] * 2, abs=0.03)
    assert not conditional.label_counts


def test_labels_are_a_function_of_the_seed_alone(counted):
    together = counted.labels_of(range(30), {"eyes": "orange"})
    alone = [counted.labels_of([seed], {"eyes": "orange"})[0] for seed in range(30)]
    assert np.array_equal(together, alone)


def test_a_model_knows_what_its_pictures_had(counted, conditional):
    assert counted.is_new({"hair": "aqua"})
    assert counted.is_new({"hair": "red", "eyes": "green"})
    assert not counted.is_new({"hair": "red"}) and not counted.is_new({})
    assert not conditional.is_new({"hair": "aqua"})
    assert counted.label_counts.count((1, -1)) == 45


# Conditions as text


def test_conditions_are_read_and_written():
    text = "hair=aqua, eyes=orange; hair=black;"
    assert parse_conditions(text, "--conditions") == [{"hair": "aqua", "eyes": "orange"}, {"hair": "black"}]
    assert parse_conditions(written(parse_conditions(text, "")), "") == parse_conditions(text, "")
    assert described({"hair": "aqua", "eyes": "orange"}) == "aqua hair, orange eyes"


def test_the_preset_has_six_conditions_of_our_vocabulary():
    rows = parse_conditions("unispac", "--conditions")
    assert [(row["hair"], row["eyes"]) for row in rows][:2] == [("aqua", "orange"), ("black", "yellow")]
    assert len(rows) == 6
    assert all(row["hair"] in HAIR and row["eyes"] in EYES for rows in PRESETS.values() for row in rows)


@pytest.mark.parametrize("text", ["", ";", "hair=aqua;=", "hair=aqua,hair=red", "hair", "unispack", "hair=;eyes=red"])
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(UserError, match="--conditions"):
        parse_conditions(text, "--conditions")


def test_all_stands_for_every_value(conditional):
    schema = conditional.schema
    assert expanded(schema, [{"hair": "all", "eyes": "green"}]) == [
        {"hair": hair, "eyes": "green"} for hair in ("aqua", "blonde", "red")
    ]
    assert len(expanded(schema, [{"hair": "all", "eyes": "all"}, {"hair": "red"}])) == 7
    assert unique([{"hair": "red", "eyes": "green"}, {"eyes": "green", "hair": "red"}, {}]) == [
        {"hair": "red", "eyes": "green"},
        {},
    ]


def test_an_attribute_is_chosen_once():
    assert merged({"hair": "red"}, {"eyes": "green"}) == {"hair": "red", "eyes": "green"}
    with pytest.raises(UserError, match="hair is chosen twice, as red and as aqua"):
        merged({"hair": "red"}, {"hair": "aqua"})


def test_folders_of_conditions_differ():
    names = folder_names([{"hair": "a/b"}, {"hair": "a b"}, {"hair": "A-b"}, {}, {"hair": "../.."}])
    assert names == ["hair-a-b", "hair-a-b-2", "hair-A-b-2-2", "any", "hair--"]


# Rows and sheets


def test_rows_are_the_seeds_under_each_condition(conditional):
    rows = list(draw_rows(conditional, [{"hair": "all", "eyes": "green"}], [3, 4, 5], batch_size=2))
    assert [row.condition["hair"] for row in rows] == ["aqua", "blonde", "red"]
    for number, row in enumerate(rows):
        labels = np.array([[number, 0]] * 3)
        assert np.array_equal(row.drawn.labels, labels)
        expected = conditional.sample_images(conditional.z_of_seeds([3, 4, 5]), labels)
        assert np.abs(row.drawn.images.astype(int) - expected).max() <= 1
    assert sheet_of_rows(rows).shape[0] > 3 * 34 and sheet_of_rows(rows).shape[1] > 3 * 34 + 40


def test_generate_all_values_of_one_attribute(conditional, tmp_path, capsys):
    sheet, out = tmp_path / "hair.png", tmp_path / "out"
    arguments = ["--hair", "all", "--eyes", "orange", "--seeds", "0-4", "--sheet", str(sheet), "--out", str(out)]
    assert main(["generate", str(conditional.path), *arguments]) == 0
    rows = list(draw_rows(conditional, [{"hair": "all", "eyes": "orange"}], range(5)))
    assert np.array_equal(_pixels(sheet), sheet_of_rows(rows))
    assert Image.open(sheet).text["conditions"] == "; ".join(f"hair={h},eyes=orange" for h in ("aqua", "blonde", "red"))
    assert sorted(path.name for path in out.iterdir()) == [f"hair-{h}_eyes-orange" for h in ("aqua", "blonde", "red")]
    picture = out / "hair-red_eyes-orange" / "seed0000000003.png"
    assert np.array_equal(_pixels(picture), rows[2].drawn.images[3])
    text = Image.open(picture).text
    assert (text["hair"], text["eyes"], text["seed"]) == ("red", "orange", "3")
    assert "5 pictures of each of 3 conditions" in capsys.readouterr().out


def test_one_seed_under_all_values_of_two_attributes_is_a_table(conditional, tmp_path):
    sheet = tmp_path / "table.png"
    arguments = ["--hair", "all", "--eyes", "all", "--sheet", str(sheet), "--scale", "2"]
    assert main(["generate", str(conditional.path), *arguments]) == 0
    rows = list(draw_rows(conditional, [{"hair": "all", "eyes": "all"}], [0]))
    of_hair, of_eyes = (conditional.schema.attribute(name).values for name in ("hair", "eyes"))
    side = 2 * conditional.resolution + 2
    body = _pixels(sheet)[-(len(of_hair) * side + 2) :, -(len(of_eyes) * side + 2) :]
    for i, row in enumerate(rows):
        down, across = divmod(i, len(of_eyes))
        assert row.condition == {"hair": of_hair[down], "eyes": of_eyes[across]}
        picture = body[2 + down * side : (down + 1) * side, 2 + across * side : (across + 1) * side]
        assert np.array_equal(picture[::2, ::2], row.drawn.images[0])
    # Pairs that are not all combinations stay rows.
    assert sheet_of_rows(rows[:-1]).shape[0] > (len(rows) - 1) * (conditional.resolution + 2)


def test_a_scale_without_a_sheet_is_refused(conditional, tmp_path, capsys):
    assert main(["generate", str(conditional.path), "--out", str(tmp_path / "o"), "--scale", "2"]) == 2
    assert "--scale 2 enlarges a sheet: add --sheet" in capsys.readouterr().err


def test_colors_have_two_spellings(conditional, tmp_path):
    for name, hair in (("a", "blonde"), ("b", "blond")):
        arguments = ["--hair", hair, "--seeds", "1", "--out", str(tmp_path / name)]
        assert main(["generate", str(conditional.path), *arguments]) == 0
    assert np.array_equal(*(_pixels(tmp_path / name / "seed0000000001.png") for name in "ab"))


def test_generate_a_sheet_of_conditions(conditional, tmp_path):
    sheet = tmp_path / "sheet.png"
    arguments = ["--conditions", "hair=aqua; hair=red; hair=aqua", "--eyes", "green", "--sheet", str(sheet)]
    assert main(["generate", str(conditional.path), *arguments]) == 0
    conditions = [{"eyes": "green", "hair": "aqua"}, {"eyes": "green", "hair": "red"}]
    assert np.array_equal(_pixels(sheet), sheet_of_rows(list(draw_rows(conditional, conditions, range(8)))))


def test_the_best_of_each_condition(conditional, tmp_path):
    arguments = ["--hair", "all", "--best-of", "12", "--keep", "2", "--out", str(tmp_path)]
    assert main(["generate", str(conditional.path), *arguments]) == 0
    for hair in ("aqua", "blonde", "red"):
        best = best_of(conditional, range(12), 2, attributes={"hair": hair})
        names = {path.name for path in (tmp_path / f"hair-{hair}").iterdir()}
        assert names == {f"seed{seed:010d}.png" for seed in best.seeds}


def test_one_row_is_not_counted_as_conditions(conditional, tmp_path, capsys):
    arguments = ["--conditions", "hair=red", "--seeds", "1-2", "--sheet", str(tmp_path / "sheet.png")]
    assert main(["generate", str(conditional.path), *arguments]) == 0
    assert capsys.readouterr().out.startswith("2 pictures by ")


def test_one_condition_by_its_options(conditional, tmp_path):
    for name, arguments in (("a", ["--hair", "red"]), ("b", ["--attributes", "hair=red"])):
        out = ["--seeds", "1-2", "--out", str(tmp_path / name)]
        assert main(["generate", str(conditional.path), *arguments, *out]) == 0
    pictures = [(tmp_path / name / "seed0000000001.png").read_bytes() for name in "ab"]
    assert pictures[0] == pictures[1]


def test_a_condition_that_no_picture_had_is_drawn_and_said(counted, tmp_path, capsys):
    assert main(["generate", str(counted.path), "--hair", "aqua", "--seeds", "1", "--out", str(tmp_path / "a")]) == 0
    assert capsys.readouterr().err == "No picture that counted learned from had aqua hair: it has to guess.\n"
    arguments = ["--hair", "all", "--eyes", "green", "--seeds", "1", "--out", str(tmp_path / "b")]
    assert main(["generate", str(counted.path), *arguments]) == 0
    assert "had aqua hair, green eyes; red hair, green eyes: it" in capsys.readouterr().err
    assert main(["generate", str(counted.path), "--hair", "red", "--seeds", "1", "--out", str(tmp_path / "c")]) == 0
    assert capsys.readouterr().err == ""


def test_pictures_of_conditions_are_replaced_only_when_told(conditional, tmp_path, capsys):
    arguments = ["generate", str(conditional.path), "--hair", "all", "--seeds", "1-2", "--out", str(tmp_path)]
    assert main(arguments) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    assert len(before) == 6
    assert main([*arguments, "--sigma", "0.1"]) == 2
    assert "and 5 more would be overwritten" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.png")} == before
    assert main([*arguments, "--sigma", "0.1", "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--hair", "redd"], "hair has no value 'redd': did you mean 'red' (known: aqua, blonde, red)?"),
        (["--hair", "7"], "hair has no value '7': known: aqua, blonde, red."),
        (["--attributes", "hat=red"], "No attribute 'hat': did you mean 'hair' (known: hair, eyes)?"),
        (["--attributes", "mood=sad"], "No attribute 'mood': known: eyes, hair."),
        (["--attributes", "mood=all"], "No attribute 'mood'"),
        (["--hat", "red"], "has no option --hat: did you mean '--hair'?"),
        (["--hat", "red"], "A model's own attributes: --attributes hat=..."),
        (["--attributes", "hair=red", "--hair", "aqua"], "hair is chosen twice"),
        (["--conditions", "hair=red", "--hair", "aqua"], "hair is chosen twice, as aqua and as red"),
        (["--conditions", "unispec"], "no such preset, did you mean 'unispac'?"),
        (["--conditions", "hair=red", "--columns", "3"], "a column for each seed"),
        (["--hair", "all", "--seeds", "0-4000"], "at most 10,000 pictures"),
    ],
)
def test_mistakes_are_one_sentence_and_write_nothing(conditional, tmp_path, capsys, arguments, sentence):
    arguments = ["--sheet", str(tmp_path / "sheet.png"), *arguments]
    assert main(["generate", str(conditional.path), *arguments]) == 2
    output = capsys.readouterr()
    assert sentence in output.err
    assert output.err.count("\n") == 1 and output.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--hair", "aqua"], ["--hair", "all"], ["--conditions", "unispac"]])
def test_a_model_without_attributes_says_so(model_file, tmp_path, capsys, arguments):
    assert main(["generate", str(model_file), "--sheet", str(tmp_path / "sheet.png"), *arguments]) == 2
    error = capsys.readouterr().err
    assert "tiny was trained without attributes, so hair" in error
    end = (
        "hair and eyes cannot be chosen: leave them out."
        if "unispac" in arguments
        else "hair cannot be chosen: leave it out."
    )
    assert end in error


def test_rows_of_a_preset_that_a_model_cannot_draw_are_left_out():
    schema = LabelSchema(
        attributes=(
            Attribute(name="hair", values=("aqua", "black", "white")),
            Attribute(name="eyes", values=("orange", "yellow")),
        )
    )
    known, others = possible(schema, parse_conditions("unispac", "--conditions"))
    assert known == [{"hair": "aqua", "eyes": "orange"}, {"hair": "black", "eyes": "yellow"}]
    assert {"hair": "white", "eyes": "gray"} in others and len(known) + len(others) == 6
    assert possible(LabelSchema(), [{"hair": "all"}]) == ([], [{"hair": "all"}])


def test_what_is_unknown_of_a_preset_is_named(capsys):
    hair, eyes = ("aqua", "white"), ("orange",)
    schema = LabelSchema(attributes=(Attribute(name="hair", values=hair), Attribute(name="eyes", values=eyes)))
    preset = [{"hair": "aqua", "eyes": "orange"}, {"hair": "white", "eyes": "gray"}]
    assert rows_of_preset(SimpleNamespace(name="tiny", schema=schema), preset) == preset[:1]  # pyright: ignore
    assert capsys.readouterr().err == "tiny does not know gray eyes: left out white hair, gray eyes.\n"
