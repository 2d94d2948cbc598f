"""The story of the X and the O on one page."""

from cnnkit import plots
from cnnkit.explain import xo
from cnnkit.explain.figures.squares import draw_squares

STEPS = {
    "match": "match: mean of\nnine products",
    "relu": "ReLU: what is\nnegative is 0",
    "pool": "pool: the best\nof 2 x 2",
    "pool_again": "pool again",
}
FOR_COLOUR, OTHER_COLOUR = "#e69f00", "#0072b2"


def xo_story(story: xo.Story):
    """Draw the story of the X and the O: a row for each feature, then the votes.

    All numbers in squares are whole ninths, so that 9 is a perfect match.

    Args:
        story: What `explain.xo.story` returns.

    Returns:
        A matplotlib figure.
    """
    figure = plots.new_figure(13, 9)
    grid = figure.add_gridspec(4, 6, height_ratios=(1, 1, 1, 0.55))
    axes = figure.add_subplot(grid[0, 0])
    draw_squares(axes, story.picture, "the picture, -1 and 1", decimals=0, largest=9)
    for row, (name, feature) in enumerate(xo.FEATURES.items()):
        axes = figure.add_subplot(grid[row, 1])
        draw_squares(axes, feature, f"feature: {name}", decimals=0)
        for column, (step, title) in enumerate(STEPS.items(), start=2):
            axes = figure.add_subplot(grid[row, column])
            values = story.maps[step][..., row]
            draw_squares(
                axes, values, title if row == 0 else "", signed=True, scale=(-9, 9), decimals=0
            )
    _draw_list(figure.add_subplot(grid[3, :4]), story)
    _draw_votes(figure.add_subplot(grid[3, 4:]), story)
    _draw_whole(figure.add_subplot(grid[1, 0]), story)
    return figure


def _draw_list(axes, story: xo.Story) -> None:
    draw_squares(
        axes, story.listed[None], "the three small maps as a list, in ninths", signed=True,
        scale=(-9, 9), decimals=0, largest=len(story.listed),
    )  # fmt: skip
    wired = {index: name for name, places in xo.WIRED.items() for index in places}
    names = [wired.get(index, "") for index in range(len(story.listed))]
    axes.set_xticks(range(len(names)), [name and f"votes {name}" for name in names], fontsize=8)
    axes.tick_params(length=0)


def _draw_votes(axes, story: xo.Story) -> None:
    names = list(story.votes)
    colours = [FOR_COLOUR if name == story.answer else OTHER_COLOUR for name in names]
    axes.barh(names, list(story.votes.values()), color=colours)
    for name, vote in story.votes.items():
        axes.text(vote, name, f" {vote:.3f}", va="center", fontsize=9)
    axes.set(xlim=(0, 1.25))
    axes.invert_yaxis()
    axes.set_title(f"votes: the answer is {story.answer}", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_whole(axes, story: xo.Story) -> None:
    axes.axis("off")
    lines = [f"like the {name}: {match:+.3f}" for name, match in story.whole.items()]
    words = "\n".join(["Pixel by pixel,", "without features:", *lines])
    axes.text(0, 1, words, va="top", fontsize=9, transform=axes.transAxes)
