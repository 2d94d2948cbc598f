"""`cnnkit resume RUN`: go on with a run that was stopped."""

import click

from cnnkit.cli import onednn
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.run import checkpoint_options, resume_run
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.cli.sharing import sharing_options
from cnnkit.cli.trust import trust_option
from cnnkit.experiment.rebuild import recorded_function
from cnnkit.runs.listing import resolve


@click.command("resume", cls=OneSentence)
@click.argument("run", shell_complete=complete_run)
@runs_dir_option
@trust_option
@debug_option
def command(run, runs_dir, **options):
    """Resume RUN from its last checkpoint. It ends with the same numbers as an unstopped run.

    RUN is a run's folder, the start of its name, or "latest". The experiment comes from the run's
    copy of its file.
    """
    stopped = resolve(run, runs_dir)
    onednn.set_default(stopped.environment.get("threads", {}).get(onednn.VARIABLE))
    resume_run(recorded_function(stopped), stopped, options)


command.params += [*sharing_options(), *checkpoint_options()]
