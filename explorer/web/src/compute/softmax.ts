/** Softmax and its logarithm along one axis. */

import { aroundAxis } from "./tensor";

/** Raw scores to probabilities, or to their logarithms. */
export function softmax(
  data: Float32Array, shape: readonly number[], axis: number, logarithm = false,
): Float32Array {
  const [outer, size, inner] = aroundAxis(shape, axis);
  const result = new Float32Array(data.length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const first = o * size * inner + i;
      let largest = -Infinity;
      for (let n = 0; n < size; n++) largest = Math.max(largest, data[first + n * inner]);
      let sum = 0;
      for (let n = 0; n < size; n++) sum += Math.exp(data[first + n * inner] - largest);
      for (let n = 0; n < size; n++) {
        const shifted = data[first + n * inner] - largest;
        result[first + n * inner] = logarithm
          ? shifted - Math.log(sum)
          : Math.exp(shifted) / sum;
      }
    }
  }
  return result;
}

export function softmaxGradient(
  output: Float32Array, gradient: Float32Array, shape: readonly number[], axis: number,
  logarithm = false,
): Float32Array {
  const [outer, size, inner] = aroundAxis(shape, axis);
  const result = new Float32Array(output.length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const first = o * size * inner + i;
      let sum = 0;
      for (let n = 0; n < size; n++) {
        const at = first + n * inner;
        sum += logarithm ? gradient[at] : gradient[at] * output[at];
      }
      for (let n = 0; n < size; n++) {
        const at = first + n * inner;
        result[at] = logarithm
          ? gradient[at] - Math.exp(output[at]) * sum
          : output[at] * (gradient[at] - sum);
      }
    }
  }
  return result;
}
