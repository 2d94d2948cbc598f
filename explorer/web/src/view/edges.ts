/** Which maps a map reads, and how strongly. */

import { asMaps, type Store } from "../store";

export interface Edge {
  from: string;
  map: number;
  /** From -1 to 1: the sum of the kernel's slice, relative to the largest. */
  weight: number;
}

/** The maps that a map reads, the strongest first. */
export async function edgesOf(store: Store, name: string, map: number): Promise<Edge[]> {
  const layer = store.layer(name);
  const from = layer.inputs[0];
  if (from === undefined) return [];
  const source = store.layer(from);
  const read = asMaps(source.shape)[2];
  if (layer.kind === "Conv2D") {
    const kernel = await store.weight(name, 0);
    const [height, width, inside, filters] = kernel.shape as [number, number, number, number];
    const first = Math.floor(map / (filters / (read / inside))) * inside;
    return ranked(from, inside, first, (channel) => {
      let sum = 0;
      for (let place = 0; place < height * width; place += 1) sum += kernel.data[(place * inside + channel) * filters + map]!;
      return sum;
    });
  }
  if (layer.kind === "Dense" && source.shape.length === 1) {
    const kernel = await store.weight(name, 0);
    const units = kernel.shape[1]!;
    const values = store.outputs[from]?.data;
    return ranked(from, kernel.shape[0]!, 0, (input) => kernel.data[input * units + map]! * (values?.[input] ?? 1));
  }
  if (layer.kind === "Flatten") return [{ from, map: map % read, weight: 1 }];
  if (layer.kind === "Concatenate") return [concatenated(store, layer.inputs, map)];
  if (layer.kind === "DepthwiseConv2D") {
    const multiplier = asMaps(layer.shape)[2] / read;
    return [{ from, map: Math.floor(map / multiplier), weight: 1 }];
  }
  if (layer.kind === "Softmax" || layer.kind === "LayerNormalization") return ranked(from, read, 0, (other) => (other === map ? 1 : 0.3));
  return layer.inputs.map((input) => ({ from: input, map: Math.min(map, asMaps(store.layer(input).shape)[2] - 1), weight: 1 }));
}

function concatenated(store: Store, inputs: string[], map: number): Edge {
  let left = map;
  for (const input of inputs) {
    const maps = asMaps(store.layer(input).shape)[2];
    if (left < maps) return { from: input, map: left, weight: 1 };
    left -= maps;
  }
  return { from: inputs[0]!, map: 0, weight: 1 };
}

function ranked(from: string, count: number, first: number, strength: (index: number) => number): Edge[] {
  const edges = Array.from({ length: count }, (_, index) => ({ from, map: first + index, weight: strength(index) }));
  const largest = Math.max(...edges.map((edge) => Math.abs(edge.weight)), 1e-12);
  for (const edge of edges) edge.weight /= largest;
  return edges.sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight));
}
