/** Two scales: diverging (orange below zero, blue above) and grey. Both serve colour-blind readers. */

export type Scale = "diverging" | "grey";

interface Range {
  low: number;
  high: number;
}

const STEPS = 255;
type Colour = [number, number, number];
const LIGHT: Colour[] = [[158, 62, 0], [240, 150, 60], [250, 249, 246], [92, 165, 215], [0, 68, 136]];
const DARK: Colour[] = [[255, 190, 110], [196, 98, 20], [34, 37, 42], [40, 112, 176], [150, 210, 255]];

const dark = window.matchMedia("(prefers-color-scheme: dark)");
let tables = build();
let chosen: Scale = "diverging";
dark.addEventListener("change", () => {
  tables = build();
});

function blend(stops: Colour[], place: number): Colour {
  const at = place * (stops.length - 1);
  const left = Math.min(stops.length - 2, Math.floor(at));
  const part = at - left;
  return stops[left]!.map((value, index) => Math.round(value + part * (stops[left + 1]![index]! - value))) as Colour;
}

function build(): Record<Scale, Uint32Array> {
  const table = (stops: Colour[]) =>
    Uint32Array.from({ length: 2 * STEPS + 1 }, (_, index) => {
      const [red, green, blue] = blend(stops, index / (2 * STEPS));
      return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    });
  return { diverging: table(dark.matches ? DARK : LIGHT), grey: table([[0, 0, 0], [255, 255, 255]]) };
}

/** Which scale feature maps are drawn in. */
export function scale(): Scale {
  return chosen;
}

export function chooseScale(next: Scale): void {
  chosen = next;
}

/** Call when the reader's system turns dark or light. */
export function onTheme(redraw: () => void): void {
  dark.addEventListener("change", redraw);
}

/** The least and the greatest of some values. */
export function rangeOf(values: ArrayLike<number>): Range {
  let low = Infinity;
  let high = -Infinity;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return values.length ? { low, high } : { low: 0, high: 0 };
}

/** Colours (as little-endian RGBA) of values from `low` to `high`; zero is the middle of "diverging". */
export function painter(range: Range, kind: Scale = chosen): (value: number) => number {
  const table = tables[kind];
  if (kind === "grey") {
    const span = range.high - range.low || 1;
    return (value) => table[clamp(Math.round(((value - range.low) / span) * 2 * STEPS))]!;
  }
  const largest = Math.max(Math.abs(range.low), Math.abs(range.high)) || 1;
  return (value) => table[clamp(STEPS + Math.round((value / largest) * STEPS))]!;
}

function clamp(step: number): number {
  return step < 0 ? 0 : step > 2 * STEPS ? 2 * STEPS : step || 0;
}

/** A colour as CSS, with the ink that is readable on it. */
export function css(colour: number): { background: string; ink: string } {
  const [red, green, blue] = [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const [r, g, b] = [red, green, blue].map((part) => (part / 255) ** 2.2) as [number, number, number];
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  // Whichever has the larger contrast by WCAG's formula: black and white are even at 0.18.
  return { background: `rgb(${red} ${green} ${blue})`, ink: luminance > 0.179 ? "#000" : "#fff" };
}

/** One canvas a size, drawn on again and again: a thousand maps a stroke would else be a thousand canvases. */
const sheets = new Map<string, { canvas: HTMLCanvasElement; context: CanvasRenderingContext2D; image: ImageData }>();

function sheet(height: number, width: number) {
  const key = `${height} ${width}`;
  let found = sheets.get(key);
  if (!found) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d")!;
    found = { canvas, context, image: context.createImageData(width, height) };
    sheets.set(key, found);
  }
  return found;
}

/** Draw a map of a `(height, width, channels)` array, each value a pixel. The next call draws over it. */
export function mapImage(
  data: ArrayLike<number>,
  [height, width, channels]: [number, number, number],
  channel: number,
  paint: (value: number) => number,
): HTMLCanvasElement {
  const { canvas, context, image } = sheet(height, width);
  const pixels = new Uint32Array(image.data.buffer);
  for (let place = 0; place < width * height; place += 1) pixels[place] = paint(data[place * channels + channel]!);
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Draw maps side by side, `across` in a row, from the first to before the last. The next call draws over it. */
export function mapSheet(
  data: ArrayLike<number>,
  [height, width, channels]: [number, number, number],
  [first, last]: [number, number],
  across: number,
  paint: (value: number) => number,
): HTMLCanvasElement {
  const rows = Math.ceil((last - first) / across);
  const { canvas, context, image } = sheet(rows * height, across * width);
  const pixels = new Uint32Array(image.data.buffer).fill(0);
  for (let map = first; map < last; map += 1) {
    const corner = (Math.floor((map - first) / across) * height * across + ((map - first) % across)) * width;
    for (let row = 0; row < height; row += 1) {
      let from = row * width * channels + map;
      const to = corner + row * across * width;
      for (let column = 0; column < width; column += 1, from += channels) pixels[to + column] = paint(data[from]!);
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Draw a picture of one or three channels as a picture. The next call draws over it. */
export function pictureImage(
  data: ArrayLike<number>,
  [height, width, channels]: [number, number, number],
  range: [number, number],
): HTMLCanvasElement {
  const { canvas, context, image } = sheet(height, width);
  const factor = 255 / (range[1] - range[0] || 1);
  const [green, blue] = channels === 3 ? [1, 2] : [0, 0];
  for (let place = 0, from = 0; place < width * height; place += 1, from += channels) {
    image.data[4 * place] = (data[from]! - range[0]) * factor;
    image.data[4 * place + 1] = (data[from + green!]! - range[0]) * factor;
    image.data[4 * place + 2] = (data[from + blue!]! - range[0]) * factor;
    image.data[4 * place + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
