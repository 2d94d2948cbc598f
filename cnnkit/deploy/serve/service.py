"""Service: answers requests for predictions, whatever HTTP framework asks."""

import asyncio
import contextlib
import dataclasses
import logging
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
from fastapi import HTTPException, Request

from cnnkit.data.images.decode import check_pixels
from cnnkit.deploy.serve import answers
from cnnkit.deploy.serve.batching import Batcher, QueueFull
from cnnkit.deploy.serve.bodies import Bodies, File, overloaded
from cnnkit.deploy.serve.computation import Computation
from cnnkit.deploy.serve.limits import Limits
from cnnkit.deploy.serve.metrics import Metrics
from cnnkit.deploy.trained_model import TrainedModel
from cnnkit.errors import BadFile

LOG = logging.getLogger(__name__)
DECODERS = max(2, os.cpu_count() or 1)  # threads: so many pictures are in memory at full size


class Service:
    """A trained model that answers concurrent requests.

    Args:
        trained: The model.
        limits: What a request may have.

    Attributes:
        metrics: What it has counted.

    Raises:
        SettingError: The model takes arrays, which no file is decoded to.
    """

    def __init__(self, trained: TrainedModel, limits: Limits):
        self.trained, self.limits, self.metrics = trained, limits, Metrics()
        self._computation = Computation(trained, limits.max_batch)
        self._bodies = Bodies(limits)

    def warm_up(self) -> None:
        """Compile the model, so that no request has to wait for it."""
        self._computation.warm_up()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take requests, until the context ends."""
        limits = self.limits
        self._batcher = Batcher(
            self._computation, max_batch=limits.max_batch, max_wait=limits.max_wait,
            max_queue=limits.max_queue, observe=self.metrics.observe_batch,
        )  # fmt: skip
        self.metrics.waiting.set_function(lambda: self._batcher.waiting)
        with ThreadPoolExecutor(DECODERS, thread_name_prefix="decoder") as self._decoders:
            async with self._batcher:
                yield

    async def predict(self, request: Request, top: int) -> answers.Predictions:
        """Answer a request.

        Args:
            request: Its body is not read yet.
            top: How many classes to name for each file, at least 1.

        Returns:
            A prediction a file.

        Raises:
            HTTPException: Status 4xx for a request that is refused, 500 if the model fails, 503 if
                there is too much to do; with a sentence.
        """
        with self._bodies.place() as place:
            files = await place.files(request)
            try:
                async with asyncio.timeout(self.limits.timeout):
                    samples = await asyncio.gather(*map(self._decode, files))
                    rows = await self._compute(samples)
            except TimeoutError:
                seconds = f"{self.limits.timeout:g}"
                raise overloaded(f"an answer took more than {seconds} s") from None
        names = self.trained.class_names
        return answers.Predictions(
            model=self.trained.name,
            predictions=[
                answers.prediction(file.name, row, names, top)
                for file, row in zip(files, rows, strict=True)
            ],
        )

    def health(self) -> answers.Health:
        """Say that requests are answered."""
        return answers.Health(status="ok", waiting=self._batcher.waiting)

    def model(self) -> answers.Model:
        """Describe the model."""
        trained = self.trained
        return answers.Model(
            name=trained.name,
            kind=trained.inputs.kind,
            input_shape=list(self._computation.inputs.shape),
            preparation=str(trained.inputs),
            task=type(trained.task).__name__,
            class_names=list(trained.class_names),
            parameters=trained.model.count_params(),
            backend=keras.backend.backend(),
            limits=dataclasses.asdict(self.limits),
        )

    async def _decode(self, file: File):
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._decoders, self._decode_now, file.content)
        except BadFile as reason:
            name = "The file" if file.name is None else f"The file {file.name!r}"
            raise HTTPException(422, f"{name} {reason}.") from None

    def _decode_now(self, content: bytes):
        inputs = self._computation.inputs
        if inputs.kind == "picture":
            check_pixels(content, self.limits.max_pixels)
        return inputs.decode(content)

    async def _compute(self, samples: list) -> list[np.ndarray]:
        try:
            return await self._batcher.submit(samples)
        except QueueFull:
            most = self.limits.max_queue
            raise overloaded(f"{most} {self.trained.inputs.kind}s wait for the model") from None
        except Exception as error:
            LOG.exception("The model failed.")
            reason = " ".join(str(error).split()) or type(error).__name__
            raise HTTPException(500, f"The model failed: {reason}") from error
