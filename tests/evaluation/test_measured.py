import numpy as np

from sakuga.data.dataset import Dataset
from sakuga.evaluation.measured import measure, measure_real, thumbnails
from sakuga.evaluation.statistics import statistics_of


def test_one_pass_gives_features_and_statistics(extractor, draw):
    images = draw(21, seed=0)
    found = measure(images, extractor, batch_size=8)
    np.testing.assert_allclose(found.features, extractor.features(images), atol=1e-6)
    np.testing.assert_array_equal(found.statistics, statistics_of(images))


def test_real_side_is_measured_once(extractor, dataset, capsys):
    indices = dataset.indices_every(4)
    first = measure_real(dataset, indices, extractor)
    assert extractor.network.seen == 100
    again = measure_real(dataset, indices, extractor)
    assert extractor.network.seen == 100
    np.testing.assert_array_equal(again.features, first.features)
    np.testing.assert_array_equal(again.statistics, first.statistics)
    assert capsys.readouterr().err == f"Measuring 100 real pictures of {dataset.name}, once.\n"


def test_cache_knows_subset_and_content(extractor, dataset, draw):
    measure_real(dataset, dataset.indices_every(4), extractor)
    measure_real(dataset, dataset.indices_every(4, offset=1), extractor)
    other = Dataset(draw(400, seed=2), fingerprint="f2")
    found = measure_real(other, other.indices_every(4), extractor)
    assert extractor.network.seen == 300
    np.testing.assert_allclose(found.features, extractor.features(other.images[::4]), atol=1e-6)


def test_sets_made_in_memory_are_told_apart_by_content(extractor, draw):
    for seed in (3, 4, 3):
        made = Dataset(draw(40, seed=seed))
        found = measure_real(made, made.indices_every(1), extractor)
        np.testing.assert_allclose(found.statistics, statistics_of(made.images))
    assert extractor.network.seen == 80


def test_damaged_cache_is_measured_again(extractor, dataset, tmp_path):
    indices = dataset.indices_every(4)
    first = measure_real(dataset, indices, extractor)
    (file,) = (tmp_path / "cache" / "features").iterdir()
    file.write_bytes(file.read_bytes()[:300])
    np.testing.assert_array_equal(measure_real(dataset, indices, extractor).features, first.features)
    assert extractor.network.seen == 200


def test_thumbnails_are_means_of_pixels():
    images = np.random.RandomState(0).randint(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    expected = images.reshape(2, 16, 2, 16, 2, 3).mean((2, 4)).reshape(2, -1) / 255
    np.testing.assert_allclose(thumbnails(images), expected, atol=1.01 / 255)  # Pillow rounds rows, then columns
