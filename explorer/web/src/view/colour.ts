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
  const bright = (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
  return { background: `rgb(${red} ${green} ${blue})`, ink: bright > 0.55 ? "#101214" : "#ffffff" };
}

/** Draw one map of a `(height, width, channels)` array into a context, each value a square of pixels. */
export function mapImage(
  data: ArrayLike<number>,
  [height, width, channels]: [number, number, number],
  channel: number,
  paint: (value: number) => number,
): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let place = 0; place < width * height; place += 1) pixels[place] = paint(data[place * channels + channel]!);
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Draw a picture of one or three channels as a picture. */
export function pictureImage(
  data: ArrayLike<number>,
  [height, width, channels]: [number, number, number],
  range: [number, number],
): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(width, height);
  const factor = 255 / (range[1] - range[0] || 1);
  for (let place = 0; place < width * height; place += 1) {
    for (let part = 0; part < 3; part += 1) {
      const value = data[place * channels + (channels === 3 ? part : 0)]!;
      image.data[4 * place + part] = (value - range[0]) * factor;
    }
    image.data[4 * place + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
