"""`cnnkit explore`: a page in which a reader walks through a run's network."""

import signal
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnkit import explorer
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import writing
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.cli.trust import trust_option
from cnnkit.errors import SettingError
from cnnkit.keras_import import import_keras
from cnnkit.report.explorer_link import link_page
from cnnkit.runs.listing import resolve

if TYPE_CHECKING:
    from cnnkit.explorer.opened_run import OpenedRun

XO = "xo"


@click.command("explore", cls=OneSentence)
@click.argument("run", shell_complete=complete_run)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="Write the page into one file, which needs no server: FILE.html.",
)  # fmt: skip
@click.option(
    "--float16", is_flag=True, help="With --output: round weights to 16 bits, half the size."
)
@click.option(
    "--against", metavar="RUN", shell_complete=complete_run,
    help="Another run on the same data, whose network answers beside it.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port.  [default: a free one]"
)
@click.option("--no-browser", is_flag=True, help="Print the address without opening it.")
@runs_dir_option
@trust_option
@debug_option
def command(run, output, float16, against, port, no_browser, runs_dir):
    """Walk through the network of RUN in a browser: every layer, kernel and number.

    RUN is a run's folder, the start of its name, or "latest"; "xo" is the classifier of X and O that
    is made by hand, beside one that learnt. The page is served on 127.0.0.1 until Ctrl-C.
    """
    if float16 and output is None:
        raise SettingError(
            "--float16 is for --output; the served page computes with the run's own weights."
        )
    if output is not None and output.suffix.lower() not in (".html", ".htm"):
        raise SettingError(f"--output is an HTML file, not {output}; name one that ends in .html.")
    precision = "float16" if float16 else "float32"
    opened, other = _opened(run, against, runs_dir, precision)
    for note in (*opened.notes, *(other.notes if other else ())):
        click.echo(note, err=True)
    if output is None:
        _serve(opened, other, port, no_browser)
        return
    _write(output, opened, other)
    if run != XO and link_page(resolve(run, runs_dir), output):
        click.echo("Report   links to it")


def _opened(run, against, runs_dir, precision) -> "tuple[OpenedRun, OpenedRun | None]":
    runs = [] if run == XO else [resolve(run, runs_dir)]
    runs += (
        [resolve(against, runs_dir)] if against else []
    )  # a misspelt name must not wait for Keras
    import_keras()  # quietly
    if run == XO:
        click.echo("Training on X's and O's that are shifted and deformed ...")
        return explorer.x_and_o.by_hand(), explorer.x_and_o.learnt()
    opened = [explorer.open_run(each, precision=precision) for each in runs]
    return opened[0], opened[1] if against else None


def _write(output: Path, opened, other) -> None:
    if other is not None:
        explorer.expect_alike(opened, other)
    with writing(output):
        size = explorer.write_page(output, opened.document, other.document if other else None)
    click.echo(f"Page     {output}  ({size / 1e6:.2f} MB, opens without a server)")


def _serve(opened, other, port: int, no_browser: bool) -> None:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as by Ctrl-C
    page = explorer.serve(opened, other, port)
    click.echo(f"Explore {opened.document.network['name']} at {page.address} (Ctrl-C ends it)")
    if not no_browser:
        webbrowser.open(page.address)
    try:
        page.wait()
    except KeyboardInterrupt:
        page.close()
    finally:
        signal.signal(signal.SIGTERM, before)
