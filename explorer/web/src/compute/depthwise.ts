/** DepthwiseConv2D, and SeparableConv2D, which is one followed by a 1 x 1 convolution. */

import type { Layer } from "../network";
import type { Tensor } from "../engine";
import { convolution, layerWindows } from "./convolution";
import { type Answer, type Call, type Kernel, inWeightOrder, weightNamed } from "./kernel";
import { zeros } from "./tensor";
import { eachCell } from "./windows";

type Size = [number, number, number, number];

/** Each channel with its own `multiplier` windows; kernel of (height, width, channel, multiplier). */
function depthwiseOf(layer: Layer, input: Tensor, kernel: Float32Array, size: Size): Tensor {
  const [height, width, channels, multiplier] = size;
  const windows = layerWindows(layer, input.shape, [height, width]);
  const filters = channels * multiplier;
  const output = zeros([windows.outHeight, windows.outWidth, filters]);
  const { data } = output;
  const values = input.data;
  // Where the cells of one window lie that are inside the input, in values and kernel.
  const from = new Int32Array(height * width);
  const weights = new Int32Array(height * width);
  for (let row = 0, at = 0; row < windows.outHeight; row++) {
    for (let column = 0; column < windows.outWidth; column++, at += filters) {
      let cells = 0;
      eachCell(windows, row, column, (y, x, cell) => {
        from[cells] = (y * windows.width + x) * channels;
        weights[cells++] = cell * filters;
      });
      let f = 0;
      // Four channels at once share the look-up of where a cell lies.
      for (; multiplier === 1 && f + 3 < filters; f += 4) {
        let a = 0, b = 0, c = 0, d = 0;
        for (let n = 0; n < cells; n++) {
          const x = from[n] + f;
          const w = weights[n] + f;
          a += values[x] * kernel[w];
          b += values[x + 1] * kernel[w + 1];
          c += values[x + 2] * kernel[w + 2];
          d += values[x + 3] * kernel[w + 3];
        }
        data[at + f] = a;
        data[at + f + 1] = b;
        data[at + f + 2] = c;
        data[at + f + 3] = d;
      }
      for (; f < filters; f++) {
        const channel = multiplier === 1 ? f : Math.floor(f / multiplier);
        let sum = 0;
        for (let n = 0; n < cells; n++) sum += values[from[n] + channel] * kernel[weights[n] + f];
        data[at + f] = sum;
      }
    }
  }
  return output;
}

function depthwiseGradients(
  layer: Layer, input: Tensor, kernel: Float32Array, size: Size, gradient: Float32Array,
): { input: Float32Array; kernel: Float32Array } {
  const [height, width, channels, multiplier] = size;
  const windows = layerWindows(layer, input.shape, [height, width]);
  const filters = channels * multiplier;
  const ofInput = new Float32Array(input.data.length);
  const ofKernel = new Float32Array(kernel.length);
  for (let row = 0, at = 0; row < windows.outHeight; row++) {
    for (let column = 0; column < windows.outWidth; column++, at += filters) {
      eachCell(windows, row, column, (y, x, cell) => {
        const from = (y * windows.width + x) * channels;
        const weights = cell * filters;
        // The inner loop has no division and no branch: it is what takes the time.
        for (let copy = 0; copy < multiplier; copy++) {
          for (let c = 0, f = copy; c < channels; c++, f += multiplier) {
            const slope = gradient[at + f];
            ofInput[from + c] += slope * kernel[weights + f];
            ofKernel[weights + f] += slope * input.data[from + c];
          }
        }
      });
    }
  }
  return { input: ofInput, kernel: ofKernel };
}

function addBias(output: Tensor, bias: Float32Array | null): void {
  if (bias === null) return;
  for (let n = 0; n < output.data.length; n++) output.data[n] += bias[n % bias.length];
}

export const depthwiseConvolution: Kernel = {
  forward(call: Call): Answer {
    const size = call.layer.weights[0].shape as Size;
    const output = depthwiseOf(call.layer, call.inputs[0], weightNamed(call, "kernel")!, size);
    addBias(output, weightNamed(call, "bias"));
    return { output };
  },
  backward(call, _, gradient) {
    const size = call.layer.weights[0].shape as Size;
    const kernel = weightNamed(call, "kernel")!;
    const found = depthwiseGradients(call.layer, call.inputs[0], kernel, size, gradient);
    const bias = new Float32Array(size[2] * size[3]);
    for (let n = 0; n < gradient.length; n++) bias[n % bias.length] += gradient[n];
    return {
      inputs: [found.input],
      weights: inWeightOrder(call.layer, { kernel: found.kernel, bias }),
    };
  },
};

/** The second half of a separable convolution as a call of its own. */
function pointwiseCall(call: Call, between: Tensor): Call {
  const { layer } = call;
  const kept = layer.weights.map((weight, index) => ({ weight, index })).slice(1);
  return {
    layer: {
      ...layer,
      config: { ...layer.config, strides: [1, 1], dilation_rate: [1, 1], padding: "valid" },
      weights: kept.map(({ weight }) => ({
        ...weight,
        name: weight.name === "pointwise_kernel" ? "kernel" : weight.name,
      })),
    },
    inputs: [between],
    weights: kept.map(({ index }) => call.weights[index]),
  };
}

export const separableConvolution: Kernel = {
  forward(call: Call): Answer {
    const size = call.layer.weights[0].shape as Size;
    const between = depthwiseOf(call.layer, call.inputs[0], call.weights[0], size);
    return convolution.forward(pointwiseCall(call, between));
  },
  backward(call, answer, gradient) {
    const size = call.layer.weights[0].shape as Size;
    const between = depthwiseOf(call.layer, call.inputs[0], call.weights[0], size);
    const second = convolution.backward(pointwiseCall(call, between), answer, gradient);
    const first = depthwiseGradients(
      call.layer, call.inputs[0], call.weights[0], size, second.inputs[0],
    );
    return { inputs: [first.input], weights: [first.kernel, ...second.weights] };
  },
};
