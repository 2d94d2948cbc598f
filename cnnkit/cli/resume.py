"""`cnnkit resume RUN`: go on where a run was stopped."""

import click

from cnnkit.cli import onednn
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.run import go_on, saving_options
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.experiment.rebuild import recorded_function
from cnnkit.runs import resolve


@click.command("resume", cls=OneSentence)
@click.argument("run", shell_complete=complete_run)
@runs_dir_option
@debug_option
def command(run, runs_dir, **options):
    """Go on with RUN from its last checkpoint, to the same numbers as if it had not been stopped.

    RUN is a run's folder, the start of its name, or "latest". The experiment is the file that the
    run was made of, or the run's copy where that file has changed or is gone.
    """
    found = resolve(run, runs_dir)
    onednn.set_default(found.environment.get("threads", {}).get(onednn.VARIABLE))
    go_on(recorded_function(found), found, options)


command.params += saving_options()
