/** Layers that turn each value by itself: curves, scaling, batch normalisation; and those that add or join. */

import type { Operand } from "../../compute/merging";
import type { Tensor } from "../../engine";
import type { Layer } from "../../network";
import { asMaps, shortName, type Store } from "../../store";
import { h, show, svg } from "../dom";
import { curve, line, type Explanation } from "./explanation";
import { value } from "./grid";
import { MapView } from "./map_view";

type Lines = (inputs: number[], channel: number) => Promise<HTMLElement[]> | HTMLElement[];

class ValueByValue implements Explanation {
  readonly element = h("div", { class: "explanation" });
  private readonly before: MapView[];
  private readonly after: MapView;
  private readonly sums = h("table", { class: "sums" });
  private readonly extra = h("div", {});

  constructor(
    private readonly store: Store,
    private readonly layer: Layer,
    private readonly lines: Lines,
    private readonly picture?: (input: number) => SVGElement | null,
    private readonly mapIn: (map: number, n: number) => number | null = (map) => map,
  ) {
    const choose = (cell: [number, number]) => store.select(layer.name, store.selection.map, cell);
    this.before = layer.inputs.map((name) => new MapView({ title: shortName(name), onchoose: choose }));
    this.after = new MapView({ title: "What it makes", onchoose: choose });
    show(this.element, h("div", { class: "flow" }, ...this.before.map((view) => view.element), h("div", { class: "products" }, this.extra, this.sums), this.after.element));
  }

  async update(): Promise<void> {
    const inputs = this.store.inputsOf(this.layer);
    const output = this.store.outputs[this.layer.name];
    const { map, cell, layer } = this.store.selection;
    if (!inputs.length || !output || layer !== this.layer.name) return;
    const values = inputs.map((input, n) => {
      const source = this.mapIn(map, n);
      this.before[n]!.element.hidden = source === null;
      if (source === null) return NaN;
      this.before[n]!.draw(input, Math.min(source, asMaps(input.shape)[2] - 1), { cell, title: `${shortName(this.layer.inputs[n]!)}, map ${source + 1}` });
      return at(input, cell, source);
    });
    this.after.draw(output, map, { cell, title: `What it makes: map ${map + 1}, row ${cell[0] + 1}, column ${cell[1] + 1}` });
    const lines = await this.lines(values, map);
    show(this.sums, ...lines, line("the network's own value", at(output, cell, map), "own", "="));
    const drawn = this.picture?.(values[0]!);
    show(this.extra, drawn ?? null);
  }
}

/** A value; maps of one cell are the same everywhere. */
function at(tensor: Tensor, [row, column]: [number, number], map: number): number {
  const [height, width, maps] = asMaps(tensor.shape);
  return tensor.data[(Math.min(row, height - 1) * width + Math.min(column, width - 1)) * maps + Math.min(map, maps - 1)]!;
}

function curvePicture(bend: (value: number) => number) {
  return (input: number): SVGElement => {
    const reach = Math.max(4, Math.abs(input) * 1.2);
    const points = Array.from({ length: 81 }, (_, index) => ((index - 40) / 40) * reach);
    const heights = points.map(bend);
    const top = Math.max(1e-6, ...heights.map(Math.abs));
    const x = (number: number) => 90 + (80 * number) / reach;
    const y = (number: number) => 60 - (50 * number) / top;
    return svg("svg", { viewBox: "0 0 180 120", class: "curve", role: "img", "aria-label": "The curve, and this value on it" },
      svg("path", { d: "M10,60H170M90,10V110", class: "axis" }),
      svg("path", { d: `M${points.map((point, index) => `${x(point)},${y(heights[index]!)}`).join("L")}`, class: "bend" }),
      svg("circle", { cx: x(input), cy: y(bend(input)), r: 4.5, class: "dot" }));
  };
}

export function explainCurve(store: Store, layer: Layer): Explanation {
  const bend = curve(layer);
  const lines: Lines = ([input]) => (bend ? [line("it reads", input!, "input"), line("the curve makes", bend(input!), "activation", "→")] : [line("it reads", input!, "input")]);
  return new ValueByValue(store, layer, lines, bend ? curvePicture(bend) : undefined);
}

export function explainScaling(store: Store, layer: Layer): Explanation {
  const number = (name: string, channel: number) => {
    const { values } = layer.config[name] as { values: number[] };
    return values[channel % values.length]!;
  };
  return new ValueByValue(store, layer, ([input], channel) => {
    const [factor, offset] = [number("factor", channel), number("offset", channel)];
    return [
      line("it reads", input!, "input"),
      line("factor", factor, "factor", "×"),
      line("offset", offset, "offset", "+"),
      line("together", input! * factor + offset, "scaled", "="),
    ];
  });
}

