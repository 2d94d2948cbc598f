/** What the page asks of whoever computes: a worker in the browser, or Keras behind a server. */

import type { Network } from "./network";

/** Values of one picture, without a batch axis, channels last. */
export interface Tensor {
  shape: number[];
  data: Float32Array;
}

/** Loss of one label, and its gradients. */
export interface Gradients {
  loss: number;
  /** By layer: the gradient that reaches its output. */
  maps: Record<string, Tensor>;
  /** By layer: a gradient for each of its trainable weights, in the order of `Layer.weights`. */
  weights: Record<string, Tensor[]>;
}

export interface Engine {
  readonly network: Network;
  /**
   * Every layer's output for one prepared picture (values 0 to 255). Whoever computes far away may give
   * the named `layers` alone, here and below.
   */
  forward(input: Tensor, layers?: string[]): Promise<Record<string, Tensor>>;
  /** Cross-entropy of one label for one prepared picture. */
  backward(input: Tensor, label: number, layers?: string[]): Promise<Gradients>;
  /**
   * By layer: the gradient of one class' score before softmax, not of the loss. Grad-CAM
   * (`compute/grad_cam.ts`) is made of it.
   */
  scoreGradients(input: Tensor, classIndex: number, layers?: string[]): Promise<Record<string, Tensor>>;
  /** The present values of one weight. */
  weight(layer: string, index: number): Promise<Tensor>;
  /** Change one weight; `forward` uses it from then on. */
  setWeight(layer: string, index: number, data: Float32Array): Promise<void>;
  /** Give all trained weights back. */
  reset(): Promise<void>;
}
