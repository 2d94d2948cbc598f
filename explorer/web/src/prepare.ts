/** From any picture to the network's input, by the rule of the training data (cnnkit.data.images). */

import type { Tensor } from "./engine";
import type { Preparation } from "./network";
import { pictureSize } from "./picture_size";

/** Whole-number pixels, channels last. */
export interface Picture {
  width: number;
  height: number;
  channels: 1 | 3;
  data: Uint8ClampedArray;
}

export interface Step {
  title: string;
  words: string;
  picture: Picture;
}

export interface Prepared {
  steps: Step[];
  tensor: Tensor;
  /** The border is light where training pictures have a dark one, or reversed. */
  opposite: boolean;
}

/** RGBA pixels of a canvas as RGB; what shines through is white. */
export function fromCanvas(image: ImageData): Picture {
  const { width, height } = image;
  const data = new Uint8ClampedArray(width * height * 3);
  for (let place = 0; place < width * height; place += 1) {
    const alpha = image.data[4 * place + 3]! / 255;
    for (let part = 0; part < 3; part += 1) {
      data[3 * place + part] = Math.round(alpha * image.data[4 * place + part]! + (1 - alpha) * 255);
    }
  }
  return { width, height, channels: 3, data };
}

/** Grey by ITU-R 601, as Pillow rounds it. */
export function grey(picture: Picture): Picture {
  if (picture.channels === 1) return picture;
  const { width, height } = picture;
  const data = new Uint8ClampedArray(width * height);
  for (let place = 0; place < data.length; place += 1) {
    const [red, green, blue] = [picture.data[3 * place]!, picture.data[3 * place + 1]!, picture.data[3 * place + 2]!];
    data[place] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data };
}

type Box = [number, number, number, number];

/** The part of a picture that fills a target: all of it, or the largest central part. */
export function fittedBox(width: number, height: number, target: Preparation): Box {
  if (target.fit === "stretch") return [0, 0, width, height];
  const aspect = target.width / target.height;
  const [across, down] = [Math.min(width, height * aspect), Math.min(height, width / aspect)];
  const [left, top] = [(width - across) / 2, (height - down) / 2];
  return [left, top, left + across, top + down];
}

/** For each new pixel of one axis: the first old pixel that it covers, and the triangle's weights. */
function triangles(from: number, to: number, size: number, target: number): [number, Float64Array][] {
  const step = (to - from) / target;
  const support = Math.max(step, 1);
  return Array.from({ length: target }, (_, index) => {
    const centre = from + (index + 0.5) * step;
    const first = Math.max(0, Math.floor(centre - support + 0.5));
    const last = Math.min(size, Math.floor(centre + support + 0.5));
    const weights = new Float64Array(Math.max(1, last - first));
    let total = 0;
    for (let at = 0; at < weights.length; at += 1) {
      const far = Math.abs((at + first + 0.5 - centre) / support);
      weights[at] = far < 1 ? 1 - far : 0;
      total += weights[at]!;
    }
    for (let at = 0; at < weights.length; at += 1) weights[at]! /= total || 1;
    return [Math.min(first, size - 1), weights];
  });
}

/** Bilinear with antialiasing: each pixel is the triangle-weighted mean of what it covers. */
export function resize(picture: Picture, box: Box, width: number, height: number): Picture {
  const { channels } = picture;
  const across = triangles(box[0], box[2], picture.width, width);
  const down = triangles(box[1], box[3], picture.height, height);
  const [top, bottom] = [down[0]![0], Math.max(...down.map(([first, weights]) => first + weights.length))];
  const rows = new Uint8ClampedArray((bottom - top) * width * channels);
  for (let row = top; row < bottom; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const [first, weights] = across[column]!;
      for (let part = 0; part < channels; part += 1) {
        let sum = 0;
        for (let at = 0; at < weights.length; at += 1) {
          sum += weights[at]! * picture.data[(row * picture.width + first + at) * channels + part]!;
        }
        rows[((row - top) * width + column) * channels + part] = Math.floor(sum + 0.5);
      }
    }
  }
  const data = new Uint8ClampedArray(width * height * channels);
  for (let row = 0; row < height; row += 1) {
    const [first, weights] = down[row]!;
    for (let place = 0; place < width * channels; place += 1) {
      let sum = 0;
      for (let at = 0; at < weights.length; at += 1) {
        sum += weights[at]! * rows[(first - top + at) * width * channels + place]!;
      }
      data[row * width * channels + place] = Math.floor(sum + 0.5);
    }
  }
  return { width, height, channels, data };
}