export function explainBatchNormalization(store: Store, layer: Layer): Explanation {
  const lines: Lines = async ([input], channel) => {
    const weight = async (name: string, fallback: number) => {
      const index = layer.weights.findIndex((each) => each.name.endsWith(name));
      return index < 0 ? fallback : (await store.weight(layer.name, index)).data[channel]!;
    };
    const [gamma, beta] = [await weight("gamma", 1), await weight("beta", 0)];
    const [mean, variance] = [await weight("moving_mean", 0), await weight("moving_variance", 1)];
    const epsilon = Number(layer.config["epsilon"] ?? 1e-3);
    const spread = Math.sqrt(variance + epsilon);
    const normal = (input! - mean) / spread;
    return [
      line("it reads", input!, "input"),
      line("mean in training", mean, "mean", "−"),
      line(`spread in training: √(${variance.toPrecision(3)} + ${epsilon})`, spread, "spread", "÷"),
      line("so far", normal, "normal", "="),
      line("gamma, learnt", gamma, "gamma", "×"),
      line("beta, learnt", beta, "beta", "+"),
      line("together", normal * gamma + beta, "normalised", "="),
    ];
  };
  return new ValueByValue(store, layer, lines);
}

type Merge = [sign: string, merge: (values: number[]) => number];

const MERGES: Record<string, Merge> = {
  add: ["+", (values) => values.reduce((sum, each) => sum + each, 0)],
  subtract: ["−", ([one, other]) => one! - other!],
  multiply: ["×", (values) => values.reduce((product, each) => product * each, 1)],
  divide: ["÷", ([one, other]) => one! / other!],
  power: ["to the power of", ([one, other]) => one! ** other!],
  average: ["+", (values) => values.reduce((sum, each) => sum + each, 0) / values.length],
  maximum: ["or", (values) => Math.max(...values)],
  minimum: ["or", (values) => Math.min(...values)],
};

/** Layers add what they read; functions may also have constants, such as a mean to subtract. */
export function explainMerging(store: Store, layer: Layer): Explanation {
  const [sign, merge] = MERGES[layer.config["function"] as string] ?? MERGES["add"]!;
  const operands = (layer.config["operands"] as Operand[] | undefined) ?? layer.inputs.map((_, input): Operand => ({ input }));
  const lines: Lines = (inputs, map) => {
    const values = operands.map((operand) =>
      "input" in operand ? inputs[operand.input]! : at({ shape: operand.shape, data: Float32Array.from(operand.values) }, store.selection.cell, map));
    const name = (operand: Operand) => ("input" in operand ? shortName(layer.inputs[operand.input]!) : "a constant");
    return [
      ...values.map((each, n) => line(name(operands[n]!), each, `input ${n}`, n ? sign : "")),
      line("together", merge(values), "together", "="),
    ];
  };
  return new ValueByValue(store, layer, lines);
}

export function explainConcatenation(store: Store, layer: Layer): Explanation {
  const sizes = layer.inputs.map((name) => asMaps(store.layer(name).shape)[2]);
  const mapIn = (map: number, n: number) => {
    const before = sizes.slice(0, n).reduce((sum, size) => sum + size, 0);
    return map >= before && map < before + sizes[n]! ? map - before : null;
  };
  const lines: Lines = (inputs, map) => {
    const n = inputs.findIndex((input) => !Number.isNaN(input));
    return n < 0 ? [] : [line(`from ${shortName(layer.inputs[n]!)}, map ${mapIn(map, n)! + 1}`, inputs[n]!, "input")];
  };
  return new ValueByValue(store, layer, lines, undefined, mapIn);
}

/** A layer without an explanation of its own: its maps, and the chosen value. */
export class Plain implements Explanation {
  readonly element = h("div", { class: "explanation" });
  private readonly after: MapView;
  private readonly words = h("div", { class: "products" });

  constructor(private readonly store: Store, private readonly layer: Layer) {
    this.after = new MapView({ title: "Its values", onchoose: (cell) => store.select(layer.name, store.selection.map, cell) });
    show(this.element, h("div", { class: "flow" }, this.after.element, this.words));
  }

  update(): void {
    const output = this.store.outputs[this.layer.name];
    const { map, cell, layer } = this.store.selection;
    if (!output || layer !== this.layer.name) return;
    this.after.draw(output, map, { cell, title: `Map ${map + 1}, row ${cell[0] + 1}, column ${cell[1] + 1}` });
    show(this.words, h("p", {}, "Its value: ", value(at(output, cell, map), "own")));
  }
}
