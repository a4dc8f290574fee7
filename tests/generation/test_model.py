from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import sakuga
from sakuga import zoo
from sakuga.core.errors import UserError
from sakuga.core.images import to_uint8
from sakuga.generation.classifier import read_classifier
from sakuga.generation.directions import Directions
from sakuga.generation.model import load
from sakuga.generation.output import file_name
from sakuga.generation.sample import best_of
from sakuga.models.file import load_network
from sakuga.zoo import find_model


def test_generate_gives_different_pictures_and_the_same_ones_again(model):
    first = model.generate(range(6))
    assert all(isinstance(p, Image.Image) and p.size == (32, 32) and p.mode == "RGB" for p in first)
    assert len({p.tobytes() for p in first}) == 6
    assert [p.tobytes() for p in model.generate(range(6))] == [p.tobytes() for p in first]


def test_pictures_are_those_of_the_network(model, model_file):
    z = (0.5 + 0.8 * np.stack([np.random.RandomState(s).randn(8) for s in (3, 77)])).astype(np.float32)
    assert np.array_equal(model.z_of_seeds([3, 77]), z)
    with torch.no_grad():
        expected = to_uint8(load_network(model_file, "generator")(torch.from_numpy(z)))
    assert np.array_equal(model.sample_images(z), expected)


def test_sigma_replaces_that_of_the_header(model):
    mean = model.z_of_seeds([5], sigma=0)
    assert np.allclose(mean, 0.5)
    assert np.allclose(model.z_of_seeds([5], sigma=1.6) - mean, 2 * (model.z_of_seeds([5]) - mean), atol=1e-6)


def test_batches_do_not_matter(model):
    z = model.z_of_seeds(range(7))
    whole, parts = model.sample_images(z), model.sample_images(z, batch_size=3)
    assert np.abs(whole.astype(int) - parts).max() <= 1


def test_score_is_the_logit_of_d_in_eval_mode(model, model_file):
    pictures = model.sample_images(model.z_of_seeds(range(5)))
    network = load_network(model_file, "discriminator")
    assert not network.training
    scaled = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        expected = network(scaled).logits[:, 0].numpy()
    scores = model.score(pictures, batch_size=2)
    assert scores.dtype == np.float32
    assert np.allclose(scores, expected, atol=1e-5)
    # One at a time gives the same: nothing is normalized over the batch.
    assert np.allclose([model.score(pictures[i : i + 1])[0] for i in range(5)], scores, atol=1e-5)


def test_without_a_discriminator_nothing_is_scored(generator_file):
    alone = load(generator_file, "cpu")
    assert alone.discriminator is None
    assert len(alone.generate([1])) == 1
    with pytest.raises(UserError, match="holds no discriminator"):
        alone.best_of(range(4), keep=2)


@pytest.mark.parametrize("shape", [(2, 5), (8,), (1, 2, 8)])
def test_z_of_another_shape_is_one_sentence(model, shape):
    with pytest.raises(UserError, match=r"z is \[.*\]: tiny takes an array of \[N, 8\]"):
        model.sample_images(np.zeros(shape))


def test_z_may_be_of_any_precision(model):
    z = model.z_of_seeds([3])
    assert np.array_equal(model.sample_images(z.astype(np.float64)), model.sample_images(z))


@pytest.mark.parametrize(
    "pictures",
    [np.zeros((2, 64, 64, 3), np.uint8), np.zeros((2, 32, 32, 3)), np.zeros((32, 32, 3), np.uint8)],
)
def test_pictures_of_another_shape_or_type_are_one_sentence(model, pictures):
    with pytest.raises(UserError, match=r"tiny judges uint8 \[N, 32, 32, 3\]"):
        model.score(pictures)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([[0, 1]], r"Labels are \[1, 2\]: give \[2, 2\]"),
        ([[0, 1], [3, 0]], "its numbers are hair 0 to 2, eyes 0 to 1"),
        ([[0, 1], [0, -1]], "its numbers are hair 0 to 2, eyes 0 to 1"),
    ],
)
def test_labels_that_do_not_fit_are_one_sentence(conditional, labels, said):
    with pytest.raises(UserError, match=said):
        conditional.sample_images(conditional.z_of_seeds([1, 2]), np.array(labels))


