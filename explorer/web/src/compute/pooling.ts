/** Poolings by windows and over all places. */

import type { Kernel } from "./kernel";
import { setting } from "./kernel";
import { sizeOf, zeros } from "./tensor";
import type { Tensor } from "../engine";
import type { Layer } from "../network";
import { type Windows, eachCell, windowsOf } from "./windows";

type Pair = [number, number];

function poolWindows(layer: Layer, input: Tensor): Windows {
  return windowsOf(
    input.shape, setting<Pair>(layer, "pool_size"), setting<Pair>(layer, "strides"), [1, 1],
    setting<string>(layer, "padding"),
  );
}

/** For each output value the position of the input that won; the first of equals, as in Keras. */
function winners(input: Tensor, windows: Windows): Int32Array {
  const channels = input.shape[2];
  const { data } = input;
  const found = new Int32Array(windows.outHeight * windows.outWidth * channels).fill(-1);
  for (let row = 0, at = 0; row < windows.outHeight; row++) {
    for (let column = 0; column < windows.outWidth; column++, at += channels) {
      eachCell(windows, row, column, (y, x) => {
        const from = (y * windows.width + x) * channels;
        for (let c = 0; c < channels; c++) {
          const best = found[at + c];
          if (best < 0 || data[from + c] > data[best]) found[at + c] = from + c;
        }
      });
    }
  }
  return found;
}

export const maxPooling: Kernel = {
  forward({ layer, inputs: [input] }) {
    const windows = poolWindows(layer, input);
    const output = zeros([windows.outHeight, windows.outWidth, input.shape[2]]);
    winners(input, windows).forEach((from, at) => {
      output.data[at] = input.data[from];
    });
    return { output };
  },
  backward({ layer, inputs: [input] }, _, gradient) {
    const ofInput = new Float32Array(input.data.length);
    winners(input, poolWindows(layer, input)).forEach((from, at) => {
      ofInput[from] += gradient[at];
    });
    return { inputs: [ofInput], weights: [] };
  },
};

/** Cells inside the input, which alone count in a mean at the border. */
function cellsInside(windows: Windows, row: number, column: number): number {
  let count = 0;
  eachCell(windows, row, column, () => count++);
  return count;
}

export const averagePooling: Kernel = {
  forward({ layer, inputs: [input] }) {
    const windows = poolWindows(layer, input);
    const channels = input.shape[2];
    const output = zeros([windows.outHeight, windows.outWidth, channels]);
    for (let row = 0, at = 0; row < windows.outHeight; row++) {
      for (let column = 0; column < windows.outWidth; column++, at += channels) {
        eachCell(windows, row, column, (y, x) => {
          const from = (y * windows.width + x) * channels;
          for (let c = 0; c < channels; c++) output.data[at + c] += input.data[from + c];
        });
        const count = cellsInside(windows, row, column);
        for (let c = 0; c < channels; c++) output.data[at + c] /= count;
      }
    }
    return { output };
  },
  backward({ layer, inputs: [input] }, _, gradient) {
    const windows = poolWindows(layer, input);
    const channels = input.shape[2];
    const ofInput = new Float32Array(input.data.length);
    for (let row = 0, at = 0; row < windows.outHeight; row++) {
      for (let column = 0; column < windows.outWidth; column++, at += channels) {
        const count = cellsInside(windows, row, column);
        eachCell(windows, row, column, (y, x) => {
          const to = (y * windows.width + x) * channels;
          for (let c = 0; c < channels; c++) ofInput[to + c] += gradient[at + c] / count;
        });
      }
    }
    return { inputs: [ofInput], weights: [] };
  },
};

export const globalAveragePooling: Kernel = {
  forward({ layer, inputs: [input] }) {
    const channels = input.shape[input.shape.length - 1];
    const places = input.data.length / channels;
    const sums = new Float64Array(channels);
    for (let n = 0; n < input.data.length; n++) sums[n % channels] += input.data[n];
    const data = Float32Array.from(sums, (sum) => sum / places);
    return { output: { shape: layer.shape, data } };
  },
  backward({ inputs: [input] }, _, gradient) {
    const places = input.data.length / gradient.length;
    const ofInput = new Float32Array(input.data.length);
    for (let n = 0; n < ofInput.length; n++) ofInput[n] = gradient[n % gradient.length] / places;
    return { inputs: [ofInput], weights: [] };
  },
};

export const globalMaxPooling: Kernel = {
  forward({ layer, inputs: [input] }) {
    const channels = sizeOf(layer.shape);
    const data = new Float32Array(channels).fill(-Infinity);
    for (let n = 0; n < input.data.length; n++) {
      data[n % channels] = Math.max(data[n % channels], input.data[n]);
    }
    return { output: { shape: layer.shape, data } };
  },
  backward({ inputs: [input] }, { output }, gradient) {
    // Equals share the gradient, as in TensorFlow's and JAX' maximum over an axis.
    const channels = gradient.length;
    const equals = new Float32Array(channels);
    const ofInput = new Float32Array(input.data.length);
    const won = (n: number) => input.data[n] === output.data[n % channels];
    for (let n = 0; n < ofInput.length; n++) if (won(n)) equals[n % channels] += 1;
    for (let n = 0; n < ofInput.length; n++) {
      if (won(n)) ofInput[n] = gradient[n % channels] / equals[n % channels];
    }
    return { inputs: [ofInput], weights: [] };
  },
};
