/** Functions along axes: sums, means and extremes of keras.ops, and softmax of any axis. */

import type { Call, Kernel } from "./kernel";
import { setting } from "./kernel";
import { softmax, softmaxGradient } from "./softmax";
import { positions, sizeOf, stridesOf } from "./tensor";

/** For each input value the place in the output that it goes into. */
function targets({ layer, inputs: [input] }: Call): Int32Array {
  const axes = setting<number[]>(layer, "axes");
  const kept = input.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  return positions(input.shape, strides);
}

/** `function` is "sum", "mean", "max" or "min". */
export const reduction: Kernel = {
  forward(call) {
    const { layer, inputs: [input] } = call;
    const name = setting<string>(layer, "function");
    const to = targets(call);
    const size = sizeOf(layer.shape);
    const first = { sum: 0, mean: 0, max: -Infinity, min: Infinity }[name];
    if (first === undefined) throw new Error(`Unknown function "${name}".`);
    const found = new Float64Array(size).fill(first);
    for (let n = 0; n < to.length; n++) {
      const at = to[n];
      const value = input.data[n];
      if (name === "max") found[at] = Math.max(found[at], value);
      else if (name === "min") found[at] = Math.min(found[at], value);
      else found[at] += value;
    }
    const share = name === "mean" ? size / input.data.length : 1;
    return { output: { shape: layer.shape, data: Float32Array.from(found, (x) => x * share) } };
  },
  backward(call, { output }, gradient) {
    const { layer, inputs: [input] } = call;
    const name = setting<string>(layer, "function");
    const to = targets(call);
    const ofInput = new Float32Array(input.data.length);
    const share = name === "mean" ? gradient.length / input.data.length : 1;
    if (name === "sum" || name === "mean") {
      for (let n = 0; n < to.length; n++) ofInput[n] = gradient[to[n]] * share;
      return { inputs: [ofInput], weights: [] };
    }
    const equals = new Float32Array(gradient.length);
    const won = (n: number) => input.data[n] === output.data[to[n]];
    for (let n = 0; n < to.length; n++) if (won(n)) equals[to[n]] += 1;
    for (let n = 0; n < to.length; n++) if (won(n)) ofInput[n] = gradient[to[n]] / equals[to[n]];
    return { inputs: [ofInput], weights: [] };
  },
};

export const softmaxLayer: Kernel = {
  forward({ layer, inputs: [input] }) {
    const axis = setting<number>(layer, "axis");
    return { output: { shape: input.shape, data: softmax(input.data, input.shape, axis) } };
  },
  backward({ layer, inputs: [input] }, { output }, gradient) {
    const axis = setting<number>(layer, "axis");
    return { inputs: [softmaxGradient(output.data, gradient, input.shape, axis)], weights: [] };
  },
};
