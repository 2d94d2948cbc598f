/** Layers that scale and shift by channel, and those that normalise. */

import type { Tensor } from "../engine";
import type { Call, Kernel } from "./kernel";
import { inWeightOrder, setting, weightNamed } from "./kernel";
import { broadcastStrides, positions } from "./tensor";

interface Line {
  factor: Float32Array;
  offset: Float32Array;
}

/** gamma, beta, mean and variance as one factor and one offset for each channel. */
function batchLine(call: Call): Line & { deviation: Float32Array; mean: Float32Array } {
  const mean = weightNamed(call, "moving_mean")!;
  const variance = weightNamed(call, "moving_variance")!;
  const gamma = weightNamed(call, "gamma");
  const beta = weightNamed(call, "beta");
  const epsilon = setting<number>(call.layer, "epsilon");
  const deviation = variance.map((value) => Math.sqrt(value + epsilon));
  const factor = deviation.map((value, n) => (gamma === null ? 1 : gamma[n]) / value);
  const offset = mean.map((value, n) => (beta === null ? 0 : beta[n]) - value * factor[n]);
  return { factor, offset, deviation, mean };
}

/** As a trained network uses it: with its moving mean and variance. Channels are the last axis. */
export const batchNormalization: Kernel = {
  forward(call: Call) {
    const { factor, offset } = batchLine(call);
    const input = call.inputs[0];
    const channels = factor.length;
    const data = new Float32Array(input.data.length);
    for (let n = 0; n < data.length; n += channels) {
      for (let c = 0; c < channels; c++) data[n + c] = input.data[n + c] * factor[c] + offset[c];
    }
    return { output: { shape: input.shape, data } };
  },
  backward(call, _, gradient) {
    const { factor, deviation, mean } = batchLine(call);
    const values = call.inputs[0].data;
    const channels = factor.length;
    const ofInput = new Float32Array(gradient.length);
    const gamma = new Float32Array(channels);
    const beta = new Float32Array(channels);
    for (let n = 0; n < gradient.length; n++) {
      const c = n % channels;
      ofInput[n] = gradient[n] * factor[c];
      gamma[c] += (gradient[n] * (values[n] - mean[c])) / deviation[c];
      beta[c] += gradient[n];
    }
    return { inputs: [ofInput], weights: inWeightOrder(call.layer, { gamma, beta }) };
  },
};

/** Over the last axis: mean 0 and variance 1 at each place, then gamma and beta. */
export const layerNormalization: Kernel = {
  forward(call: Call) {
    const input = call.inputs[0];
    const size = input.shape[input.shape.length - 1];
    const gamma = weightNamed(call, "gamma");
    const beta = weightNamed(call, "beta");
    const data = new Float32Array(input.data.length);
    eachPlace(call, size, (at, mean, deviation) => {
      for (let c = 0; c < size; c++) {
        const value = (input.data[at + c] - mean) / deviation;
        data[at + c] = value * (gamma === null ? 1 : gamma[c]) + (beta === null ? 0 : beta[c]);
      }
    });
    return { output: { shape: input.shape, data } };
  },
  backward(call, _, gradient) {
    const input = call.inputs[0];
    const size = input.shape[input.shape.length - 1];
    const factor = weightNamed(call, "gamma");
    const ofInput = new Float32Array(gradient.length);
    const gamma = new Float32Array(size);
    const beta = new Float32Array(size);
    eachPlace(call, size, (at, mean, deviation) => {
      let sum = 0;
      let weighted = 0;
      for (let c = 0; c < size; c++) {
        const value = (input.data[at + c] - mean) / deviation;
        const inner = gradient[at + c] * (factor === null ? 1 : factor[c]);
        gamma[c] += gradient[at + c] * value;
        beta[c] += gradient[at + c];
        sum += inner;
        weighted += inner * value;
      }
      for (let c = 0; c < size; c++) {
        const value = (input.data[at + c] - mean) / deviation;
        const inner = gradient[at + c] * (factor === null ? 1 : factor[c]);
        ofInput[at + c] = (inner - sum / size - (value * weighted) / size) / deviation;
      }
    });
    return { inputs: [ofInput], weights: inWeightOrder(call.layer, { gamma, beta }) };
  },
};

function eachPlace(
  call: Call, size: number, visit: (at: number, mean: number, deviation: number) => void,
): void {
  const { data } = call.inputs[0];
  const epsilon = setting<number>(call.layer, "epsilon");
  for (let at = 0; at < data.length; at += size) {
    let sum = 0;
    for (let c = 0; c < size; c++) sum += data[at + c];
    const mean = sum / size;
    let squares = 0;
    for (let c = 0; c < size; c++) squares += (data[at + c] - mean) ** 2;
    visit(at, mean, Math.sqrt(squares / size + epsilon));
  }
}

/** An array in a layer's configuration. */
export interface Constant {
  shape: number[];
  values: number[];
}

/** Rescaling and Normalization: `factor` and `offset`, each repeated to the input's shape. */
function fixedLine(call: Call): { factor: (n: number) => number; offset: (n: number) => number } {
  const read = (name: string) => {
    const { shape, values } = setting<Constant>(call.layer, name);
    if (values.length === 1) return () => values[0];
    const own = positions(call.inputs[0].shape, broadcastStrides(shape, call.inputs[0].shape));
    return (n: number) => values[own[n]];
  };
  return { factor: read("factor"), offset: read("offset") };
}

export const fixedScaling: Kernel = {
  forward(call: Call) {
    const { factor, offset } = fixedLine(call);
    const input: Tensor = call.inputs[0];
    const data = new Float32Array(input.data.length);
    for (let n = 0; n < data.length; n++) data[n] = input.data[n] * factor(n) + offset(n);
    return { output: { shape: input.shape, data } };
  },
  backward(call, _, gradient) {
    const { factor } = fixedLine(call);
    return { inputs: [gradient.map((value, n) => value * factor(n))], weights: [] };
  },
};
