/** Products of matrices, the only arithmetic whose speed matters: most of a network's time. */

/**
 * out[m, n] = start[n] + sum over k of a[m, k] * b[n, k]; both factors have k along their rows.
 * Eight sums at once: each value that is read serves several of them.
 */
export function rowProducts(
  a: Float32Array, aStart: number, rows: number,
  b: Float32Array, columns: number, inner: number,
  out: Float32Array, outStart: number, outStride: number,
  start: Float32Array | null,
): void {
  let m = 0;
  for (; m + 1 < rows; m += 2) {
    const a0 = aStart + m * inner;
    const a1 = a0 + inner;
    const o0 = outStart + m * outStride;
    const o1 = o0 + outStride;
    let n = 0;
    for (; n + 3 < columns; n += 4) {
      const b0 = n * inner;
      const b1 = b0 + inner;
      const b2 = b1 + inner;
      const b3 = b2 + inner;
      let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
      for (let k = 0; k < inner; k++) {
        const x = a[a0 + k];
        const y = a[a1 + k];
        const p = b[b0 + k];
        const q = b[b1 + k];
        const r = b[b2 + k];
        const s = b[b3 + k];
        s00 += x * p; s01 += x * q; s02 += x * r; s03 += x * s;
        s10 += y * p; s11 += y * q; s12 += y * r; s13 += y * s;
      }
      out[o0 + n] = s00; out[o0 + n + 1] = s01; out[o0 + n + 2] = s02; out[o0 + n + 3] = s03;
      out[o1 + n] = s10; out[o1 + n + 1] = s11; out[o1 + n + 2] = s12; out[o1 + n + 3] = s13;
    }
    for (; n < columns; n++) {
      const b0 = n * inner;
      let s0 = 0, s1 = 0;
      for (let k = 0; k < inner; k++) {
        s0 += a[a0 + k] * b[b0 + k];
        s1 += a[a1 + k] * b[b0 + k];
      }
      out[o0 + n] = s0;
      out[o1 + n] = s1;
    }
  }
  if (m < rows) {
    const a0 = aStart + m * inner;
    const o0 = outStart + m * outStride;
    for (let n = 0; n < columns; n++) {
      const b0 = n * inner;
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += a[a0 + k] * b[b0 + k];
      out[o0 + n] = sum;
    }
  }
  if (start === null) return;
  for (let row = 0; row < rows; row++) {
    const o = outStart + row * outStride;
    for (let n = 0; n < columns; n++) out[o + n] += start[n];
  }
}

/** The transposed of a matrix, which may begin a longer array. */
export function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = matrix[row * columns + column];
    }
  }
  return result;
}

/** sum[k, n] += over m of a[m, k] * b[m, n]: how a kernel's gradient gathers over many places. */
export function addProducts(
  sum: Float32Array, a: Float32Array, inner: number, b: Float32Array, columns: number, rows: number,
): void {
  const products = new Float32Array(inner * columns);
  const [left, right] = [transposed(a, rows, inner), transposed(b, rows, columns)];
  rowProducts(left, 0, inner, right, columns, rows, products, 0, columns, null);
  for (let n = 0; n < products.length; n++) sum[n] += products[n];
}

/** The same for few places: without turning the matrices, and quick where `a` is 0. */
export function addOuterProducts(
  sum: Float32Array, a: Float32Array, inner: number, b: Float32Array, columns: number, rows: number,
): void {
  for (let m = 0; m < rows; m++) {
    for (let k = 0; k < inner; k++) {
      const x = a[m * inner + k];
      if (x === 0) continue;
      const at = k * columns;
      for (let n = 0; n < columns; n++) sum[at + n] += x * b[m * columns + n];
    }
  }
}
