/** What the page knows at a moment, and who wants to hear when it changes. */

import type { Engine, Gradients, Tensor } from "./engine";
import type { Layer, Network } from "./network";

/** "more": further layers of the same picture. */
export type Change = "picture" | "outputs" | "more" | "selection" | "gradients" | "weights" | "label" | "failure";

/** The layer, map and cell that the reader looks at; a cell is (row, column). */
export interface Selection {
  layer: string;
  map: number;
  cell: [number, number];
}

export class Store {
  readonly network: Network;
  readonly layers: Map<string, Layer>;
  input: Tensor;
  outputs: Record<string, Tensor> = {};
  selection: Selection;
  label: number | null = null;
  gradients: Gradients | null = null;
  /** Milliseconds of the last forward pass. */
  milliseconds = 0;
  failure = "";
  private listeners = new Map<Change, Set<() => void>>();
  private weights = new Map<number, Tensor>();
  /** Counts changes of weights. */
  private version = 0;
  /** The picture and the weights that `outputs` are of. */
  private fresh: { input: Tensor | null; version: number } = { input: null, version: 0 };
  private asked = 0;
  private answered = 0;
  private running: Promise<void> | null = null;

  constructor(readonly engine: Engine) {
    this.network = engine.network;
    this.layers = new Map(this.network.layers.map((layer) => [layer.name, layer]));
    const { height, width, channels, range } = this.network.preparation;
    this.input = { shape: [height, width, channels], data: new Float32Array(height * width * channels).fill(range[0]) };
    const first = this.network.layers.find((layer) => layer.kind.includes("Conv")) ?? this.network.layers[1]!;
    this.selection = { layer: first.name, map: 0, cell: middle(first.shape) };
  }

  on(changes: Change[], listener: () => void): void {
    for (const change of changes) {
      if (!this.listeners.has(change)) this.listeners.set(change, new Set());
      this.listeners.get(change)!.add(listener);
    }
  }

  emit(change: Change): void {
    for (const listener of this.listeners.get(change) ?? []) listener();
  }

  layer(name: string): Layer {
    return this.layers.get(name)!;
  }

  get selected(): Layer {
    return this.layer(this.selection.layer);
  }

  /** What a layer reads: the outputs of others; nothing as long as one of them is not there. */
  inputsOf(layer: Layer): Tensor[] {
    const found = layer.inputs.map((name) => this.outputs[name]);
    return found.every((tensor) => tensor !== undefined) ? (found as Tensor[]) : [];
  }

  /** Layers that somebody looks at, beside the chosen one, what it reads, and the answer. */
  private wanted = new Map<object, string[]>();

  /** Layers whose outputs came last. */
  arrived = new Set<string>();

  /** Say which layers a view shows; those that are not there yet are asked for. */
  want(view: object, layers: string[]): void {
    this.wanted.set(view, layers);
    this.complete();
  }

  private get needed(): string[] {
    const { logits, layers } = this.network;
    const chosen = [this.selected.name, ...this.selected.inputs];
    return [...new Set([...chosen, logits, layers.at(-1)!.name, ...[...this.wanted.values()].flat()])];
  }

  /** Ask for outputs that are needed and missing. */
  private complete(): void {
    if (this.answered && this.needed.some((name) => !this.outputs[name])) void this.compute();
  }

  /** Look at a layer; where no map or cell is named, at its largest value, where there is something to see. */
  select(layer: string, map?: number, cell?: [number, number]): void {
    const [height, width, maps] = asMaps(this.layer(layer).shape);
    this.unseen = map === undefined && !this.outputs[layer] ? layer : "";
    const strongest = this.strongest(layer, map);
    const [row, column] = cell ?? (this.selection.layer === layer && map !== undefined ? this.selection.cell : strongest.cell);
    map ??= strongest.map;
    this.selection = {
      layer,
      map: clamp(map, maps),
      cell: [clamp(row, height), clamp(column, width)],
    };
    this.emit("selection");
    this.complete();
  }

  /** Look at another picture; the newest one wins where they come faster than the network answers. */
  see(input: Tensor): Promise<void> {
    this.input = input;
    this.emit("picture");
    return this.compute();
  }

