"""An attribute classifier from a file: a judge, which measures, or a labeler, which labels. Never both."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sakuga.configs.labels import LabelSchema
from sakuga.configs.modelfile import Header, Purpose, read_header
from sakuga.core.device import pick_device
from sakuga.core.errors import UserError
from sakuga.core.images import to_tensor
from sakuga.core.progress import tracked
from sakuga.features.extractor import Pictures
from sakuga.models.classifier import Classifier
from sakuga.models.file import load_network
from sakuga.zoo import find_model

_BATCH = 64

_OTHERWISE: dict[Purpose, str] = {
    "judge": "{path} is a labeler, so what it labeled or searched cannot be measured by it: measure with a judge, "
    "which `sakuga judge` trains.",
    "labeler": "{path} is a judge, which is for measuring only: what a judge labels can no longer be measured by it, "
    "so train a labeler with `sakuga judge --purpose labeler`.",
}
_COMMAND: dict[Purpose, str] = {"judge": "sakuga judge", "labeler": "sakuga judge --purpose labeler"}


@dataclass(frozen=True)
class LoadedClassifier:
    """A classifier trained on real labeled pictures alone, and what its file says of it.

    Attributes:
        path: The file.
        header: What the file says; its scores are the accuracies on held-out real pictures.
        network: The classifier, in eval mode.
        device: Where it computes, in float32.
    """

    path: Path
    header: Header
    network: Classifier
    device: torch.device

    @property
    def schema(self) -> LabelSchema:
        """The attributes that it knows."""
        return self.header.labels

    @torch.inference_mode()
    def probabilities(self, images: Pictures, progress: str = "") -> tuple[np.ndarray, ...]:
        """Returns for each attribute how likely each value is, float32 `[N, K]`; arguments as `answers`."""
        found = [np.empty((len(images), size), np.float32) for size in self.schema.sizes]
        for start in tracked(range(0, len(images), _BATCH), progress):
            stop = min(start + _BATCH, len(images))
            logits = self.network(to_tensor(images[start:stop]).to(self.device))
            for of_attribute, values in zip(found, logits, strict=True):
                of_attribute[start:stop] = values.softmax(1).cpu().numpy()
        return tuple(found)

    def answers(self, images: Pictures, progress: str = "") -> np.ndarray:
        """Returns the most likely value of each attribute.

        Args:
            images: uint8 `[N, H, W, 3]`, or anything that gives such arrays by slices.
            progress: What the progress bar on stderr says; no bar if empty.

        Returns:
            int64 `[N, num_attributes]`, of the classifier's own schema.
        """
        return np.stack([values.argmax(1) for values in self.probabilities(images, progress)], 1).astype(np.int64)


def load_labeler(name_or_path: str | Path, device: str = "auto") -> LoadedClassifier:
    """Loads a file that `sakuga judge --purpose labeler` wrote.

    Raises:
        UserError: If there is no such file, it is damaged, foreign or holds no classifier, or it is a judge.
    """
    return LoadedClassifier(*read_classifier(name_or_path, "labeler", device))


def read_classifier(
    name_or_path: str | Path, purpose: Purpose, device: str = "auto"
) -> tuple[Path, Header, Classifier, torch.device]:
    """Returns the parts of a classifier of that purpose.

    Raises:
        UserError: If there is no such file, it is damaged, foreign or holds no classifier, or it has another purpose.
    """
    path = find_model(name_or_path)
    header = read_header(path)
    if header.roles.classifier is None:
        raise UserError(f"{name_or_path} is a model without a {purpose}: give a file that `{_COMMAND[purpose]}` wrote.")
    if header.roles.classifier.purpose != purpose:
        raise UserError(_OTHERWISE[purpose].format(path=name_or_path))
    network, where = load_network(path, "classifier", header), pick_device(device)
    assert isinstance(network, Classifier)
    return path, header, network.to(where), where