def test_d_judges_pictures_whose_labels_are_not_known(conditional):
    pictures = conditional.sample_images(conditional.z_of_seeds([1]), np.array([[0, 1]]))
    assert conditional.score(pictures, np.array([[-1, -1]])).shape == (1,)
    with pytest.raises(UserError, match="its numbers are hair 0 to 2"):
        conditional.score(pictures, np.array([[-2, 0]]))


def test_a_classifier_given_as_a_model_is_called_what_it_is(classifier_file):
    with pytest.raises(UserError, match=rf"is a {classifier_file.stem} and draws nothing: it .* `sakuga .*--"):
        load(classifier_file, "cpu")


@pytest.mark.parametrize("purpose", ["judge", "labeler"])
def test_a_model_given_as_a_classifier_is_called_as_it_was_given(purpose):
    with pytest.raises(UserError, match=f"^faces64 is a model without a {purpose}: give a file that"):
        read_classifier("faces64", purpose)


def test_attributes_choose_labels_and_the_rest_follows_the_seed(conditional):
    labels = conditional.labels_of(range(200), {"hair": "red"})
    assert set(labels[:, 0]) == {2}
    assert set(labels[:, 1]) == {0, 1}
    assert np.array_equal(labels[50:60], conditional.labels_of(range(50, 60), {"hair": "red"}))


def test_attributes_change_the_picture(conditional):
    aqua, red = (conditional.generate([1], hair=hair, eyes="green")[0].tobytes() for hair in ("aqua", "red"))
    assert aqua != red


def test_labels_are_needed_where_there_are_attributes(conditional):
    with pytest.raises(UserError, match="needs labels: hair, eyes"):
        conditional.sample_images(conditional.z_of_seeds([1]))


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [({"hair": "redd"}, "hair has no value 'redd': did you mean 'red'"), ({"hat": "red"}, "No attribute 'hat'")],
)
def test_unknown_attributes_are_refused(conditional, attributes, sentence):
    with pytest.raises(UserError, match=sentence):
        conditional.generate([1], **attributes)


def test_a_model_without_attributes_refuses_them(model):
    with pytest.raises(UserError, match="trained without attributes, so hair cannot be chosen"):
        model.generate([1], hair="aqua")


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_out_of_range_are_refused(model, seed):
    with pytest.raises(UserError, match="is not a seed"):
        model.generate([0, seed])


@pytest.mark.parametrize("sigma", [-0.1, float("nan"), float("inf")])
def test_sigma_out_of_range_is_refused(model, sigma):
    with pytest.raises(UserError, match="no standard deviation"):
        model.generate([0], sigma=sigma)


def test_numbers_of_numpy_are_as_good(model, styled):
    expected = [p.tobytes() for p in model.generate([0, 1, 2])]
    assert [p.tobytes() for p in model.generate(np.arange(3))] == expected
    assert [p.tobytes() for p in model.generate([np.int64(0), 1, 2], hair=None, psi=None, noise=None)] == expected
    truncated = styled.generate(np.arange(2), psi=np.float32(0.5), cutoff=np.int64(1))
    assert [p.tobytes() for p in truncated] == [p.tobytes() for p in styled.generate([0, 1], psi=0.5, cutoff=1)]
    assert best_of(model, np.arange(3), 2).seeds == best_of(model, range(3), 2).seeds
    assert len(model.interpolate(np.arange(2), frames=2)) == 2
    assert styled.mix_sheet(np.arange(1), np.arange(2)).tobytes() == styled.mix_sheet([0], [0, 1]).tobytes()
    assert file_name(np.int64(3)) == file_name(3) == "seed0000000003.png"


def test_no_seeds_and_no_numbers_are_refused(model, styled):
    tries = [
        lambda: model.generate([]),
        lambda: model.interpolate([]),
        lambda: model.edit([], {"a": 1}, Directions(None, {})),
        lambda: styled.mix_sheet(rows=[]),
        lambda: styled.mix_sheet(columns=np.arange(0)),
    ]
    for attempt in tries:
        with pytest.raises(UserError, match="There are no seeds: give at least one"):
            attempt()
    for seed in (1.5, None, np.float64(2)):
        with pytest.raises(UserError, match="is not a seed: use whole numbers"):
            model.generate([seed])
    for seeds in ("0-3", 7):
        for attempt in (model.generate, model.best_of, model.interpolate):
            with pytest.raises(UserError, match=rf"{seeds!r} is no list of seeds: give numbers, such as range\(4\)"):
                attempt(seeds)


