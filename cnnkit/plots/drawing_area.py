"""A canvas to draw on in a notebook; needs no network connection."""

from dataclasses import dataclass

from cnnkit.errors import SettingError

LEAST, MOST = 100, 1000  # pixels a side

PAGE = """<div>
<canvas width="{side}" height="{side}" style="border: 1px solid #888; background: white;
touch-action: none; cursor: crosshair; max-width: 100%" aria-label="drawing area"></canvas><br>
<button type="button">Clear</button> <a download="{name}"><button type="button">Save {name}</button></a>
<script>(() => {{
  const root = document.currentScript.parentElement;
  const canvas = root.querySelector("canvas"), pen = canvas.getContext("2d");
  const clear = () => {{ pen.fillStyle = "white"; pen.fillRect(0, 0, {side}, {side}); }};
  pen.lineWidth = {side} / 14; pen.lineCap = pen.lineJoin = "round"; pen.strokeStyle = "black";
  clear();
  let drawing = false;
  const place = (event) => {{
    const box = canvas.getBoundingClientRect(), scale = {side} / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }};
  canvas.onpointerdown = (event) => {{
    drawing = true; pen.beginPath(); pen.moveTo(...place(event)); pen.lineTo(...place(event));
    pen.stroke(); canvas.setPointerCapture(event.pointerId);
  }};
  canvas.onpointermove = (event) => {{
    if (drawing) {{ pen.lineTo(...place(event)); pen.stroke(); }}
  }};
  canvas.onpointerup = canvas.onpointercancel = () => {{ drawing = false; }};
  root.querySelector("button").onclick = clear;
  const link = root.querySelector("a");
  link.onclick = () => {{ link.href = canvas.toDataURL("image/png"); }};
}})()</script>
</div>"""


@dataclass(frozen=True)
class Canvas:
    """A white square to draw on with mouse, pen or finger; a notebook shows it in place.

    Attributes:
        side: Its height and width in pixels.
        name: The name of the file that its button saves, in the browser's folder for downloads.
    """

    side: int
    name: str

    def _repr_html_(self) -> str:
        return PAGE.format(side=self.side, name=self.name)


def canvas(side: int = 280, name: str = "drawing.png") -> Canvas:
    """Return a canvas to draw on in a notebook.

    The browser saves what is drawn; `cnnkit.data.prepare_drawing` reads it.

    Args:
        side: Height and width in pixels, 100 to 1000.
        name: The file that its button saves: letters, digits, "-" and "_", and the ending .png.

    Returns:
        The canvas.

    Raises:
        SettingError: The side is out of range, or the name is none of a PNG file.
    """
    if not LEAST <= side <= MOST:
        raise SettingError(f"side of a canvas is {LEAST} to {MOST} pixels, not {side}.")
    stem = name.removesuffix(".png")
    if stem == name or not stem.replace("-", "").replace("_", "").isalnum() or not stem.isascii():
        raise SettingError(
            f'name of a drawing is letters, digits, "-" and "_" and ends in .png, not {name!r}.'
        )
    return Canvas(side, name)
