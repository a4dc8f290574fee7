import numpy as np
import pytest
import torch

from sakuga.cli import main
from sakuga.configs.classifier import JudgeConfig
from sakuga.configs.directions import DirectionInfo
from sakuga.configs.labels import Attribute, LabelSchema
from sakuga.configs.modelfile import GeneratorRole, Header, Roles
from sakuga.configs.models import DcganGeneratorConfig
from sakuga.core.errors import UserError
from sakuga.data.dataset import Dataset
from sakuga.generation.directions import directions_of, read_directions
from sakuga.generation.find_directions import by_labels, free_part, pca, sefa, stream, style_weights, w_of
from sakuga.generation.model import load
from sakuga.generation.seed_labels import Column
from sakuga.models.file import save_model
from sakuga.models.registry import build_generator
from sakuga.training.judge import train_judge

ALL = tuple(range(8))


def cosine(a, b):
    a, b = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def one_hot(scores):
    return np.eye(scores.shape[1])[scores.argmax(1)]


def test_labels_give_back_the_directions_that_made_them(model):
    seeds, random = stream(1500), np.random.RandomState(0)
    z, truth = model.z_of_seeds(seeds), random.randn(3, 8)
    hair = Column("hair", ("aqua", "red", "pink"), one_hot((z - 0.5) @ truth.T))
    smile = Column("smile", (), (z @ truth[:1].T) * 7 + 100)
    found, missing = by_labels(model, seeds, [hair, smile], (0,))
    assert missing == {}
    for k, value in enumerate(hair.values):
        step = found.steps[f"hair:{value}"]
        assert cosine(step, truth[k] - truth.mean(0)) > 0.9
        # Strength 1 is one standard deviation, which is 0.8 in every direction of this z.
        assert step.norm() == pytest.approx(0.8, rel=0.03)
        info = found.header.directions[f"hair:{value}"]
        assert info.auc > 0.9 and info.samples == hair.targets[:, k].sum()
    assert cosine(found.steps["smile"], truth[0]) > 0.99
    assert found.header.model_sha256 == model.sha256


def test_w_of_a_mapping_network_is_whitened(styled):
    """Values that are linear in whitened w: a step towards one is the most likely way there."""
    seeds = stream(1500)
    w = w_of(styled, seeds).astype(np.float64)
    spread = np.cov(w.T)
    normal = np.random.RandomState(1).randn(8) / np.sqrt(np.diag(spread))
    scores = (w - w.mean(0)) @ normal
    column = Column("hair", ("aqua", "red"), one_hot(np.stack([scores, -scores], 1)))
    found, _ = by_labels(styled, seeds, [column], (2, 3))
    step = found.steps["hair:aqua"].numpy()
    assert cosine(step[2], spread @ normal) > 0.9
    assert np.array_equal(step[2], step[3]) and not step[[0, 1, 4, 5, 6, 7]].any()
    assert cosine(found.steps["hair:red"], -step) > 0.999
    along = (w @ step[2]) / np.linalg.norm(step[2])
    assert np.linalg.norm(step[2]) == pytest.approx(along.std(), rel=0.1)


def test_conditional_directions_leave_the_others_alone(model):
    seeds, random = stream(1500), np.random.RandomState(2)
    z, truth = model.z_of_seeds(seeds) - 0.5, random.randn(2, 8)
    truth[1] += truth[0]  # eyes go with hair
    columns = [
        Column(name, ("no", "yes"), one_hot(np.stack([-z @ row, z @ row], 1)))
        for name, row in zip(("hair", "eyes"), truth, strict=True)
    ]
    plain = by_labels(model, seeds, columns, (0,)).directions
    clean = by_labels(model, seeds, columns, (0,), conditional_on=["hair"]).directions
    assert abs(cosine(plain.steps["eyes:yes"], truth[0])) > 0.4
    assert abs(cosine(clean.steps["eyes:yes"], truth[0])) < 0.1
    own = truth[1] - truth[0] * (truth[0] @ truth[1]) / (truth[0] @ truth[0])
    assert cosine(clean.steps["eyes:yes"], own) > 0.9
    assert torch.equal(clean.steps["hair:yes"], plain.steps["hair:yes"])
    with pytest.raises(UserError, match="'hare' to be conditional on: did you mean 'hair'"):
        by_labels(model, seeds, columns, (0,), conditional_on=["hare"])