  compute(): Promise<void> {
    this.asked += 1;
    this.running ??= this.run().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async run(): Promise<void> {
    while (this.answered < this.asked) {
      const number = this.asked;
      const started = performance.now();
      let change: Change = "outputs";
      try {
        const { input, needed } = this;
        // The same picture with the same weights: what is known stays.
        const { version } = this;
        const same = this.fresh.input === input && this.fresh.version === version;
        const known = same ? this.outputs : {};
        const missing = needed.filter((name) => !known[name]);
        const outputs = await this.engine.forward(input, missing);
        this.outputs = withInput(this.network, { ...known, ...outputs }, input);
        this.fresh = { input, version };
        if (!same) this.gradients = null;
        change = same ? "more" : "outputs";
        this.arrived = new Set(missing);
        if (!same) this.milliseconds = performance.now() - started;
        this.fail("");
      } catch (error) {
        this.fail(`The network could not be computed: ${reason(error)}`);
      }
      if (!this.answered || this.unseen === this.selection.layer) this.select(this.selection.layer);
      this.answered = number;
      this.emit(change);
    }
  }

  /** A chosen layer whose values are still to come. */
  private unseen = "";

  /** The map and cell of a layer's largest value; of one map's, if that is given. */
  private strongest(layer: string, map?: number): { map: number; cell: [number, number] } {
    const tensor = this.outputs[layer];
    if (!tensor) return { map: map ?? 0, cell: middle(this.layer(layer).shape) };
    const [, width, maps] = asMaps(tensor.shape);
    let best = map ?? 0;
    const step = map === undefined ? 1 : maps;
    for (let place = best; place < tensor.data.length; place += step) {
      if (tensor.data[place]! > tensor.data[best]!) best = place;
    }
    const cell = Math.floor(best / maps);
    return { map: best % maps, cell: [Math.floor(cell / width), cell % width] };
  }

  fail(sentence: string): void {
    if (sentence === this.failure) return;
    this.failure = sentence;
    this.emit("failure");
  }

  /** Say which class the picture shows, if that is known. */
  truth(label: number | null): void {
    if (this.label === label) return;
    this.label = label;
    this.emit("label");
  }

  async backward(label: number): Promise<void> {
    const { input } = this;
    try {
      const gradients = await this.engine.backward(input, label, [this.selected.name]);
      if (this.input !== input) return;
      this.gradients = gradients;
    } catch (error) {
      this.gradients = null;
      this.fail(`The gradients could not be computed: ${reason(error)}`);
    }
    this.emit("gradients");
  }

  /** A weight's present values; asked for once. */
  async weight(layer: string, index: number): Promise<Tensor> {
    const key = this.place(layer, index);
    const known = this.weights.get(key);
    if (known) return known;
    const tensor = await this.engine.weight(layer, index);
    this.weights.set(key, tensor);
    return tensor;
  }

  /** Layers that share a weight have it at the same place. */
  private place(layer: string, index: number): number {
    return this.layer(layer).weights[index]!.offset;
  }

  /** The values of a weight if they have been asked for already. */
  knownWeight(layer: string, index: number): Tensor | undefined {
    return this.weights.get(this.place(layer, index));
  }

  async setWeight(layer: string, index: number, data: Float32Array): Promise<void> {
    await this.setWeights([[layer, index, data]]);
  }

  async setWeights(changes: [string, number, Float32Array][]): Promise<void> {
    for (const [layer, index, data] of changes) {
      await this.engine.setWeight(layer, index, data);
      this.weights.set(this.place(layer, index), { shape: this.layer(layer).weights[index]!.shape, data });
    }
    this.changed = true;
    this.version += 1;
    await this.compute();
    this.emit("weights");
  }

  changed = false;

  async reset(): Promise<void> {
    await this.engine.reset();
    this.weights.clear();
    this.changed = false;
    this.version += 1;
    await this.compute();
    this.emit("weights");
  }

  /** The scores before softmax or sigmoid, and the network's answer. */
  get scores(): Tensor | undefined {
    return this.outputs[this.network.logits];
  }

  get answer(): Tensor | undefined {
    return this.outputs[this.network.layers.at(-1)!.name];
  }

  /** Whether the last layer gives probabilities; the hand-made network gives votes. */
  get givesProbabilities(): boolean {
    const last = this.network.layers.at(-1)!;
    return ["softmax", "sigmoid"].includes(activationOf(last));
  }
}

/** Name of the function that a layer applies at its end: "relu", "softmax", "linear". */
export function activationOf(layer: Layer): string {
  const { arithmetic, activation, function: curve } = layer.config;
  if (arithmetic === "softmax") return "softmax";
  const name = arithmetic === "activation" ? curve : activation;
  return typeof name === "string" ? name : "linear";
}

/** A layer's output as maps: height, width and how many; a list of values has maps of one cell. */
export function asMaps(shape: number[]): [number, number, number] {
  if (shape.length === 3) return [shape[0]!, shape[1]!, shape[2]!];
  if (shape.length === 2) return [1, shape[0]!, shape[1]!];
  return [1, 1, shape[0] ?? 1];
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Last part of a layer's path, which is what its author called it. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

function middle(shape: number[]): [number, number] {
  const [height, width] = asMaps(shape);
  return [Math.floor(height / 2), Math.floor(width / 2)];
}

function clamp(value: number, size: number): number {
  return Math.max(0, Math.min(size - 1, value));
}

function withInput(network: Network, outputs: Record<string, Tensor>, input: Tensor): Record<string, Tensor> {
  const first = network.layers.find((layer) => layer.inputs.length === 0);
  return first && !outputs[first.name] ? { ...outputs, [first.name]: input } : outputs;
}
