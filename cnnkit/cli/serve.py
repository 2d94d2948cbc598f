"""`cnnkit serve`: answer HTTP requests with a trained model, on this machine."""

import importlib.util

import click

from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.deploy.serve.limits import Limits
from cnnkit.deploy.sources import find_source
from cnnkit.errors import SettingError
from cnnkit.keras_import import import_keras

EXTRA = ("fastapi", "fastapi_offline", "uvicorn", "python_multipart", "prometheus_client")
MOST_FILES = 64  # of a request


@click.command(cls=OneSentence)
@click.argument("source")
@click.option(
    "--runs-dir", default="runs", show_default=True, help="The folder that holds the runs."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port.  [default: a free one]"
)
@click.option(
    "--max-batch",
    type=int,
    default=8,
    show_default=True,
    help="Files that the model computes at once.",
)
@click.option(
    "--max-wait",
    type=float,
    default=2,
    show_default=True,
    help="Milliseconds that a file waits for others, while the model is idle.",
)
@click.option(
    "--max-queue",
    type=int,
    default=256,
    show_default=True,
    help="Files that may wait; more are refused with status 503.",
)
@click.option(
    "--max-megabytes",
    type=click.IntRange(1, 2047),
    default=32,
    show_default=True,
    help="Size of a request's body.",
)
@click.option(
    "--max-megapixels",
    type=click.IntRange(1, 2000),
    default=50,
    show_default=True,
    help="Size of a picture.",
)
@click.option(
    "--timeout",
    type=float,
    default=30,
    show_default=True,
    help="Seconds in which a body must arrive, and in which it is answered then.",
)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="Also answer requests for this host, such as a proxy's; may be repeated.",
)
@click.option(
    "--trust",
    is_flag=True,
    help="Open a model that brings code, or has changed since its run.",
)
@debug_option
def command(
    source, runs_dir, port, max_batch, max_wait, max_queue, max_megabytes, max_megapixels, timeout,
    allow_host, trust,
):  # fmt: skip
    """Serve SOURCE on 127.0.0.1 until Ctrl-C or SIGTERM, and print the address.

    SOURCE is a run, a .keras file, or a pretrained network. The address shows a page to drop
    pictures on; /docs says how a program asks:

    curl --data-binary @cat.jpg http://127.0.0.1:PORT/predict
    """
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingError(f'Serving needs {" and ".join(missing)}: pip install "cnnkit[serve]".')
    found = find_source(source, runs_dir)  # a misspelt name must not wait for Keras
    limits = Limits(
        max_batch=max_batch, max_wait=max_wait / 1000, max_queue=max_queue,
        max_files=max(1, min(MOST_FILES, max_queue)), max_bytes=max_megabytes * 2**20,
        max_pixels=max_megapixels * 10**6, timeout=timeout,
    )  # fmt: skip
    import_keras()  # quietly, before the server imports it
    from cnnkit.deploy.serve.server import serve  # imports Keras, which --help must not pay for

    serve(
        found, limits, port=port, hosts=allow_host, trust=trust,
        on_ready=lambda name, address: click.echo(f"{name} answers at {address} (Ctrl-C ends it)"),
    )  # fmt: skip
