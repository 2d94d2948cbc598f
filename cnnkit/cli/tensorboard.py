"""`cnnkit tensorboard`: show all runs in TensorBoard, on this machine alone."""

import contextlib
import signal
import tempfile
import time
from pathlib import Path

import click

from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.errors import SettingError
from cnnkit.runs.listing import list_runs

SECONDS = 5  # from one look for new runs to the next


@click.command(cls=OneSentence)
@click.option(
    "--runs-dir", default="runs", show_default=True, help="The folder that holds the runs."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port.  [default: a free one]"
)
@debug_option
def command(runs_dir, port):
    """Serve the runs on 127.0.0.1 until Ctrl-C, and print the address."""
    if not Path(runs_dir).is_dir():
        raise SettingError(f"There is no folder {runs_dir}; run an experiment, or give --runs-dir.")
    from tensorboard import program  # imports TensorFlow, which --help must not pay for

    from cnnkit.tensorboard import overview  # imports Keras

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as by Ctrl-C
    with contextlib.suppress(KeyboardInterrupt), tempfile.TemporaryDirectory() as links:
        folder = overview.link_logs(Path(runs_dir), Path(links))
        if folder == Path(links):
            overview.write_columns(list_runs(runs_dir), folder)
        server = program.TensorBoard()
        server.configure(logdir=str(folder), host="127.0.0.1", port=port)
        try:
            address = server.launch()
        except program.TensorBoardServerException as error:
            raise SettingError(f"TensorBoard cannot start on port {port}: {error.msg}") from error
        click.echo(f"TensorBoard shows {runs_dir} at {address} (Ctrl-C ends it)")
        while True:
            time.sleep(SECONDS)
            if folder == Path(links):
                overview.link_logs(Path(runs_dir), folder)
