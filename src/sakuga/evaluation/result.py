"""What an evaluation found, and the ruler it was found with."""

from sakuga.configs.base import Config


class Ruler(Config):
    """How the numbers were measured; numbers of different rulers must not be compared.

    Attributes:
        extractor: `inception` or `efficientnet`.
        weights_sha256: The hash of the extractor's weights file.
        num_features: Features of a picture.
        resize: How pictures came to the extractor's size.
        precision: The number format that the extractor computed in.
        samples: What was measured, in words.
        num_samples: How many of them.
        labels: How the labels of the samples were chosen, in words.
        ema: Whether the samples came from averaged weights; None if that is not known or not applicable.
        data: The name of the data set.
        data_fingerprint: The hash of its content.
        resolution: Height and width of the pictures, on both sides, before the resize.
        real: Which real pictures, in words.
        num_real: How many of them.
        kid_subsets: Over how many random subsets the kernel distance is a mean.
        kid_subset_size: Their size.
        neighbor: The neighbor that sets the radius of precision and recall.
        neighbor_density: The same for density and coverage.
        seed: Names the random subsets and labels.
    """

    extractor: str
    weights_sha256: str
    num_features: int
    resize: str
    precision: str
    samples: str
    num_samples: int
    labels: str
    ema: bool | None
    data: str
    data_fingerprint: str
    resolution: int
    real: str
    num_real: int
    kid_subsets: int
    kid_subset_size: int
    neighbor: int
    neighbor_density: int
    seed: int


class Comparison(Config):
    """One plain statistic: the mean over the samples, and mean and standard deviation over the real pictures."""

    name: str
    samples: float
    real: float
    real_std: float


class ValueAccuracy(Config):
    """One value of an attribute: how many samples were asked for it, how many of them have it by the judge.

    Attributes:
        value: The value.
        samples: How many samples were asked for it.
        accuracy: The share of them in which the judge sees it; None if there were none.
        judge: The share of held-out real pictures of this value in which the judge saw it; None if there were none.
    """

    value: str
    samples: int
    accuracy: float | None
    judge: float | None


class AttributeAccuracy(Config):
    """How often samples show what was asked for, beside how often the judge is right on real pictures.

    Attributes:
        attribute: The attribute.
        accuracy: The share of the samples in which the judge sees the value asked for.
        balanced: The mean of the values' accuracies, in which rare values count as much as frequent ones.
        judge: The judge's accuracy on real pictures that it was not trained on; it bounds what `accuracy` can mean.
        judge_balanced: The mean of the values' accuracies there.
        values: For each value.
    """

    attribute: str
    accuracy: float
    balanced: float
    judge: float | None
    judge_balanced: float | None
    values: tuple[ValueAccuracy, ...]


class Diversity(Config):
    """Diversity within a condition, by the extractor's features.

    Attributes:
        within: The mean distance of two samples with the same labels over that of two real pictures with the same
            labels: 1 is as varied as the data.
        conditions: How many combinations of labels it is the mean of: those with enough pictures on both sides.
    """

    within: float
    conditions: int


class AttributeReport(Config):
    """Control over attributes.

    Attributes:
        judge: The judge's name, data, and the hash of its file, in words.
        judge_sha256: The hash of its file.
        all_right: The share of the samples in which every attribute is as asked for.
        attributes: For each attribute.
        diversity: Within a condition; None if the data has too few pictures with the samples' labels.
    """

    judge: str
    judge_sha256: str
    all_right: float
    attributes: tuple[AttributeAccuracy, ...]
    diversity: Diversity | None


class FaceReport(Config):
    """How often the cascade finds no face.

    Attributes:
        broken: The share of the samples without a face.
        real: The share of the real pictures without one, which is no fault of the pictures but of the cascade.
        num_real: How many real pictures.
        detector: The cascade and its settings, in words.
    """

    broken: float
    real: float
    num_real: int
    detector: str


class PathLength(Config):
    """Perceptual path length, and the ruler of its own that it has.

    Attributes:
        value: The mean over pairs.
        distance: `lpips-vgg`, with which papers measure it, or what stood in for it.
        weights_sha256: The hash of its weights file.
        space: `z` or `w`.
        sampling: `full`: anywhere between the two latents of a pair; `end`: at the first.
        epsilon: The part of the way that pictures are compared over.
        pairs: How many.
        outliers: How many percent of them are left out on either side.
        side: Height and width of the pictures compared.
    """

    value: float
    distance: str
    weights_sha256: str
    space: str
    sampling: str
    epsilon: float
    pairs: int
    outliers: float
    side: int


class Metric(Config):
    """One number and what it is called."""

    name: str
    value: float


class EvaluationResult(Config):
    """All numbers of one evaluation.

    Attributes:
        metrics: On the 2015 Inception: `fid`, `kid`, `kid_std`, `precision`, `recall`, `density`, `coverage`,
            `diversity`, `nearest_ratio`, `near_copies`; on another network the same with its name in front, and
            `frechet` for `fid`.
            `pixel_nearest_ratio` and `pixel_near_copies` know no network. With a judge `hair_accuracy` and so on for
            each attribute, `all_attributes_accuracy`, and on data with the same labels `diversity_within`;
            with face finding `broken_faces` and `broken_faces_real`; if asked for `path_length`,
            with the name of its distance in front if that is not LPIPS on VGG16.
        statistics: Brightness, contrast, saturation, colorfulness, sharpness.
        ruler: How they were measured.
        attributes: What a judge says; None without one.
        faces: How often a face is broken; None if that was not asked for.
        path: The perceptual path length; None if that was not asked for.
    """

    metrics: tuple[Metric, ...]
    statistics: tuple[Comparison, ...]
    ruler: Ruler
    attributes: AttributeReport | None = None
    faces: FaceReport | None = None
    path: PathLength | None = None

    def __getitem__(self, name: str) -> float:
        """Returns the metric of that name; KeyError if there is none."""
        return {metric.name: metric.value for metric in self.metrics}[name]

    @property
    def distance(self) -> Metric:
        """The Frechet distance, the number that most papers print."""
        return self.metrics[0]
