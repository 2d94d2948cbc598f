/** What the executor asks of the arithmetic of one kind of layer. */

import type { Tensor } from "../engine";
import type { Layer } from "../network";

/** One layer with what it reads. */
export interface Call {
  layer: Layer;
  inputs: Tensor[];
  /** In the order of `layer.weights`. */
  weights: Float32Array[];
}

/** A layer's answer, and what its backward pass would otherwise compute again. */
export interface Answer {
  output: Tensor;
  /** The values before the layer's own activation. */
  linear?: Tensor;
}

export interface CallGradients {
  /** For each input. */
  inputs: Float32Array[];
  /** For each weight; null for one that the layer does not differentiate. */
  weights: (Float32Array | null)[];
}

export interface Kernel {
  forward(call: Call): Answer;
  /** `gradient` is that of the output; it may be changed in place. */
  backward(call: Call, answer: Answer, gradient: Float32Array): CallGradients;
}

/** Position of a weight by its name; -1 where the layer has none. */
export function weightIndex(layer: Layer, name: string): number {
  return layer.weights.findIndex((weight) => weight.name === name);
}

export function weightNamed(call: Call, name: string): Float32Array | null {
  const index = weightIndex(call.layer, name);
  return index < 0 ? null : call.weights[index];
}

/** Gradients in the order of the layer's weights, from those by name. */
export function inWeightOrder(
  layer: Layer,
  named: Record<string, Float32Array>,
): (Float32Array | null)[] {
  return layer.weights.map((weight) => named[weight.name] ?? null);
}

export function setting<T>(layer: Layer, name: string): T {
  if (!(name in layer.config)) {
    throw new Error(`Layer ${layer.name} (${layer.kind}) has no "${name}" in the document.`);
  }
  return layer.config[name] as T;
}

export function isTrainable(layer: Layer): boolean {
  return layer.weights.some((weight) => weight.trainable);
}
