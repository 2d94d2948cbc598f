/** Changes to a prepared picture: shift, turn, grey and cover it, and see what the vote does. */

import type { Tensor } from "./engine";

export interface Changes {
  /** Pixels to the right and down. */
  across: number;
  down: number;
  /** Degrees clockwise. */
  degrees: number;
  /** From 0, as it is, to 1, all grey. */
  greyed: number;
  /** Side of a grey square in the middle, as a part of the picture. */
  covered: number;
}

export const NONE: Changes = { across: 0, down: 0, degrees: 0, greyed: 0, covered: 0 };

/** Apply changes; what comes in at an edge has the value of black. */
export function changed(tensor: Tensor, changes: Changes, [low, high]: [number, number]): Tensor {
  const [height, width, channels] = tensor.shape as [number, number, number];
  const data = new Float32Array(tensor.data.length);
  const edge = backgroundOf(tensor, low);
  const [sine, cosine] = [Math.sin((changes.degrees * Math.PI) / 180), Math.cos((changes.degrees * Math.PI) / 180)];
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
  const middle = (low + high) / 2;
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const [x, y] = [column - middleX - changes.across, row - middleY - changes.down];
      const from: [number, number] = [cosine * x + sine * y + middleX, -sine * x + cosine * y + middleY];
      const covered =
        Math.abs(column - middleX) < (changes.covered * width) / 2 &&
        Math.abs(row - middleY) < (changes.covered * height) / 2;
      for (let part = 0; part < channels; part += 1) {
        const value = covered ? middle : sample(tensor, from, part, edge);
        data[(row * width + column) * channels + part] = value;
      }
    }
  }
  if (changes.greyed > 0) takeColour(data, channels, changes.greyed);
  return { shape: tensor.shape, data };
}

/** The most usual corner's value: what a picture stands on. */
function backgroundOf(tensor: Tensor, low: number): number {
  const [height, width, channels] = tensor.shape as [number, number, number];
  if (channels === 3) return low;
  const corners = [0, width - 1, (height - 1) * width, height * width - 1].map((place) => tensor.data[place]!);
  return corners.sort((one, other) => one - other)[1]!;
}

function sample(tensor: Tensor, [x, y]: [number, number], part: number, edge: number): number {
  const [height, width, channels] = tensor.shape as [number, number, number];
  const [left, top] = [Math.floor(x + 1e-6), Math.floor(y + 1e-6)];
  const [right, below] = [Math.max(0, x - left), Math.max(0, y - top)];
  const at = (row: number, column: number) =>
    row < 0 || column < 0 || row >= height || column >= width
      ? edge
      : tensor.data[(row * width + column) * channels + part]!;
  // Whole shifts keep every value as it is.
  if (right < 1e-5 && below < 1e-5) return at(top, left);
  const upper = at(top, left) * (1 - right) + at(top, left + 1) * right;
  const lower = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right;
  return upper * (1 - below) + lower * below;
}

function takeColour(data: Float32Array, channels: number, part: number): void {
  if (channels === 1) {
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    for (let index = 0; index < data.length; index += 1) data[index] = data[index]! * (1 - part) + mean * part;
    return;
  }
  for (let index = 0; index < data.length; index += 3) {
    const luma = 0.299 * data[index]! + 0.587 * data[index + 1]! + 0.114 * data[index + 2]!;
    for (let colour = 0; colour < 3; colour += 1) {
      data[index + colour] = data[index + colour]! * (1 - part) + luma * part;
    }
  }
}
