/** Arithmetic of shapes, channels last, as Keras has it. */

import type { Tensor } from "../engine";

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function zeros(shape: readonly number[]): Tensor {
  return { shape: [...shape], data: new Float32Array(sizeOf(shape)) };
}

/** How far apart neighbours along each axis lie in the flat array. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = strides[axis + 1] * shape[axis + 1];
  }
  return strides;
}

export function sameShape(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((size, axis) => size === other[axis]);
}

/** A shape as (before the axis, the axis, after it), which is all that most loops need. */
export function aroundAxis(shape: readonly number[], axis: number): [number, number, number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis], sizeOf(shape.slice(axis + 1))];
}

/**
 * For each value of a shape, in order, where it lies in an array with other strides.
 * A stride of 0 repeats, a negative one goes backwards.
 */
export function positions(shape: readonly number[], strides: readonly number[], start = 0): Int32Array {
  const found = new Int32Array(sizeOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  let place = start;
  for (let n = 0; n < found.length; n++) {
    found[n] = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++index[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return found;
}

/** Strides that repeat an array of one shape to another, by NumPy's rules of broadcasting. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const own = stridesOf(from);
  return to.map((_, axis) => {
    const at = axis - (to.length - from.length);
    return at < 0 || from[at] === 1 ? 0 : own[at];
  });
}

export function broadcastShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) =>
    shapes.reduce((size, shape) => {
      const own = shape[axis - (rank - shape.length)] ?? 1;
      return own === 1 ? size : own;
    }, 1),
  );
}
