import numpy as np
import pytest
import torch
from torch.nn import functional

from sakuga.commands.judge import _show as show
from sakuga.commands.judge import judge as judge_command
from sakuga.configs.classifier import JudgeConfig
from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import ClassifierRole, read_header
from sakuga.core.errors import UserError
from sakuga.core.images import to_tensor
from sakuga.core.tensorfile import read_tensors
from sakuga.data.dataset import Dataset
from sakuga.evaluation.attributes import load_judge
from sakuga.generation.classifier import load_labeler
from sakuga.losses.conditional import cross_entropy
from sakuga.training.judge import HeldOut, augmented, rate_at, split, train_judge, value_weights

SCHEMA = LabelSchema(
    attributes=(
        Attribute(name="hair", values=("red", "green", "blue")),
        Attribute(name="eyes", values=("dark", "light")),
    )
)
QUICK = JudgeConfig(channels=4, epochs=8, batch_size=16, lr=1e-2)


@pytest.fixture
def labeled() -> Dataset:
    """200 pictures, 16x16; the upper half has the hair's color, two spots are the eyes. Some labels miss."""
    random = np.random.RandomState(0)
    labels = np.stack([random.randint(0, 3, 200), random.randint(0, 2, 200)], 1)
    images = random.randint(0, 60, (200, 16, 16, 3)).astype(np.uint8)
    for image, (hair, eyes) in zip(images, labels, strict=True):
        image[:8, :, hair] += 150
        image[10:12, 3:6] = image[10:12, 10:13] = 30 + 200 * eyes
    labels[random.rand(200, 2) < 0.1] = -1
    return Dataset(images, labels, SCHEMA, name="drawn", fingerprint="f")


def test_a_judge_learns_and_its_file_holds_what_it_scored(labeled, tmp_path):
    found = train_judge(labeled, tmp_path / "judge.safetensors", QUICK, progress=False)
    assert found.scores["hair"] > 0.9
    assert found.scores["eyes"] > 0.9
    assert found.counts["eyes"] == found.counts["eyes=dark"] + found.counts["eyes=light"]
    header = read_header(tmp_path / "judge.safetensors")
    assert header.scores == found.scores
    assert header.labels == SCHEMA
    assert "only" in header.provenance["purpose"]
    assert header.provenance["held_out"] == "every 5th of 200 by name, from the first"
    loaded = load_judge(tmp_path / "judge.safetensors", "cpu")
    truth = labeled.labels[::5]
    answers = loaded.answers(labeled.images[::5])
    known = truth[:, 0] >= 0
    assert (answers[known, 0] == truth[known, 0]).mean() == found.scores["hair"]
    green = truth[:, 0] == 1
    assert (answers[green, 0] == 1).mean() == found.scores["hair=green"]
    # Pictures of another size are resized: the same answers for the same pictures, enlarged.
    large = labeled.images[::5].repeat(2, 1).repeat(2, 2)
    assert (loaded.answers(large) == answers).mean() > 0.95


def test_the_seed_decides_and_held_out_pictures_teach_nothing(labeled, tmp_path):
    config = QUICK.model_validate({**QUICK.model_dump(), "epochs": 1})

    def weights(data, seed=0):
        changed = JudgeConfig.model_validate({**config.model_dump(), "seed": seed})
        train_judge(data, tmp_path / "j.safetensors", changed, progress=False)
        return read_tensors(tmp_path / "j.safetensors", "judge")

    first = weights(labeled)
    spoiled = labeled.images.copy()
    spoiled[::5] = 255 - spoiled[::5]
    again = weights(Dataset(spoiled, labeled.labels, SCHEMA))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], tensor) for name, tensor in weights(labeled, seed=1).items())
    spoiled[1::5] = 255 - spoiled[1::5]
    assert any(not torch.equal(first[name], t) for name, t in weights(Dataset(spoiled, labeled.labels, SCHEMA)).items())