def test_values_of_too_few_samples_are_left_out_and_counted(model):
    seeds = stream(100)
    targets = np.zeros((100, 3))
    targets[:50, 0] = targets[50:97, 1] = targets[97:, 2] = 1
    found, missing = by_labels(model, seeds, [Column("hair", ("aqua", "dark red", "pink"), targets)], (0,))
    assert list(found.steps) == ["hair:aqua", "hair:dark-red"]
    assert missing == {"hair:pink": 3}
    with pytest.raises(UserError, match="No value has 8 samples"):
        by_labels(model, seeds[:10], [Column("hair", ("aqua", "red", "pink"), targets[:10])], (0,))


def test_what_the_model_is_told_stays_as_it_is(conditional, styled_conditional):
    free = free_part(conditional)
    assert free.tolist() == [True] * 8 + [False] * 5
    for found in (sefa(conditional, (0,), 8), pca(conditional, (0,), 8, 200)):
        assert not any(step[:, 8:].any() for step in found.steps.values())
    with pytest.raises(UserError, match="w varies along 8 directions"):
        sefa(conditional, (0,), 9)
    assert free_part(styled_conditional).all()  # labels are mixed into w: all of it is free


def test_sefa_by_hand(model, styled):
    weight = model.generator.layers[0].weight.flatten(1).double()
    _, vectors = torch.linalg.eigh(weight @ weight.T)
    found = sefa(model, (0,), 3)
    assert list(found.steps) == ["sefa:0", "sefa:1", "sefa:2"]
    for i, step in enumerate(found.steps.values()):
        assert abs(cosine(step, vectors[:, -1 - i])) == pytest.approx(1, abs=1e-5)
    network = styled.generator.synthesis_network
    affines = [network.b8.conv0.affine.weight, network.b8.conv1.affine.weight]  # layers 1 and 2; b4 has one
    total = sum(a.double().T @ a.double() for a in affines)
    step = sefa(styled, (1, 2), 1).steps["sefa:0"]
    assert abs(cosine(step[1], torch.linalg.eigh(total)[1][:, -1])) == pytest.approx(1, abs=1e-5)
    assert not step[[0, 3, 4, 5, 6, 7]].any() and torch.equal(step[1], step[2])
    matrices = style_weights(styled.generator)
    assert sorted(matrices) == list(ALL)
    assert torch.equal(matrices[7], network.b32.torgb.affine.weight)


def test_pca_finds_the_widest_spread(styled):
    w = w_of(styled, stream(2000))
    found = pca(styled, ALL, 3, 2000)
    _, deviations, vectors = np.linalg.svd(w - w.mean(0), full_matrices=False)
    for i, step in enumerate(found.steps.values()):
        assert abs(cosine(step[0], vectors[i])) > 0.999
        assert step[0].norm() == pytest.approx(deviations[i] / np.sqrt(1999), rel=1e-3)