def test_names_that_are_nearly_those_of_sampling_are_suggested(model, conditional):
    for one in (model, conditional):
        with pytest.raises(UserError, match="has no attribute 'sigm': did you mean 'sigma'"):
            one.generate([1], sigm=1)


def test_a_model_shows_itself_in_short(model):
    assert repr(model) == f"<{model.describe()}>"


def test_broken_weights_are_told_and_not_drawn(model_file):
    broken = load(model_file, "cpu")
    next(broken.generator.parameters())[0] = float("nan")
    with pytest.raises(UserError, match="not finite"):
        broken.generate([1])


def test_a_run_folder_is_a_model(model_file, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(model_file.read_bytes())
    assert load(tmp_path, "cpu").name == "tiny"
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no model\.safetensors"):
        load(tmp_path / "empty")


def test_a_comparison_tells_where_its_models_lie(model_file, tmp_path):
    (tmp_path / "comparison.json").write_text("{}")
    with pytest.raises(UserError, match=r"is a comparison, .* for example .*cells.NAME\.$"):
        find_model(tmp_path)
    for name in ("a-0", "b-0"):
        (tmp_path / "cells" / name).mkdir(parents=True)
    (tmp_path / "cells" / "b-0" / "model.safetensors").write_bytes(model_file.read_bytes())
    with pytest.raises(UserError, match=r"give one, for example .*cells.b-0\.$"):
        find_model(tmp_path)


@pytest.fixture
def small_zoo(monkeypatch, tmp_path, model_file):
    for name in ("faces64", "scenes128"):
        (tmp_path / f"{name}.safetensors").write_bytes(model_file.read_bytes())
        (tmp_path / f"{name}.md").write_text(f"# {name}\n")
    monkeypatch.setattr(zoo, "_FOLDER", tmp_path)
    return tmp_path


def test_models_of_the_zoo_go_by_name(small_zoo):
    assert zoo.names() == ["faces64", "scenes128"]
    assert find_model("faces64") == small_zoo / "faces64.safetensors"
    assert sakuga.load("faces64", "cpu").z_dim == 8
    assert len(sakuga.generate("faces64", [4, 5], device="cpu")) == 2


def test_a_name_that_is_also_a_model_here_is_refused(small_zoo, model_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces64").mkdir()
    assert find_model("faces64") == small_zoo / "faces64.safetensors"
    (tmp_path / "faces64" / "model.safetensors").write_bytes(model_file.read_bytes())
    with pytest.raises(UserError, match=r"write \./faces64 for the folder"):
        load("faces64")
    assert load("./faces64", "cpu").path == Path("faces64/model.safetensors")


def test_an_unknown_name_offers_the_nearest(small_zoo):
    with pytest.raises(UserError, match="No model 'face64': did you mean 'faces64'"):
        load("face64")


def test_an_empty_zoo_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(zoo, "_FOLDER", tmp_path)
    with pytest.raises(UserError, match="give the path of a model file"):
        load("faces64")


def test_a_missing_file_is_told_by_its_path(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.safetensors is not there"):
        load(tmp_path / "nothing.safetensors")
    with pytest.raises(UserError, match=r"There is no .*nothing: give a run folder, a model file, or a model of"):
        load(tmp_path / "nothing")


def test_a_truncated_file_is_told(model_file, tmp_path):
    (tmp_path / "cut.safetensors").write_bytes(model_file.read_bytes()[:1000])
    with pytest.raises(UserError, match="no intact safetensors file"):
        load(tmp_path / "cut.safetensors")


def test_shipped_models_load_and_have_cards():
    for name in zoo.names():
        shipped = load(name, "cpu")
        assert shipped.name == name
        assert zoo.path(name).with_suffix(".md").read_text(encoding="utf-8").startswith("# ")
        assert shipped.generate([0])[0].size == (shipped.resolution, shipped.resolution)
