/** Layers that treat each channel in its own way, or with its neighbours. */

import type { Kernel } from "./kernel";
import { inWeightOrder, setting } from "./kernel";
import { broadcastStrides, positions } from "./tensor";

/** PReLU: a learnt slope below 0, shared along the axes in which `alpha` has size 1. */
export const parametricRelu: Kernel = {
  forward({ layer, inputs: [input], weights: [alpha] }) {
    const at = positions(input.shape, broadcastStrides(layer.weights[0].shape, input.shape));
    const data = input.data.map((x, n) => (x > 0 ? x : alpha[at[n]] * x));
    return { output: { shape: input.shape, data } };
  },
  backward({ layer, inputs: [input], weights: [alpha] }, _, gradient) {
    const at = positions(input.shape, broadcastStrides(layer.weights[0].shape, input.shape));
    const ofAlpha = new Float32Array(alpha.length);
    const ofInput = gradient.map((value, n) => {
      if (input.data[n] > 0) return value;
      ofAlpha[at[n]] += value * input.data[n];
      return value * alpha[at[n]];
    });
    return { inputs: [ofInput], weights: inWeightOrder(layer, { [layer.weights[0].name]: ofAlpha }) };
  },
};

interface Response {
  size: number;
  alpha: number;
  beta: number;
  k: number;
}

/** k + alpha * the sum of squares over `size` neighbouring maps, for each value. */
function responses(data: Float32Array, channels: number, { size, alpha, k }: Response) {
  const found = new Float64Array(data.length);
  const reach = Math.floor(size / 2);
  for (let n = 0; n < data.length; n++) {
    const c = n % channels;
    let sum = 0;
    for (let other = c - reach; other < c - reach + size; other++) {
      if (other >= 0 && other < channels) sum += data[n - c + other] ** 2;
    }
    found[n] = k + alpha * sum;
  }
  return found;
}

/** Krizhevsky et al. 2012, section 3.3: every value divided by the energy of its neighbours. */
export const responseNormalization: Kernel = {
  forward({ layer, inputs: [input] }) {
    const options = setting<Response>(layer, "response");
    const found = responses(input.data, input.shape[2], options);
    const data = input.data.map((x, n) => x / found[n] ** options.beta);
    return { output: { shape: input.shape, data } };
  },
  backward({ layer, inputs: [{ data, shape }] }, _, gradient) {
    const options = setting<Response>(layer, "response");
    const { size, alpha, beta } = options;
    const channels = shape[2];
    const found = responses(data, channels, options);
    const reach = Math.floor(size / 2);
    const ofInput = new Float32Array(data.length);
    for (let n = 0; n < data.length; n++) {
      const c = n % channels;
      ofInput[n] += gradient[n] / found[n] ** beta;
      const shared = 2 * alpha * beta * gradient[n] * data[n] * found[n] ** (-beta - 1);
      for (let other = c - reach; other < c - reach + size; other++) {
        if (other < 0 || other >= channels) continue;
        ofInput[n - c + other] -= shared * data[n - c + other];
      }
    }
    return { inputs: [ofInput], weights: [] };
  },
};
