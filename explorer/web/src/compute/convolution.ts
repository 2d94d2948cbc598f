/** Conv2D, with groups: every window of the input is a row, every filter a column. */

import type { Tensor } from "../engine";
import type { Layer } from "../network";
import { type Call, type Kernel, inWeightOrder, isTrainable, setting, weightNamed } from "./kernel";
import { addProducts, rowProducts, transposed } from "./matrices";
import { zeros } from "./tensor";
import { type Windows, windowsOf } from "./windows";

/** Windows that are laid out at once: enough to amortise, few enough for the cache. */
const TILE = 64;

export type Pair = [number, number];

export function layerWindows(layer: Layer, shape: readonly number[], kernel: Pair): Windows {
  return windowsOf(
    shape, kernel, setting<Pair>(layer, "strides"), setting<Pair>(layer, "dilation_rate"),
    setting<string>(layer, "padding"),
  );
}

/** Copy windows `first` to `last` of some channels into rows; what lies outside is 0. */
function layOut(
  input: Tensor, windows: Windows, channelStart: number, channels: number,
  first: number, last: number, rows: Float32Array,
): void {
  const { height, width, outWidth, kernel, strides, dilation, before } = windows;
  const all = input.shape[2];
  const { data } = input;
  let at = 0;
  for (let window = first; window < last; window++) {
    const top = Math.floor(window / outWidth) * strides[0] - before[0];
    const left = (window % outWidth) * strides[1] - before[1];
    for (let i = 0; i < kernel[0]; i++) {
      const y = top + i * dilation[0];
      for (let j = 0; j < kernel[1]; j++, at += channels) {
        const x = left + j * dilation[1];
        if (y < 0 || y >= height || x < 0 || x >= width) {
          rows.fill(0, at, at + channels);
          continue;
        }
        const from = (y * width + x) * all + channelStart;
        for (let c = 0; c < channels; c++) rows[at + c] = data[from + c];
      }
    }
  }
}

/** The way back: add rows of windows to the values that they were copied from. */
function addBack(
  gradient: Float32Array, all: number, windows: Windows, channelStart: number, channels: number,
  first: number, last: number, rows: Float32Array,
): void {
  const { height, width, outWidth, kernel, strides, dilation, before } = windows;
  let at = 0;
  for (let window = first; window < last; window++) {
    const top = Math.floor(window / outWidth) * strides[0] - before[0];
    const left = (window % outWidth) * strides[1] - before[1];
    for (let i = 0; i < kernel[0]; i++) {
      const y = top + i * dilation[0];
      for (let j = 0; j < kernel[1]; j++, at += channels) {
        const x = left + j * dilation[1];
        if (y < 0 || y >= height || x < 0 || x >= width) continue;
        const to = (y * width + x) * all + channelStart;
        for (let c = 0; c < channels; c++) gradient[to + c] += rows[at + c];
      }
    }
  }
}

interface Geometry {
  windows: Windows;
  /** Channels that each group reads. */
  channels: number;
  filters: number;
  groups: number;
  /** Values of one window in one group. */
  inner: number;
}

function geometry({ layer, inputs }: Call): Geometry {
  const [height, width, channels, filters] = layer.weights[0].shape;
  return {
    windows: layerWindows(layer, inputs[0].shape, [height, width]),
    channels,
    filters,
    groups: (layer.config.groups as number | undefined) ?? 1,
    inner: height * width * channels,
  };
}

/** The columns of a (rows, columns) matrix from `start` on, as a matrix of their own. */
function columnsOf(
  matrix: Float32Array, columns: number, start: number, count: number,
): Float32Array {
  if (count === columns) return matrix;
  const rows = matrix.length / columns;
  const result = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) {
    const from = row * columns + start;
    result.set(matrix.subarray(from, from + count), row * count);
  }
  return result;
}

/** Whether windows are single places of the input, so that it is the matrix of rows already. */
function isPointwise({ windows, groups }: Geometry): boolean {
  const { kernel, strides } = windows;
  return groups === 1 && [...kernel, ...strides].every((size) => size === 1);
}

function forward(call: Call): { output: Tensor } {
  const shape = geometry(call);
  const { windows, channels, filters, groups, inner } = shape;
  const input = call.inputs[0];
  const kernel = weightNamed(call, "kernel")!;
  const bias = weightNamed(call, "bias");
  const places = windows.outHeight * windows.outWidth;
  const output = zeros([windows.outHeight, windows.outWidth, filters]);
  const perGroup = filters / groups;
  const rows = isPointwise(shape) ? input.data : new Float32Array(TILE * inner);
  for (let group = 0; group < groups; group++) {
    const start = group * perGroup;
    const own = columnsOf(kernel, filters, start, perGroup);
    const columns = transposed(own, inner, perGroup);
    const offsets = bias === null ? null : bias.subarray(start, start + perGroup);
    for (let first = 0; first < places; first += TILE) {
      const last = Math.min(first + TILE, places);
      let rowStart = first * inner;
      if (rows !== input.data) {
        layOut(input, windows, group * channels, channels, first, last, rows);
        rowStart = 0;
      }
      rowProducts(
        rows, rowStart, last - first, columns, perGroup, inner,
        output.data, first * filters + start, filters, offsets,
      );
    }
  }
  return { output };
}

function backward(call: Call, _: unknown, gradient: Float32Array) {
  const { windows, channels, filters, groups, inner } = geometry(call);
  const input = call.inputs[0];
  const kernel = weightNamed(call, "kernel")!;
  const places = windows.outHeight * windows.outWidth;
  const perGroup = filters / groups;
  const ofInput = new Float32Array(input.data.length);
  const ofKernel = new Float32Array(kernel.length);
  const ofBias = new Float32Array(filters);
  const rows = new Float32Array(TILE * inner);
  for (let group = 0; group < groups; group++) {
    const start = group * perGroup;
    const own = columnsOf(kernel, filters, start, perGroup);
    const ownGradient = new Float32Array(own.length);
    const firstChannel = group * channels;
    for (let first = 0; first < places; first += TILE) {
      const last = Math.min(first + TILE, places);
      const tile = columnsOf(
        gradient.subarray(first * filters, last * filters), filters, start, perGroup,
      );
      if (isTrainable(call.layer)) {
        layOut(input, windows, firstChannel, channels, first, last, rows);
        addProducts(ownGradient, rows, inner, tile, perGroup, last - first);
      }
      rowProducts(tile, 0, last - first, own, inner, perGroup, rows, 0, inner, null);
      addBack(ofInput, input.shape[2], windows, firstChannel, channels, first, last, rows);
    }
    for (let row = 0; row < inner; row++) {
      ofKernel.set(
        ownGradient.subarray(row * perGroup, (row + 1) * perGroup), row * filters + start,
      );
    }
  }
  for (let n = 0; n < gradient.length; n++) ofBias[n % filters] += gradient[n];
  return {
    inputs: [ofInput],
    weights: inWeightOrder(call.layer, { kernel: ofKernel, bias: ofBias }),
  };
}

export const convolution: Kernel = { forward, backward };
