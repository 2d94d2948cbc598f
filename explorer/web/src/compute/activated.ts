/** A layer with an activation of its own, such as Conv2D(activation="relu"). */

import type { Tensor } from "../engine";
import type { Layer } from "../network";
import { type Constants, scalarNamed } from "./activations";
import type { Answer, Call, CallGradients, Kernel } from "./kernel";
import { softmax, softmaxGradient } from "./softmax";

/** "softmax" and "log_softmax" go along the last axis; all others go value by value. */
const ALONG_LAST_AXIS = ["softmax", "log_softmax"];

/** The largest value of a plain ReLU; null for any other function. */
function ceilingOfRelu(name: string, constants: Constants): number | null {
  if (name === "relu") return Infinity;
  if (name === "relu6") return 6;
  const isPlain = name === "general_relu" && !constants.negative_slope && !constants.threshold;
  return isPlain ? (constants.max_value ?? Infinity) : null;
}

export function activate(linear: Tensor, name: string, constants: Constants = {}): Tensor {
  const { shape, data } = linear;
  if (ALONG_LAST_AXIS.includes(name)) {
    return { shape, data: softmax(data, shape, shape.length - 1, name === "log_softmax") };
  }
  const result = new Float32Array(data.length);
  const most = ceilingOfRelu(name, constants);
  if (most !== null) {
    // Most values of most networks go through here; a function for each would take longer.
    for (let n = 0; n < data.length; n++) result[n] = Math.min(Math.max(data[n], 0), most);
    return { shape, data: result };
  }
  const { value } = scalarNamed(name, constants);
  for (let n = 0; n < data.length; n++) result[n] = value(data[n]);
  return { shape, data: result };
}

export function activationGradient(
  linear: Tensor, output: Tensor, gradient: Float32Array, name: string, constants: Constants = {},
): Float32Array {
  const { shape } = output;
  if (ALONG_LAST_AXIS.includes(name)) {
    const logarithm = name === "log_softmax";
    return softmaxGradient(output.data, gradient, shape, shape.length - 1, logarithm);
  }
  const { slope } = scalarNamed(name, constants);
  const result = new Float32Array(gradient.length);
  for (let n = 0; n < gradient.length; n++) {
    result[n] = gradient[n] * slope(linear.data[n], output.data[n]);
  }
  return result;
}

const activationOf = (layer: Layer) => (layer.config.activation as string | undefined) ?? "linear";

/** Put the layer's own activation behind a kernel that computes the linear part. */
export function activated(kernel: Kernel): Kernel {
  return {
    forward(call: Call): Answer {
      const linear = kernel.forward(call).output;
      const name = activationOf(call.layer);
      if (name === "linear") return { output: linear };
      return { output: activate(linear, name), linear };
    },
    backward(call: Call, answer: Answer, gradient: Float32Array): CallGradients {
      const name = activationOf(call.layer);
      if (name === "linear") return kernel.backward(call, answer, gradient);
      const linear = answer.linear!;
      const inner = activationGradient(linear, answer.output, gradient, name);
      return kernel.backward(call, { output: linear }, inner);
    },
  };
}

/** Activation, ReLU, ELU, ... and functions of keras.ops of one number: `function`, `constants`. */
export const activationLayer: Kernel = {
  forward({ layer, inputs }) {
    const constants = (layer.config.constants ?? {}) as Constants;
    return { output: activate(inputs[0], layer.config.function as string, constants) };
  },
  backward({ layer, inputs }, { output }, gradient) {
    const constants = (layer.config.constants ?? {}) as Constants;
    const name = layer.config.function as string;
    return {
      inputs: [activationGradient(inputs[0], output, gradient, name, constants)],
      weights: [],
    };
  },
};
