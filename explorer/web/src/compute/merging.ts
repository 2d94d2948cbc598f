/** Layers and functions that join several arrays value by value, repeated to a common shape. */

import type { Tensor } from "../engine";
import type { Call, Kernel } from "./kernel";
import { sizeOf, broadcastShape, broadcastStrides, positions, sameShape } from "./tensor";
import type { Constant } from "./normalization";

/** Which of the inputs, or which constant, a function's argument is. */
export type Operand = { input: number } | Constant;

interface Merge {
  value(values: Float64Array): number;
  /** How fast the value changes with the argument of an index. */
  slope(values: Float64Array, index: number): number;
}

const sum = (values: Float64Array) => values.reduce((total, each) => total + each, 0);

function productWithout(values: Float64Array, index: number): number {
  return values.reduce((product, each, n) => (n === index ? product : product * each), 1);
}

/** Of two equals the first gets the gradient, as in TensorFlow. */
function extreme(isBetter: (one: number, other: number) => boolean): Merge {
  const best = (values: Float64Array) => {
    let found = 0;
    for (let n = 1; n < values.length; n++) if (isBetter(values[n], values[found])) found = n;
    return found;
  };
  return {
    value: (values) => values[best(values)],
    slope: (values, index) => (best(values) === index ? 1 : 0),
  };
}

const MERGES: Record<string, Merge> = {
  add: { value: sum, slope: () => 1 },
  subtract: { value: ([a, b]) => a - b, slope: (_, index) => (index === 0 ? 1 : -1) },
  multiply: { value: (values) => productWithout(values, -1), slope: productWithout },
  divide: {
    value: ([a, b]) => a / b,
    slope: ([a, b], index) => (index === 0 ? 1 / b : -a / (b * b)),
  },
  power: {
    value: ([a, b]) => a ** b,
    slope: ([a, b], index) => (index === 0 ? b * a ** (b - 1) : a ** b * Math.log(a)),
  },
  average: { value: (values) => sum(values) / values.length, slope: (v) => 1 / v.length },
  maximum: extreme((one, other) => one > other),
  minimum: extreme((one, other) => one < other),
};

export function mergeNames(): string[] {
  return Object.keys(MERGES);
}

interface Plan {
  shape: number[];
  merge: Merge;
  arrays: ArrayLike<number>[];
  places: (Int32Array | null)[];
  /** The index of each argument among the inputs; -1 for a constant. */
  sources: number[];
}

function planOf({ layer, inputs }: Call): Plan {
  const name = layer.config.function as string;
  const merge = MERGES[name];
  if (merge === undefined) throw new Error(`Unknown function "${name}".`);
  const operands =
    (layer.config.operands as Operand[] | undefined) ??
    inputs.map((_, input): Operand => ({ input }));
  const tensors = operands.map((operand) =>
    "input" in operand
      ? { shape: inputs[operand.input].shape, data: inputs[operand.input].data as ArrayLike<number> }
      : { shape: operand.shape, data: operand.values },
  );
  const shape = broadcastShape(tensors.map((tensor) => tensor.shape));
  return {
    shape,
    merge,
    arrays: tensors.map((tensor) => tensor.data),
    places: tensors.map((tensor) =>
      sameShape(tensor.shape, shape) ? null : positions(shape, broadcastStrides(tensor.shape, shape)),
    ),
    sources: operands.map((operand) => ("input" in operand ? operand.input : -1)),
  };
}

function eachValue(plan: Plan, visit: (values: Float64Array, n: number) => void): void {
  const { arrays, places } = plan;
  const values = new Float64Array(arrays.length);
  const size = sizeOf(plan.shape);
  for (let n = 0; n < size; n++) {
    for (let each = 0; each < values.length; each++) {
      const at = places[each];
      values[each] = arrays[each][at === null ? n : at[n]];
    }
    visit(values, n);
  }
}

/** Whether it is the plain sum of two arrays of one shape: the residual additions, worth a loop. */
function isPlainSum({ layer, inputs }: Call): boolean {
  return (
    layer.config.function === "add" && layer.config.operands === undefined &&
    inputs.length === 2 && sameShape(inputs[0].shape, inputs[1].shape)
  );
}

export const merging: Kernel = {
  forward(call) {
    if (isPlainSum(call)) {
      const [one, other] = call.inputs;
      const data = new Float32Array(one.data.length);
      for (let n = 0; n < data.length; n++) data[n] = one.data[n] + other.data[n];
      return { output: { shape: one.shape, data } };
    }
    const plan = planOf(call);
    const output: Tensor = { shape: plan.shape, data: new Float32Array(sizeOf(plan.shape)) };
    eachValue(plan, (values, n) => {
      output.data[n] = plan.merge.value(values);
    });
    return { output };
  },
  backward(call, _, gradient) {
    const plan = planOf(call);
    const inputs = call.inputs.map((input) => new Float32Array(input.data.length));
    eachValue(plan, (values, n) => {
      plan.sources.forEach((source, index) => {
        if (source < 0) return;
        const at = plan.places[index];
        inputs[source][at === null ? n : at[n]] += gradient[n] * plan.merge.slope(values, index);
      });
    });
    return { inputs, weights: [] };
  },
};

/** Concatenate: arrays one after the other along an axis. */
export const concatenation: Kernel = {
  forward({ layer, inputs }) {
    const data = new Float32Array(sizeOf(layer.shape));
    eachBlock(layer.config.axis as number, layer.shape, inputs, (input, from, to, length) => {
      data.set(inputs[input].data.subarray(from, from + length), to);
    });
    return { output: { shape: layer.shape, data } };
  },
  backward({ layer, inputs }, _, gradient) {
    const parts = inputs.map((input) => new Float32Array(input.data.length));
    eachBlock(layer.config.axis as number, layer.shape, inputs, (input, from, to, length) => {
      parts[input].set(gradient.subarray(to, to + length), from);
    });
    return { inputs: parts, weights: [] };
  },
};

function eachBlock(
  axis: number, shape: number[], inputs: Tensor[],
  visit: (input: number, from: number, to: number, length: number) => void,
): void {
  const outer = sizeOf(shape.slice(0, axis));
  let to = 0;
  for (let o = 0; o < outer; o++) {
    inputs.forEach((input, index) => {
      const length = sizeOf(input.shape.slice(axis));
      visit(index, o * length, to, length);
      to += length;
    });
  }
}
