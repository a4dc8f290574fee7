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


class Metric(Config):
    """One number and what it is called."""

    name: str
    value: float


class EvaluationResult(Config):
    """All numbers of one evaluation.

    Attributes:
        metrics: On the 2015 Inception: `fid`, `kid`, `kid_std`, `precision`, `recall`, `density`, `coverage`,
            `nearest_ratio`, `near_copies`; on another network the same with its name in front, and `frechet` for `fid`.
            `pixel_nearest_ratio` and `pixel_near_copies` know no network.
        statistics: Brightness, contrast, saturation, colorfulness, sharpness.
        ruler: How they were measured.
    """

    metrics: tuple[Metric, ...]
    statistics: tuple[Comparison, ...]
    ruler: Ruler

    def __getitem__(self, name: str) -> float:
        """Returns the metric of that name; KeyError if there is none."""
        return {metric.name: metric.value for metric in self.metrics}[name]

    @property
    def distance(self) -> Metric:
        """The Frechet distance, the number that most papers print."""
        return self.metrics[0]