RED_OR_BLUE = LabelSchema(attributes=(Attribute(name="hair", values=("blue", "red")),))


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A generator, trained for a moment, whose z[0] decides whether the upper half is red or blue; and a labeler."""
    folder = tmp_path_factory.mktemp("red")
    torch.manual_seed(0)
    config = DcganGeneratorConfig(resolution=32, z_dim=6, channels=4)
    generator = build_generator(config, LabelSchema())
    optimizer = torch.optim.Adam(generator.parameters(), 1e-2, (0.5, 0.99))
    for _ in range(120):
        z = torch.randn(32, 6)
        wanted = torch.full((32, 3, 32, 32), -0.5)
        wanted[:, 0, :16] = z[:, :1, None].tanh()
        wanted[:, 2, :16] = -z[:, :1, None].tanh()
        loss = (generator(z) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    path = folder / "faces.safetensors"
    save_model(
        path, Header(name="faces", roles=Roles(generator=GeneratorRole(architecture=config))), {"generator": generator}
    )
    random = np.random.RandomState(0)
    labels = random.randint(0, 2, (200, 1))
    images = random.randint(30, 90, (200, 16, 16, 3)).astype(np.uint8)
    for image, (red,) in zip(images, labels, strict=True):
        image[:8, :, 0 if red else 2] += 150
    quick = JudgeConfig(channels=4, epochs=4, batch_size=16, lr=1e-2)
    data = Dataset(images, labels, RED_OR_BLUE, name="drawn")
    for purpose in ("labeler", "judge"):
        train_judge(data, folder / f"{purpose}.safetensors", quick, purpose=purpose, progress=False)
    return folder


def test_a_labeler_shows_the_way(faces, tmp_path, capsys):
    out = tmp_path / "d.safetensors"
    arguments = ["directions", str(faces / "faces.safetensors"), "--out", str(out), "--samples", "300"]
    assert main([*arguments, "--labeler", str(faces / "labeler.safetensors")]) == 0
    assert "hair:red" in capsys.readouterr().out
    found = directions_of(load(faces / "faces.safetensors", "cpu"), out)
    assert cosine(found.steps["hair:red"], np.eye(6)[0]) > 0.9
    assert found.header.provenance["labels"].startswith("labeler trained on drawn, 160 pictures, sha256 ")
    assert main([*arguments, "--overwrite", "--labeler", str(faces / "judge.safetensors")]) == 2
    assert "is a judge, which is for measuring only" in capsys.readouterr().err


def test_a_table_shows_the_way(model_file, model, tmp_path, capsys):
    seeds = list(range(200))
    hair = np.where(model.z_of_seeds(seeds)[:, 3] > 0.5, "red", "[/b]")
    (tmp_path / "t.csv").write_text(
        "seed,hair,eyes\n" + "".join(f"{s},{h},\n" for s, h in zip(seeds, hair, strict=True))
    )
    out = tmp_path / "d.safetensors"
    command = ["directions", str(model_file), "--out", str(out), "--labels", str(tmp_path / "t.csv"), "--only", "hair"]
    assert main(command) == 0
    assert cosine(read_directions(out).steps["hair:red"], np.eye(8)[3]) > 0.9
    told = capsys.readouterr()
    assert "2 directions of tiny" in told.out and "\nhair:[/b] " in told.out
    info = read_directions(out).header.directions["hair:red"]
    red = int((hair[::5] == "red").sum())
    assert info.held_out == (red, 40 - red) and red < 20
    assert f"{red} of 40" in told.out
    assert "fewer than 20 held-out samples that show the value, or that do not: hair:[/b], hair:red." in told.err


def test_a_quantity_that_goes_with_nothing_is_in_doubt(model_file, tmp_path, capsys):
    random = np.random.RandomState(1)
    (tmp_path / "t.csv").write_text("seed,smile\n" + "".join(f"{s},{random.rand():.3f}\n" for s in range(400)))
    out = tmp_path / "d.safetensors"
    command = ["directions", str(model_file), "--out", str(out), "--labels", str(tmp_path / "t.csv")]
    assert main([*command, "--conditional-on", "smiles"]) == 2
    assert "'smiles' to be conditional on: did you mean 'smile' (known: smile)?" in capsys.readouterr().err
    assert main(command) == 0
    assert sum(read_directions(out).header.directions["smile"].held_out) == 80
    assert "In doubt, with an AUC below 0.6" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("auc", "held_out", "doubtful"),
    [
        (0.9, (20, 20), False),
        (0.59, (20, 20), True),
        (0.9, (19, 400), True),
        (0.9, (400, 19), True),
        (None, None, False),
    ],
)
def test_doubt(auc, held_out, doubtful):
    assert DirectionInfo(what="x", deviation=1, auc=auc, held_out=held_out).is_doubtful == doubtful


def test_an_unknown_name_to_be_kept_is_refused_before_the_labeler_looks(faces, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sakuga.generation.seed_labels.seen_by", lambda *_: pytest.fail("it looked"))
    command = ["directions", str(faces / "faces.safetensors"), "--out", str(tmp_path / "d.safetensors")]
    command += ["--labeler", str(faces / "labeler.safetensors"), "--conditional-on"]
    assert main([*command, "hair:green"]) == 2
    assert "'hair:green' to be conditional on: did you mean" in capsys.readouterr().err
    assert main([*command, "xyz"]) == 2
    assert "'xyz' to be conditional on: known: hair, hair:blue, hair:red." in capsys.readouterr().err


DIRECTIONS = ["directions", "MODEL", "--out", "TMP/d.safetensors"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([*DIRECTIONS, "--method", "labels"], "give --labeler FILE, or --labels FILE.csv"),
        ([*DIRECTIONS, "--labels", "TMP/a.csv", "--labeler", "x"], "one of them"),
        ([*DIRECTIONS, "--labels", "TMP/a.csv"], "a.csv is not there"),
        ([*DIRECTIONS, "--labeler", "MODEL"], "is a model without a labeler"),
        ([*DIRECTIONS, "--labels", "TMP/a.csv", "--count", "3"], "--count means nothing to --method labels"),
        ([*DIRECTIONS, "--samples", "30"], "--samples means nothing to --method sefa"),
        ([*DIRECTIONS, "--method", "pca", "--only", "hair"], "--only means nothing to --method pca"),
        ([*DIRECTIONS, "--count", "9"], "w varies along 8 directions, choose 1 to 8"),
        (
            [*DIRECTIONS, "--method", "pca", "--samples", "3", "--count", "3"],
            "3 samples are too few for 3 directions: give 4",
        ),
        ([*DIRECTIONS, "--method", "pca", "--samples", "1"], "1 samples are too few for 10 directions: give 11"),
        ([*DIRECTIONS, "--layers", "1"], "the model has one layer, 0, so that it has no layer 1."),
        ([*DIRECTIONS, "--layers", "0-50"], "so that it has no layer 1."),
        ([*DIRECTIONS, "--layers", "5-3"], "write the range '5-3' from low to high, 3-5"),
        ([*DIRECTIONS, "--layers", "a"], "'a' is not a layer"),
        ([*DIRECTIONS, "--judge", "x"], "--judge is for measuring: give --measure 64"),
        ([*DIRECTIONS, "--measure", "1"], "two characters are the least"),
        (["directions", "MODEL", "--out", "TMP/d.pt"], "ends in .safetensors"),
    ],
)
def test_mistakes_are_one_sentence_and_write_nothing(model_file, tmp_path, capsys, arguments, sentence):
    written = [a.replace("MODEL", str(model_file)).replace("TMP", str(tmp_path)) for a in arguments]
    assert main(written) == 2
    output = capsys.readouterr()
    assert sentence in output.err
    assert output.err.count("\n") == 1 and output.out == ""
    assert list(tmp_path.iterdir()) == []


def test_attributes_that_the_model_is_told_need_no_direction(conditional, tmp_path, capsys):
    (tmp_path / "t.csv").write_text("seed,hair\n" + "".join(f"{s},{'red' if s % 2 else 'aqua'}\n" for s in range(40)))
    out = str(tmp_path / "d.safetensors")
    assert main(["directions", str(conditional.path), "--labels", str(tmp_path / "t.csv"), "--out", out]) == 2
    assert "hairy is told hair, so that no direction is needed" in capsys.readouterr().err
