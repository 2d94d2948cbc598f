/** The network as the page gets it: `cnnkit.explorer.document` writes it, and nothing else. */

/** One saved array of a layer: kernel, bias, gamma, ... in Keras' own order and layout. */
export interface Weight {
  name: string;
  shape: number[];
  /** Position of the first byte in the unpacked weights; calls of one shared layer have the same. */
  offset: number;
  dtype: "float32" | "float16";
  trainable: boolean;
}

/** One layer of the graph, in the order in which Keras computes it. */
export interface Layer {
  name: string;
  /** Keras' class name: Conv2D, MaxPooling2D, Dense, ... */
  kind: string;
  /** Names of the layers that it reads. */
  inputs: string[];
  /** Shape of its output without the batch axis. */
  shape: number[];
  /**
   * Those arguments of Keras' `get_config()` that the arithmetic needs, under Keras' names (strides,
   * pool_size, padding, activation, ...), and `arithmetic`: which of `compute/kernels.ts` computes it.
   * Axes are counted without that of the batch.
   */
  config: Record<string, unknown>;
  weights: Weight[];
  parameters: number;
  /** Null where it is not known. */
  multiplyAdds: number | null;
  /** Height and width in pixels of what one value sees; null where it has none (dense layers). */
  receptiveField: [number, number] | null;
}

/** How pixels of any picture become the network's input: the rule of the training data. */
export interface Preparation {
  height: number;
  width: number;
  channels: 1 | 3;
  fit: "crop" | "stretch";
  /** Values that the first layer expects, 0 to 255 as saved models take them. */
  range: [number, number];
  /** True where training pictures are light on dark, as MNIST's are. */
  lightOnDark: boolean;
}

/** A picture of the test split, as base64 of its uint8 pixels. */
export interface Sample {
  pixels: string;
  label: number | null;
  predicted: number;
  probability: number;
}

/** The patches of the data that excite each filter of a layer most, in one picture. */
export interface Patches {
  /** A data address of a picture: a row for each filter, its patches from left to right, best first. */
  image: string;
  /** Height and width in pixels of one patch. */
  tile: [number, number];
  /** Patches in a row. */
  count: number;
  /** Rows; the first filters of the layer where it has more. */
  filters: number;
}

/** What a run drew of one epoch while it trained. */
export interface Frame {
  /** Counted from 1. */
  epoch: number;
  /** A data address of a PNG. */
  image: string;
}

export interface Network {
  format: 1;
  name: string;
  classNames: string[];
  multiLabel: boolean;
  preparation: Preparation;
  layers: Layer[];
  /** Name of the layer whose values are the scores before softmax or sigmoid. */
  logits: string;
  samples: Sample[];
  /** By layer: what excites each filter most. Optional, and only for layers of feature maps. */
  patches?: Record<string, Patches>;
  /** How the network learnt, epoch by epoch, where the run drew that. */
  film?: Frame[];
  /** Values that are whole parts of one are written as fractions: 9 for means of nine products. */
  fractions?: number;
  /** Kinds that the page cannot compute itself; empty means that it can run without a server. */
  uncomputable: string[];
}