function inverted(picture: Picture): Picture {
  return { ...picture, data: picture.data.map((value) => 255 - value) };
}

/** Numbers that the network takes, from pixels of its own size. */
export function toTensor(picture: Picture, [low, high]: [number, number]): Tensor {
  const data = Float32Array.from(picture.data, (value) => low + ((high - low) * value) / 255);
  return { shape: [picture.height, picture.width, picture.channels], data };
}

/** Prepare a picture, and keep each step of it for show. */
export function prepare(source: Picture, rule: Preparation, invert = false): Prepared {
  const steps: Step[] = [
    { title: "As given", words: `${source.width} × ${source.height} pixels`, picture: source },
  ];
  let picture = source;
  if (rule.channels === 1) {
    picture = grey(picture);
    steps.push({ title: "Grey", words: "one number a pixel: 0.299 red + 0.587 green + 0.114 blue", picture });
  }
  const box = fittedBox(source.width, source.height, rule);
  const cropped = box[2] - box[0] < source.width - 0.5 || box[3] - box[1] < source.height - 0.5;
  const pixels = resize(picture, box, rule.width, rule.height);
  const how = cropped
    ? `the middle of it, made ${rule.width} × ${rule.height}: each pixel is the mean of what it covers`
    : `made ${rule.width} × ${rule.height}: each pixel is the mean of what it covers`;
  steps.push({ title: cropped ? "Cut and resized" : "Resized", words: how, picture: pixels });
  picture = pixels;
  if (invert) {
    picture = inverted(picture);
    steps.push({ title: "Exchanged", words: "black for white, as the training pictures have it", picture });
  }
  steps.push({
    title: "As numbers",
    words: `black is ${rule.range[0]}, white is ${rule.range[1]}`,
    picture,
  });
  return { steps, tensor: toTensor(picture, rule.range), opposite: isOpposite(picture, rule) };
}

function isOpposite(picture: Picture, rule: Preparation): boolean {
  if (rule.channels !== 1) return false;
  const border: number[] = [];
  for (let row = 0; row < picture.height; row += 1) {
    for (let column = 0; column < picture.width; column += 1) {
      const edge = row === 0 || column === 0 || row === picture.height - 1 || column === picture.width - 1;
      if (edge) border.push(picture.data[row * picture.width + column]!);
    }
  }
  const median = border.sort((one, other) => one - other)[border.length >> 1]!;
  return rule.lightOnDark && median > 191;
}

/** Largest picture that is opened; more would freeze a phone. */
export const MOST_PIXELS = 50e6;

/** Read a file as a picture, or say in one sentence why not. */
export async function readFile(file: Blob & { name?: string }): Promise<Picture> {
  const name = file.name ?? "The picture";
  const size = await pictureSize(file);
  if (size && size[0] * size[1] > MOST_PIXELS) throw new Error(tooLarge(name, ...size));
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${name} cannot be read as a picture; choose a JPEG, PNG, WebP or GIF file.`);
  }
  if (bitmap.width * bitmap.height > MOST_PIXELS) throw new Error(tooLarge(name, bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  return fromCanvas(context.getImageData(0, 0, canvas.width, canvas.height));
}

function tooLarge(name: string, width: number, height: number): string {
  const millions = Math.round((width * height) / 1e6);
  return `${name} has ${millions} million pixels; the page opens up to ${MOST_PIXELS / 1e6} million: make it smaller first.`;
}
