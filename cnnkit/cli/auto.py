"""`cnnkit auto DATA --minutes 20`: compare what is worth comparing, and train the best."""

import shlex
import sys
from pathlib import Path

import click

from cnnkit import automatic
from cnnkit.cli.datasets import complete_dataset, dataset_options
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.keras_import import import_keras


@click.command("auto", cls=OneSentence)
@click.argument("dataset", metavar="DATA", shell_complete=complete_dataset)
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=20, show_default=True,
    help="How long to compare and train; the last epoch and the test may end a little later.",
)  # fmt: skip
@dataset_options
@click.option(
    "--samples-per-class", type=click.IntRange(min=1),
    help="Train on at most so many images of each class.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
    help="Seed of every training, and of the folds.",
)  # fmt: skip
@click.option(
    "--runs-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("runs"),
    show_default=True, help="The folder for the runs.",
)  # fmt: skip
@debug_option
def command(dataset, minutes, options, samples_per_class, seed, runs_dir):
    """Train the best that some minutes allow, on a folder, a table or a data set.

    Pretrained backbones whose weights are on this machine are compared by cross-validation. The best
    heads on them, and small networks where pictures are small, then train in rounds; what falls
    behind ends early. The best is trained once more, and tested once.

    Ctrl-C ends the comparison: the best so far is the result.
    """
    import_keras()  # quietly, before training imports it
    found = automatic.run(
        dataset, minutes=minutes, dataset_options=dict(options),
        samples_per_class=samples_per_class, runs_dir=runs_dir, seed=seed, say=click.echo,
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    )  # fmt: skip
    folder = shlex.quote(str(found.run.folder))
    click.echo(
        f"\nTest accuracy  {found.run.results['test']['accuracy']:.2%}, looked at once\n"
        f"Time           {found.seconds:.0f} s, {len(found.trials)} trials\n"
        f"Report         {found.report}\n"
        f"Run folder     {found.run.folder}\n\n"
        f"Use it         cnnkit predict {folder} IMAGE"
    )
