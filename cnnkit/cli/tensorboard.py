"""`cnnkit tensorboard`: show all runs in TensorBoard, on this machine alone."""

import contextlib
import signal
import tempfile
import time
from pathlib import Path

import click

from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.runs import complete_run, runs_dir_option, where_option
from cnnkit.comparison.selection import select
from cnnkit.errors import SettingError
from cnnkit.runs.listing import list_runs
from cnnkit.runs.run import Run

SECONDS = 5  # from one look for new runs to the next


@click.command(cls=OneSentence)
@click.argument("runs", nargs=-1, shell_complete=complete_run)
@where_option
@runs_dir_option
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port.  [default: a free one]"
)
@debug_option
def command(runs, where, runs_dir, port):
    """Serve RUNS, or all, on 127.0.0.1 until Ctrl-C, and print the address.

    RUN is a run's folder, the start of its name, or "latest". With runs or a condition, curves and the
    HParams table show these alone, as `cnnkit compare` does.
    """
    if not Path(runs_dir).is_dir():
        raise SettingError(f"There is no folder {runs_dir}; run an experiment, or give --runs-dir.")
    chosen = _chosen(runs, where, runs_dir)
    from tensorboard import program  # imports TensorFlow, which --help must not pay for

    from cnnkit.tensorboard import overview  # imports Keras

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as by Ctrl-C
    with contextlib.suppress(KeyboardInterrupt), tempfile.TemporaryDirectory() as links:
        folder = overview.link_logs(Path(runs_dir), Path(links), chosen)
        if folder == Path(links):
            overview.write_columns(list_runs(runs_dir) if chosen is None else chosen, folder)
        server = program.TensorBoard()
        server.configure(logdir=str(folder), host="127.0.0.1", port=port)
        try:
            address = server.launch()
        except program.TensorBoardServerException as error:
            raise SettingError(f"TensorBoard cannot start on port {port}: {error.msg}") from error
        click.echo(f"TensorBoard shows {runs_dir} at {address} (Ctrl-C ends it)")
        while True:
            time.sleep(SECONDS)
            if folder == Path(links) and chosen is None:
                overview.link_logs(Path(runs_dir), folder)


def _chosen(words: tuple[str, ...], where: str | None, runs_dir: str) -> list[Run] | None:
    """Return the runs that are named or match a condition; None for all that there will be."""
    if not words and where is None:
        return None
    return [row.run for row in select(words, where=where, runs_dir=runs_dir)]
