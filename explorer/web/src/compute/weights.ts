/** The weights as they are now, and as they were trained. */

import type { Network, Weight } from "../network";
import { floatsOfHalves } from "./halves";
import { sizeOf } from "./tensor";

export class WeightStore {
  private readonly changed = new Map<number, Float32Array>();
  private readonly trained = new Map<number, Float32Array>();

  /** `bytes` are the unpacked weights of `cnnkit.explorer`, little-endian. */
  constructor(network: Network, bytes: ArrayBuffer) {
    for (const { weights } of network.layers) {
      for (const weight of weights) this.trained.set(weight.offset, valuesOf(weight, bytes));
    }
  }

  /** Present values; not to be changed in place. */
  values(weight: Weight): Float32Array {
    return this.changed.get(weight.offset) ?? this.trained.get(weight.offset)!;
  }

  set(weight: Weight, data: Float32Array): void {
    const expected = sizeOf(weight.shape);
    if (data.length !== expected) {
      throw new Error(`"${weight.name}" has ${expected} values, not ${data.length}.`);
    }
    this.changed.set(weight.offset, Float32Array.from(data));
  }

  reset(): void {
    this.changed.clear();
  }
}

function valuesOf({ shape, offset, dtype }: Weight, bytes: ArrayBuffer): Float32Array {
  const size = sizeOf(shape);
  const width = dtype === "float16" ? 2 : 4;
  // A copy, because an array of floats must begin at a multiple of their size.
  const own = bytes.slice(offset, offset + size * width);
  if (own.byteLength !== size * width) throw new Error("The page's weights are incomplete.");
  return dtype === "float16" ? floatsOfHalves(new Uint16Array(own)) : new Float32Array(own);
}
