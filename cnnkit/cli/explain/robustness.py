"""`cnnkit explain robustness`: accuracy as the test images are changed."""

import click

from cnnkit import explain
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.explain.options import output_option
from cnnkit.cli.output import console, table, write_picture
from cnnkit.cli.run_inputs import load_run
from cnnkit.cli.runs import complete_run, runs_dir_option, trust_option
from cnnkit.experiment.rebuild import dataset_of


@click.command("robustness", cls=OneSentence)
@click.argument("runs", nargs=-1, required=True, shell_complete=complete_run)
@click.option(
    "--change", "changes", multiple=True, metavar="NAME",
    help="A change, such as noise; may be repeated.  [default: all]",
)  # fmt: skip
@click.option(
    "--samples", default=500, show_default=True, type=click.IntRange(1),
    help="How many test images to change.",
)  # fmt: skip
@output_option("robustness.png")
@runs_dir_option
@trust_option
@debug_option
def command(runs, changes, samples, output, runs_dir):
    """Compare RUNS on test images that are shifted, turned, scaled, grey, blurred, noisy, covered."""
    responses, consistency = {}, {}
    for run, model in [load_run(word, runs_dir) for word in runs]:
        dataset = dataset_of(run)
        images, labels = dataset.test.inputs[:samples], dataset.test.labels[:samples]
        responses[run.name] = explain.robustness(
            model, images, labels, perturbations=changes or None, value_range=dataset.value_range
        )
        consistency[run.name] = explain.shift_consistency(model, images)
    listing = table("change", "amount", *responses, numbers=("amount", *responses))
    for name, response in next(iter(responses.values())).items():
        for row, amount in enumerate(response.amounts):
            accuracies = [each[name].accuracy[row] for each in responses.values() if name in each]
            listing.add_row(name, f"{amount:g}", *(f"{accuracy:.1%}" for accuracy in accuracies))
    listing.add_row("same class after two shifts", "", *(f"{c:.1%}" for c in consistency.values()))
    console().print(listing)
    write_picture(explain.figures.robustness(responses), output)
