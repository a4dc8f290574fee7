"""The real pictures of a run, a batch for each round."""

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from sakuga.configs.training import TrainConfig
from sakuga.core import distributed
from sakuga.data.dataset import Batch, Dataset


class Batches:
    """Reads what each process sees of a round's pictures, and puts it onto the device.

    Args:
        config: A complete config.
        dataset: The real pictures.
        device: Where they are needed.
        ahead: Whether a thread reads the next batch meanwhile, which pays where another processor trains on this one.
            It changes no number: a batch is a pure function of (seed, image number).
    """

    def __init__(self, config: TrainConfig, dataset: Dataset, device: torch.device, *, ahead: bool):
        self._config, self._dataset, self._device = config, dataset, device
        self._reader = ThreadPoolExecutor(1, "sakuga-batches") if ahead else None
        self._ahead: dict[int, Future[Batch]] = {}

    def at(self, images: int) -> Batch:
        """Returns the batch of the round that begins after so many images.

        Raises:
            UserError: As `Dataset.batch`.
        """
        if self._reader is None:
            batch = self._read(images)
        else:
            now = self._ahead.get(images) or self._reader.submit(self._read, images)
            after = images + self._config.batch_size
            self._ahead = {after: self._reader.submit(self._read, after)}
            batch = now.result()
        # From memory that is not pinned, the copy might read what has been freed meanwhile.
        pictures = batch.images.to(self._device, non_blocking=self._device.type == "cuda")
        return Batch(pictures, batch.labels, batch.indices)

    def _read(self, images: int) -> Batch:
        data, size = self._config.data, self._config.batch_size
        numbers = np.array_split(np.arange(images, images + size), distributed.world_size())[distributed.rank()]
        batch = self._dataset.batch(
            numbers, self._config.seed, flip=data.flip, rotate=data.rotate, balance=data.balance
        )
        if self._device.type != "cuda":
            return batch
        # From pageable memory the copy would wait for all that the GPU has still to do.
        return Batch(batch.images.pin_memory(), batch.labels, batch.indices)
