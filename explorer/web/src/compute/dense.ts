/** Dense: the same sums at every place of all axes but the last. */

import type { Answer, Call, Kernel } from "./kernel";
import { inWeightOrder, weightNamed } from "./kernel";
import { addOuterProducts, rowProducts, transposed } from "./matrices";
import { zeros } from "./tensor";

export const dense: Kernel = {
  forward(call: Call): Answer {
    const [inner, units] = call.layer.weights[0].shape;
    const input = call.inputs[0];
    const kernel = weightNamed(call, "kernel")!;
    const bias = weightNamed(call, "bias");
    const places = input.data.length / inner;
    const output = zeros([...input.shape.slice(0, -1), units]);
    if (places > 1) {
      const columns = transposed(kernel, inner, units);
      rowProducts(input.data, 0, places, columns, units, inner, output.data, 0, units, bias);
      return { output };
    }
    // One row: reading the kernel as it lies is faster than turning it first.
    const sums = new Float64Array(units);
    for (let k = 0; k < inner; k++) {
      const x = input.data[k];
      if (x === 0) continue;
      const at = k * units;
      for (let n = 0; n < units; n++) sums[n] += x * kernel[at + n];
    }
    for (let n = 0; n < units; n++) output.data[n] = sums[n] + (bias === null ? 0 : bias[n]);
    return { output };
  },
  backward(call, _, gradient) {
    const [inner, units] = call.layer.weights[0].shape;
    const input = call.inputs[0];
    const kernel = weightNamed(call, "kernel")!;
    const places = input.data.length / inner;
    const ofInput = new Float32Array(input.data.length);
    const ofKernel = new Float32Array(kernel.length);
    const bias = new Float32Array(units);
    rowProducts(gradient, 0, places, kernel, inner, units, ofInput, 0, inner, null);
    addOuterProducts(ofKernel, input.data, inner, gradient, units, places);
    for (let n = 0; n < gradient.length; n++) bias[n % units] += gradient[n];
    return { inputs: [ofInput], weights: inWeightOrder(call.layer, { kernel: ofKernel, bias }) };
  },
};
