"""`cnnkit`: the list of commands, each of which is imported when it is called."""

import importlib

import click
from click.shell_completion import CompletionItem

from cnnkit.cli import onednn
from cnnkit.cli.errors import OneSentenceGroup, debug_option
from cnnkit.errors import UnknownNameError
from cnnkit.platforms import expect_supported_platform

# name -> (where the command lives, what --help says of it)
COMMANDS = {
    "run": (
        "cnnkit.cli.run:command",
        "Train: an experiment by name or file, or any data and model.",
    ),
    "launch": (
        "cnnkit.cli.launch:command",
        "Train one run by several processes, here or on a cluster.",
    ),
    "resume": ("cnnkit.cli.resume:command", "Go on with a run that was stopped."),
    "reproduce": (
        "cnnkit.cli.reproduce:command",
        "Do a run again from its folder, and say how near it comes.",
    ),
    "lr-find": (
        "cnnkit.cli.lr_find:command",
        "Draw the loss against the learning rate, and suggest a rate.",
    ),
    "search": (
        "cnnkit.cli.search:command",
        "Search an experiment's settings: many trials, by any number of processes.",
    ),
    "auto": (
        "cnnkit.cli.auto:command",
        "Compare and train what some minutes allow, on a folder, a table or a data set.",
    ),
    "runs": ("cnnkit.cli.runs:runs", "List the runs."),
    "show": ("cnnkit.cli.runs:show", "Show one run."),
    "compare": (
        "cnnkit.cli.compare:command",
        "Compare runs: means over seeds, paired tests, what differs.",
    ),
    "tensorboard": ("cnnkit.cli.tensorboard:command", "Watch the runs in TensorBoard."),
    "mistakes": (
        "cnnkit.cli.mistakes:command",
        "List the samples that a run gets wrong, and rate its probabilities.",
    ),
    "explain": ("cnnkit.cli.explain:command", "Show what a run's network sees in an image."),
    "explore": (
        "cnnkit.cli.explore:command",
        "Walk through a run's network in a browser, number by number.",
    ),
    "evaluate": (
        "cnnkit.cli.evaluate:command",
        "Measure trained models on labelled samples, with intervals.",
    ),
    "predict": (
        "cnnkit.cli.predict:command",
        "Label pictures, sounds or texts by a run, a model file or a pretrained network.",
    ),
    "classify": (
        "cnnkit.cli.classify:command",
        "Name what is in photographs, by ImageNet's labels.",
    ),
    "export": (
        "cnnkit.cli.export:command",
        "Write a trained model for ONNX Runtime, LiteRT, OpenVINO or TensorFlow Serving.",
    ),
    "serve": (
        "cnnkit.cli.serve:command",
        "Answer HTTP requests with a trained model, on this machine.",
    ),
    "inspect": (
        "cnnkit.cli.inspect:command",
        "Show what a model file holds, without building it.",
    ),
    "features": (
        "cnnkit.cli.features:command",
        "Write the features of each image as a table.",
    ),
    "datasets": ("cnnkit.cli.datasets:command", "List the data sets."),
    "data": ("cnnkit.cli.data:command", "Inspect and show images, and list or clear the cache."),
    "models": ("cnnkit.cli.models:command", "List the networks, or show one layer by layer."),
    "backbones": ("cnnkit.cli.backbones:command", "List the pretrained backbones."),
    "experiments": ("cnnkit.cli.experiments:command", "List the experiments in this folder."),
    "new": ("cnnkit.cli.new:command", "Write a commented experiment file to start from."),
}


class Commands(OneSentenceGroup):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx):
        """Return the names, in the order in which a user needs the commands."""
        return list(COMMANDS)

    def get_command(self, ctx, name):
        """Import a command."""
        if name not in COMMANDS:
            return None
        module, function = COMMANDS[name][0].split(":")
        return getattr(importlib.import_module(module), function)

    def resolve_command(self, ctx, args):
        """Suggest the nearest commands if there is none of that name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise UnknownNameError("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx, formatter):
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def shell_complete(self, ctx, incomplete):
        """Complete a command's name without importing it."""
        return [
            CompletionItem(name, help=text)
            for name, (_, text) in COMMANDS.items()
            if name.startswith(incomplete)
        ]


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    package_name="cnnkit", message="%(package)s %(version)s", help="Print the version."
)
@debug_option
@click.pass_context
def main(context):
    """Train convolutional networks with Keras, watch them, and see how they see."""
    expect_supported_platform()
    if context.invoked_subcommand not in ("resume", "reproduce"):  # which do as the run did
        onednn.set_default()
