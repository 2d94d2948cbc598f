"""`cnnkit explain fields`: the receptive fields of the layers."""

import click

from cnnkit import explain, models
from cnnkit.cli.explain.options import explain_command
from cnnkit.cli.output import console, table, write_picture
from cnnkit.cli.run_inputs import load_run_image
from cnnkit.errors import SettingError

COLOURS = 7  # as many as the picture has


@explain_command("fields")
def command(run, image, invert, output, runs_dir):
    """Draw which part of IMAGE one unit of each layer sees: the receptive fields."""
    run, model, pixels, *_ = load_run_image(run, runs_dir, image, invert=invert)
    fields, sizes, rows = {}, set(), models.anatomy(model).rows
    numbers = ("sees", "step")
    listing = table("layer", "kind", *numbers, numbers=numbers)
    for row in rows:
        field = row.field
        if field is None or field.whole or field.size in sizes or max(field.size) == 1:
            continue
        sizes.add(field.size)
        fields[row.name] = field
        cells = (" x ".join(map(str, pair)) for pair in (field.size, field.stride))
        listing.add_row(row.name, row.kind, *cells)
    unknown = next((row for row in rows if row.field is None), None)
    if unknown:
        reason = f"cnnkit cannot compute which pixels {unknown.name!r} ({unknown.kind}) reads"
        if not fields:
            raise SettingError(f"The receptive fields of {run.name} are not known: {reason}.")
        click.echo(f"Layers that follow {unknown.name!r} may be left out: {reason}.")
    elif not fields:
        raise SettingError(f"No layer of {run.name} sees a part of the image alone.")
    console().print(listing)
    drawn = dict(list(fields.items())[:: -(-len(fields) // COLOURS)])
    write_picture(explain.figures.receptive_fields(pixels, drawn), output)
