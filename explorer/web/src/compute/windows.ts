/** Where windows of convolutions and poolings stand: Keras' "valid" and "same", strides, dilation. */

export interface Windows {
  height: number;
  width: number;
  outHeight: number;
  outWidth: number;
  kernel: [number, number];
  strides: [number, number];
  dilation: [number, number];
  /** Rows and columns of padding before the first of the input. */
  before: [number, number];
}

function along(
  size: number, kernel: number, stride: number, dilation: number, padding: string,
): [number, number] {
  const reach = (kernel - 1) * dilation + 1;
  if (padding === "valid") return [Math.floor((size - reach) / stride) + 1, 0];
  const out = Math.ceil(size / stride);
  const missing = Math.max((out - 1) * stride + reach - size, 0);
  return [out, Math.floor(missing / 2)];
}

/** Raises on a padding that the page does not know, such as "causal". */
export function windowsOf(
  shape: readonly number[],
  kernel: [number, number],
  strides: [number, number],
  dilation: [number, number],
  padding: string,
): Windows {
  if (padding !== "valid" && padding !== "same") throw new Error(`Unknown padding "${padding}".`);
  const [outHeight, top] = along(shape[0], kernel[0], strides[0], dilation[0], padding);
  const [outWidth, left] = along(shape[1], kernel[1], strides[1], dilation[1], padding);
  return {
    height: shape[0],
    width: shape[1],
    outHeight,
    outWidth,
    kernel,
    strides,
    dilation,
    before: [top, left],
  };
}

/** Call a function for each cell of one window that lies inside the input. */
export function eachCell(
  windows: Windows, row: number, column: number,
  visit: (y: number, x: number, cell: number) => void,
): void {
  const { kernel, strides, dilation, before, height, width } = windows;
  for (let i = 0; i < kernel[0]; i++) {
    const y = row * strides[0] - before[0] + i * dilation[0];
    if (y < 0 || y >= height) continue;
    for (let j = 0; j < kernel[1]; j++) {
      const x = column * strides[1] - before[1] + j * dilation[1];
      if (x >= 0 && x < width) visit(y, x, i * kernel[1] + j);
    }
  }
}
