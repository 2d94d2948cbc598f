/** Layers that only move values: shapes, axes, borders, slices, enlarging. */

import type { Tensor } from "../engine";
import type { Call, Kernel } from "./kernel";
import { setting } from "./kernel";
import { positions, sizeOf, stridesOf } from "./tensor";

/** A layer by the place that each output value is copied from. */
function copying(sources: (call: Call) => Int32Array): Kernel {
  return {
    forward(call) {
      const { data } = call.inputs[0];
      const from = sources(call);
      const moved = new Float32Array(from.length);
      for (let n = 0; n < from.length; n++) moved[n] = data[from[n]];
      return { output: { shape: call.layer.shape, data: moved } };
    },
    backward(call, _, gradient) {
      const ofInput = new Float32Array(call.inputs[0].data.length);
      const from = sources(call);
      for (let n = 0; n < from.length; n++) ofInput[from[n]] += gradient[n];
      return { inputs: [ofInput], weights: [] };
    },
  };
}

/** Flatten, Reshape, and all that changes nothing in use, such as Dropout. */
export const sameValues: Kernel = {
  forward({ layer, inputs: [input] }) {
    return { output: { shape: layer.shape, data: input.data } };
  },
  backward(_, __, gradient) {
    return { inputs: [gradient], weights: [] };
  },
};

/** `axes`: which axis of the input each axis of the output is. */
export const permutation = copying(({ layer, inputs: [input] }) => {
  const strides = stridesOf(input.shape);
  return positions(
    layer.shape, setting<number[]>(layer, "axes").map((axis) => strides[axis]),
  );
});

/** An index such as `maps[..., ::-1]`: `slices` has first position, step and count of each axis. */
export const slicing = copying(({ layer, inputs: [input] }) => {
  const strides = stridesOf(input.shape);
  const slices = setting<[number, number, number][]>(layer, "slices");
  const start = slices.reduce((sum, [first], axis) => sum + first * strides[axis], 0);
  return positions(
    slices.map(([, , count]) => count), slices.map(([, step], axis) => step * strides[axis]), start,
  );
});

/** Visit each row of a picture that lies within its border: where it begins in both, and its length. */
function eachRow(
  { layer, inputs: [input] }: Call, visit: (from: number, to: number, length: number) => void,
): void {
  const [top, left] = setting<number[]>(layer, "before");
  const [height, width, channels] = input.shape;
  const [outHeight, outWidth] = layer.shape;
  const first = Math.max(left, 0);
  const length = (Math.min(left + width, outWidth) - first) * channels;
  for (let y = Math.max(top, 0); y < Math.min(top + height, outHeight); y++) {
    const from = ((y - top) * width + first - left) * channels;
    visit(from, (y * outWidth + first) * channels, length);
  }
}

/** ZeroPadding2D and Cropping2D: `before`, the zeros before each axis, negative where it is cut. */
export const border: Kernel = {
  forward(call) {
    const data = new Float32Array(sizeOf(call.layer.shape));
    eachRow(call, (from, to, length) => {
      data.set(call.inputs[0].data.subarray(from, from + length), to);
    });
    return { output: { shape: call.layer.shape, data } };
  },
  backward(call, _, gradient) {
    const ofInput = new Float32Array(call.inputs[0].data.length);
    eachRow(call, (from, to, length) => {
      ofInput.set(gradient.subarray(to, to + length), from);
    });
    return { inputs: [ofInput], weights: [] };
  },
};

/** UpSampling2D of "nearest": every value `size` times. */
export const enlargement = copying(({ layer, inputs: [input] }) => {
  const [rows, columns] = setting<[number, number]>(layer, "size");
  const [, width, channels] = input.shape;
  const places = new Int32Array(sizeOf(layer.shape));
  for (let n = 0; n < places.length; n++) {
    const place = Math.floor(n / channels);
    const y = Math.floor(Math.floor(place / layer.shape[1]) / rows);
    const x = Math.floor((place % layer.shape[1]) / columns);
    places[n] = (y * width + x) * channels + (n % channels);
  }
  return places;
});

interface Corner {
  from: number;
  to: number;
  share: number;
}

/** The four values of which a bilinear one is the mean, weighed by nearness to its middle. */
function corners(at: number, size: number, factor: number): [number, number, number] {
  const place = Math.min(Math.max((at + 0.5) / factor - 0.5, 0), size - 1);
  const low = Math.floor(place);
  return [low, Math.min(low + 1, size - 1), place - low];
}

function eachCorner({ layer, inputs: [input] }: Call, visit: (corner: Corner) => void): void {
  const [rows, columns] = setting<[number, number]>(layer, "size");
  const [height, width, channels] = input.shape;
  const [outHeight, outWidth] = layer.shape;
  for (let y = 0, to = 0; y < outHeight; y++) {
    const [top, bottom, down] = corners(y, height, rows);
    for (let x = 0; x < outWidth; x++) {
      const [left, right, across] = corners(x, width, columns);
      for (let c = 0; c < channels; c++, to++) {
        const at = (row: number, column: number) => (row * width + column) * channels + c;
        visit({ from: at(top, left), to, share: (1 - down) * (1 - across) });
        visit({ from: at(top, right), to, share: (1 - down) * across });
        visit({ from: at(bottom, left), to, share: down * (1 - across) });
        visit({ from: at(bottom, right), to, share: down * across });
      }
    }
  }
}

/** UpSampling2D of "bilinear". */
export const bilinearEnlargement: Kernel = {
  forward(call) {
    const output: Tensor = {
      shape: call.layer.shape,
      data: new Float32Array(sizeOf(call.layer.shape)),
    };
    eachCorner(call, ({ from, to, share }) => {
      output.data[to] += share * call.inputs[0].data[from];
    });
    return { output };
  },
  backward(call, _, gradient) {
    const ofInput = new Float32Array(call.inputs[0].data.length);
    eachCorner(call, ({ from, to, share }) => {
      ofInput[from] += share * gradient[to];
    });
    return { inputs: [ofInput], weights: [] };
  },
};