def test_a_labeler_is_another_network_and_neither_takes_the_others_place(labeled, tmp_path):
    judge, labeler = tmp_path / "judge.safetensors", tmp_path / "labeler.safetensors"
    quick = JudgeConfig.model_validate({**QUICK.model_dump(), "epochs": 1})
    train_judge(labeled, judge, quick, progress=False)
    train_judge(labeled, labeler, quick, purpose="labeler", progress=False)
    of_judge, of_labeler = (read_tensors(path, "judge") for path in (judge, labeler))
    assert any(not torch.equal(of_judge[name], tensor) for name, tensor in of_labeler.items())
    with pytest.raises(UserError, match=r"labeler\.safetensors is a labeler, .* measure with a judge"):
        load_judge(labeler, "cpu")
    with pytest.raises(UserError, match=r"judge\.safetensors is a judge, .* `sakuga judge --purpose labeler`"):
        load_labeler(judge, "cpu")
    likely = load_labeler(labeler, "cpu").probabilities(labeled.images[:7])
    assert [values.shape for values in likely] == [(7, 3), (7, 2)]
    np.testing.assert_allclose(likely[0].sum(1), 1, rtol=1e-5)
    assert "not for measuring" in read_header(labeler).provenance["purpose"]


def test_files_from_before_purposes_are_judges():
    assert ClassifierRole.model_validate({"architecture": {"kind": "classifier"}}).purpose == "judge"


def test_minutes_end_the_training(labeled, tmp_path):
    train_judge(labeled, tmp_path / "j.safetensors", QUICK, minutes=0.002, progress=False)
    assert read_header(tmp_path / "j.safetensors").images_seen >= 16


def test_the_callers_random_numbers_stay(labeled, tmp_path):
    before = torch.get_rng_state()
    train_judge(labeled, tmp_path / "j.safetensors", QUICK, minutes=0.002, progress=False)
    assert torch.equal(torch.get_rng_state(), before)


def test_loss_by_hand():
    logits = (torch.tensor([[2.0, 0.0], [0.0, 1.0], [5.0, 5.0]]), torch.zeros(3, 4, requires_grad=True))
    labels = torch.tensor([[0, -1], [1, -1], [-1, -1]])
    weights = torch.tensor([1.0, 3.0]), torch.ones(4)
    loss = cross_entropy(logits, labels, weights, 0.0)
    softplus = functional.softplus
    assert loss.item() == pytest.approx(((softplus(torch.tensor(-2.0)) + 3 * softplus(torch.tensor(-1.0))) / 2).item())
    loss.backward()
    assert logits[1].grad is not None
    assert logits[1].grad.abs().max() == 0
    # Half of the target shared by both values: log(1 + e^-2) for the first, + 2 for the other, in halves.
    half = cross_entropy((logits[0][:1],), labels[:1, :1], (torch.ones(2),), 0.5).item()
    assert half == pytest.approx(0.75 * softplus(torch.tensor(-2.0)).item() + 0.25 * softplus(torch.tensor(2.0)).item())


def test_rare_values_count_more(labeled):
    labels = np.array([[0, 0]] * 16 + [[1, 0]] * 4 + [[2, 1]] + [[-1, -1]] * 9)
    data = Dataset(np.zeros((30, 16, 16, 3), np.uint8), labels, SCHEMA)
    hair, eyes = value_weights(data, 0.5)
    assert (hair / hair[0]).tolist() == pytest.approx([1, 2, 4])
    assert (hair * torch.tensor([16, 4, 1])).sum().item() == pytest.approx(21)
    assert eyes[1] > eyes[0]
    assert value_weights(data, 0)[0].tolist() == [1, 1, 1]


