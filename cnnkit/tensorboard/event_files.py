"""Event files, written with TensorBoard's own writer: on any backend, without TensorFlow."""

import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from tensorboard.compat.proto import event_pb2, graph_pb2, summary_pb2, versions_pb2
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.hparams import api_pb2, metadata as hparams_metadata, plugin_data_pb2
from tensorboard.plugins.hparams.summary_v2 import Discrete, hparams_pb
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util

from cnnkit.keras_graph.walk import layer_calls


class EventWriter:
    """One folder of event files, which TensorBoard shows as one run.

    If an event cannot be written, the writer warns once and drops it; training continues.

    Args:
        folder: Folder for the event files; it is made if it is missing.
    """

    def __init__(self, folder: Path):
        self._folder, self._writer, self._warned = Path(folder), None, False
        self._open()

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Add a point to a curve.

        Args:
            tag: Name of the curve.
            value: The point's value.
            step: The point's step.
        """
        self._add(scalar_pb(tag, float(value)), step)

    def histogram(self, tag: str, values: np.ndarray, step: int) -> None:
        """Add the distribution of an array's values.

        Args:
            tag: Name of the histogram.
            values: The array, of any shape.
            step: Step of the histogram.
        """
        self._add(histogram_pb(tag, np.asarray(values, np.float64)), step)

    def text(self, tag: str, markdown: str, step: int = 0) -> None:
        """Add a text, which TensorBoard renders as Markdown.

        Args:
            tag: Name of the text.
            markdown: The text.
            step: Step of the text.
        """
        self._add(text_pb(tag, markdown), step)

    def image(self, tag: str, png: bytes, step: int) -> None:
        """Add an image.

        Args:
            tag: Name of the image.
            png: Bytes of a PNG file.
            step: Step of the image.
        """
        # The plugin expects width, height and the file; bytes 16 to 24 of a PNG hold both sizes.
        size = [str(int.from_bytes(png[start : start + 4])).encode() for start in (16, 20)]
        summary = summary_pb2.Summary()
        summary.value.add(
            tag=tag,
            metadata=image_metadata.create_summary_metadata(None, None),
            tensor=tensor_util.make_tensor_proto(np.array([*size, png], dtype=object)),
        )
        self._add(summary, step)

    def graph(self, graph: graph_pb2.GraphDef) -> None:
        """Add the graph of a network.

        Args:
            graph: The graph, as `graph_of` returns it.
        """
        self._write(event_pb2.Event(wall_time=time.time(), graph_def=graph.SerializeToString()))

    def settings(self, settings: dict[str, bool | float | str], trial: str) -> None:
        """Add this run's row of the HParams table.

        Args:
            settings: A value for each column.
            trial: Name of the row.
        """
        self._add(hparams_pb(settings, trial_id=trial, start_time_secs=time.time()), 0)

    def columns(self, settings: Mapping[str, Sequence], metrics: Sequence[tuple[str, str]]) -> None:
        """Add the columns of the HParams table of all runs; TensorBoard puts what varies first.

        Args:
            settings: The values of each setting, by name.
            metrics: The folder below a run's, "" for its own, and the tag, of each curve.
        """
        experiment = api_pb2.Experiment(
            hparam_infos=[_column(name, values) for name, values in settings.items()],
            metric_infos=[
                api_pb2.MetricInfo(name=api_pb2.MetricName(group=group, tag=tag))
                for group, tag in metrics
            ],
        )
        self._add_hparams(
            hparams_metadata.EXPERIMENT_TAG,
            plugin_data_pb2.HParamsPluginData(experiment=experiment),
        )

    def settings_end(self, succeeded: bool) -> None:
        """Write to the HParams table how the run ended.

        Args:
            succeeded: Whether it finished.
        """
        status = api_pb2.STATUS_SUCCESS if succeeded else api_pb2.STATUS_FAILURE
        content = plugin_data_pb2.HParamsPluginData(
            session_end_info=plugin_data_pb2.SessionEndInfo(
                status=status, end_time_secs=time.time()
            )
        )
        self._add_hparams(hparams_metadata.SESSION_END_INFO_TAG, content)

    def flush(self) -> None:
        """Write buffered events to the file; after a failure, begin another file."""
        if self._writer is None:
            self._open()
        else:
            self._try(lambda: self._writer.flush())

    def close(self) -> None:
        """Write buffered events, and close the file."""
        if self._writer is not None:
            self._try(lambda: self._writer.close())

    def _open(self) -> None:
        def begin():
            self._writer = EventFileWriter(str(self._folder))

        self._try(begin)

    def _add(self, summary: summary_pb2.Summary, step: int) -> None:
        self._write(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))

    def _add_hparams(self, tag: str, content: plugin_data_pb2.HParamsPluginData) -> None:
        summary = summary_pb2.Summary()
        summary.value.add(
            tag=tag,
            metadata=hparams_metadata.create_summary_metadata(content),
            tensor=hparams_metadata.NULL_TENSOR,
        )
        self._add(summary, 0)

    def _write(self, event: event_pb2.Event) -> None:
        if self._writer is not None:
            self._try(lambda: self._writer.add_event(event))

    def _try(self, action) -> None:
        try:
            action()
        except Exception as error:  # TensorFlow's file system has errors of its own
            self._writer = None
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"TensorBoard's log {self._folder} cannot be written: {error}.", stacklevel=2
                )


def _column(name: str, values: Sequence) -> api_pb2.HParamInfo:
    """Return a setting with its values as TensorBoard takes them: of one type, each once."""
    types = {type(value) for value in values}
    dtype = types.pop() if len(types) == 1 else float if types <= {int, float} else str
    domain = sorted({dtype(value) for value in values})
    column = api_pb2.HParamInfo(name=name, differs=len(domain) > 1)
    Discrete(domain, dtype).update_hparam_info(column)
    return column


def graph_of(model: keras.Model) -> graph_pb2.GraphDef:
    """Return a model's graph for TensorBoard: a node a layer, named as in `model.summary()`.

    Args:
        model: A functional or Sequential model. Models inside it are one node each.

    Returns:
        The graph, with the output shape of each layer; edges lead from what a layer reads to it.
    """
    graph = graph_pb2.GraphDef(versions=versions_pb2.VersionDef(producer=22))
    calls, nodes = layer_calls(model), {}
    for call in calls:
        name = call.operation.name
        if name not in nodes:
            nodes[name] = graph.node.add(name=name, op=type(call.operation).__name__)
            shape = nodes[name].attr["_output_shapes"].list.shape.add()
            for size in () if call.is_input else call.outputs[0].shape:
                shape.dim.add(size=-1 if size is None else size)
        nodes[name].input.extend(calls[index].operation.name for index in call.sources)
    return graph
