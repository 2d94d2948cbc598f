/** Where the weights of one filter lie in a layer's kernel. */

import type { Tensor } from "../../engine";
import type { Layer } from "../../network";

export interface Filter {
  height: number;
  width: number;
  /** Maps of the input that the filter reads. */
  channels: number[];
  /** Position in the kernel's array of a weight for the n-th of those maps. */
  index(row: number, column: number, n: number): number;
}

/** The filter behind one map of a Conv2D or DepthwiseConv2D layer. */
export function filterOf(layer: Layer, kernel: Tensor, map: number, mapsBefore: number): Filter {
  const [height, width, inside, last] = kernel.shape as [number, number, number, number];
  if (layer.kind === "DepthwiseConv2D") {
    const channel = Math.floor(map / last);
    return {
      height, width, channels: [channel],
      index: (row, column) => ((row * width + column) * inside + channel) * last + (map % last),
    };
  }
  const groups = Math.max(1, Math.round(mapsBefore / inside));
  const first = Math.floor(map / (last / groups)) * inside;
  return {
    height, width,
    channels: Array.from({ length: inside }, (_, n) => first + n),
    index: (row, column, n) => ((row * width + column) * inside + n) * last + map,
  };
}

/** One slice of a filter, row by row. */
export function slice(filter: Filter, data: ArrayLike<number>, n: number): number[] {
  return Array.from({ length: filter.height * filter.width }, (_, place) => data[filter.index(Math.floor(place / filter.width), place % filter.width, n)]!);
}

/** Every position of a filter in the kernel's array. */
export function positions(filter: Filter): number[] {
  const found: number[] = [];
  for (let n = 0; n < filter.channels.length; n += 1) {
    for (let place = 0; place < filter.height * filter.width; place += 1) {
      found.push(filter.index(Math.floor(place / filter.width), place % filter.width, n));
    }
  }
  return found;
}

/** Well-known kernels, at any size. */
export const PATTERNS: [string, (row: number, column: number, height: number, width: number) => number][] = [
  ["Vertical edge", (_row, column, height, width) => Math.sign(column - (width - 1) / 2) / (height * Math.max(1, width >> 1))],
  ["Horizontal edge", (row, _column, height, width) => Math.sign(row - (height - 1) / 2) / (width * Math.max(1, height >> 1))],
  ["Sharpen", (row, column, height, width) => {
    const centre = row === height >> 1 && column === width >> 1;
    return (centre ? 2 : 0) - 1 / (height * width);
  }],
  ["Blur", (_row, _column, height, width) => 1 / (height * width)],
];