def test_augmentation_moves_pictures_and_keeps_colors(labeled):
    images, numbers = to_tensor(labeled.images[:8]), np.arange(8)
    plain = torch.full((8, 3, 16, 16), 0.3)
    torch.testing.assert_close(augmented(plain, numbers, QUICK), plain)
    moved = augmented(images, numbers, QUICK)
    assert (moved - images).abs().mean() > 0.02
    torch.testing.assert_close(augmented(images[3:5], numbers[3:5], QUICK), moved[3:5], atol=1e-5, rtol=1e-5)
    still = JudgeConfig(rotate=0, shift=0, zoom=0)
    torch.testing.assert_close(augmented(images, numbers, still), images, atol=1e-5, rtol=1e-5)


def test_rate_rises_and_falls():
    assert rate_at(0.05, 0.1) == pytest.approx(0.5)
    assert rate_at(0.1, 0.1) == 1
    assert rate_at(0.55, 0.1) == pytest.approx(0.5)
    assert rate_at(1.0, 0.1) == pytest.approx(0)
    assert rate_at(1.2, 0.1) == pytest.approx(0)


def test_data_that_cannot_teach(labeled):
    with pytest.raises(UserError, match=r"no labels to learn from: give a labels\.csv"):
        split(Dataset(labeled.images), 5)
    labels = np.where(labeled.labels == 2, -1, labeled.labels)
    labels[0, 0] = 2  # the only blue one, and it is held out
    with pytest.raises(UserError, match="no picture of hair blue beside those held out"):
        split(Dataset(labeled.images, labels, SCHEMA), 5)


@pytest.mark.parametrize(
    ("hair", "eyes", "doubtful"),
    [
        ((0.9, 0.9, 0.9), (0.9, 0.9), []),
        ((1.0, 0.0, 0.0), (0.9, 0.9), ["hair"]),  # the commonest value, whatever it is shown
        ((0.4, 0.5, 0.5), (0.5, 0.6), ["hair", "eyes"]),
        ((0.5, 0.5, 0.6), (0.65, 0.65), []),
        ((1.0, None, None), (0.9, 0.9), []),  # one value alone was held out: nothing to confuse it with
        ((None, None, None), (1.0, 0.1), ["eyes"]),
    ],
)
def test_what_is_near_chance_is_named(hair, eyes, doubtful):
    values = {"red": hair[0], "green": hair[1], "blue": hair[2]}
    scores = {f"hair={value}": accuracy for value, accuracy in values.items() if accuracy is not None}
    scores |= {"eyes=dark": eyes[0], "eyes=light": eyes[1]}
    assert HeldOut(scores, {}).near_chance(SCHEMA) == doubtful


def test_a_value_is_shown_as_it_is_written(capsys):
    schema = LabelSchema(attributes=(Attribute(name="hair", values=("[old] red", "[/b]", ":cat:")),))
    show(HeldOut({"hair=[/b]": 0.5}, {"hair=[/b]": 7}), schema)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["[old]", "red", "0", "-"] in rows and ["[/b]", "7", "50.0%"] in rows and [":cat:", "0", "-"] in rows


def test_command(tmp_path, capsys):
    out = tmp_path / "judge.safetensors"
    judge_command(data="synthetic:100", resolution=16, out=out, epochs=1)
    shown, warned = capsys.readouterr()
    assert "hair_shape" in shown
    assert "knows little more than a guess" in warned and "--minutes" in warned
    assert "for measuring only" in shown
    judge_command(
        data="synthetic:100", resolution=16, out=tmp_path / "labeler.safetensors", purpose="labeler", epochs=1
    )
    assert "a labeler of hair" in capsys.readouterr().out
    for options, message in (
        ({}, "--overwrite"),
        ({"overwrite": True, "epochs": 1, "minutes": 1.0}, "give one of them"),
        ({"overwrite": True, "minutes": 0.0}, "no time to train"),
        ({"overwrite": True, "epochs": 0}, "Option --epochs: "),
        ({"overwrite": True, "holdout": 1}, "Option --holdout: "),
    ):
        with pytest.raises(UserError, match=message):
            judge_command(data="synthetic:100", resolution=16, out=out, **options)
    with pytest.raises(UserError, match=r"\.safetensors"):
        judge_command(data="synthetic:100", out=tmp_path / "judge.pt")
