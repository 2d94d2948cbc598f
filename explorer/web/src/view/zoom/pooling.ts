/** Pooling: the window, and which cell won; global pooling: a map becomes one number. */

import type { Layer } from "../../network";
import { asMaps, shortName, type Store } from "../../store";
import { h, show } from "../dom";
import { words } from "../numbers";
import { patchOf } from "./conv";
import { cellOver, line, movement, Player, windowAt, windowsFor, type Explanation } from "./explanation";
import { NumberGrid, value } from "./grid";
import { MapView } from "./map_view";

class Pooling implements Explanation {
  readonly element = h("div", { class: "explanation" });
  private readonly before: MapView;
  private readonly after: MapView;
  private readonly grid: NumberGrid;
  private readonly sums = h("table", { class: "sums" });
  private readonly reading = h("p", { class: "soft" });
  private readonly player: Player;
  private readonly kernel: [number, number];

  constructor(private readonly store: Store, private readonly layer: Layer) {
    const [height, width] = asMaps(layer.shape);
    const size = layer.config["pool_size"];
    this.kernel = Array.isArray(size) ? (size as [number, number]) : [Number(size ?? 2), Number(size ?? 2)];
    this.before = new MapView({ title: "What it reads", onchoose: (place) => this.over(place) });
    this.after = new MapView({ title: "The map it makes", onchoose: (cell) => store.select(layer.name, store.selection.map, cell) });
    this.grid = new NumberGrid({ title: "Window", rows: this.kernel[0], columns: this.kernel[1] });
    this.player = new Player(store, [height, width]);
    show(this.element, h("div", { class: "flow" }, this.before.element, h("div", { class: "products" }, this.grid.element, this.sums), this.after.element), this.player.element, this.reading);
  }

  private over(place: [number, number]): void {
    const input = this.store.inputsOf(this.layer)[0];
    if (input) this.store.select(this.layer.name, this.store.selection.map, cellOver(windowsFor(this.layer, input.shape, this.kernel), place));
  }

  update(): void {
    const input = this.store.inputsOf(this.layer)[0];
    const output = this.store.outputs[this.layer.name];
    const { map, cell, layer } = this.store.selection;
    if (!input || !output || layer !== this.layer.name) return;
    const windows = windowsFor(this.layer, input.shape, this.kernel);
    const patch = patchOf(input, windows, cell, map);
    const inside = patch.filter((each) => each !== null);
    const winner = patch.indexOf(Math.max(...inside));
    const isMax = this.layer.kind.startsWith("Max");
    this.grid.set(patch, isMax ? [winner] : []);
    const window = windowAt(windows, cell);
    this.before.draw(input, map, { window, title: `What it reads: ${shortName(this.layer.inputs[0]!)}, map ${map + 1}` });
    this.after.draw(output, map, { cell, title: `What it makes: map ${map + 1}, row ${cell[0] + 1}, column ${cell[1] + 1}` });
    const [, width, maps] = asMaps(output.shape);
    const own = output.data[(cell[0] * width + cell[1]) * maps + map]!;
    const result = isMax ? Math.max(...inside) : inside.reduce((sum, each) => sum + each, 0) / inside.length;
    show(this.sums,
      line(isMax ? `the winner: row ${Math.floor(winner / this.kernel[1]) + 1}, column ${(winner % this.kernel[1]) + 1} of the window` : `mean of ${inside.length} values`, result, "pooled"),
      line("the network's own value", own, "own", "="));
    this.reading.textContent = movement(windows);
  }

  stop(): void {
    this.player.stop();
  }
}

class GlobalPooling implements Explanation {
  readonly element = h("div", { class: "explanation" });
  private readonly before = new MapView({ title: "The whole map" });
  private readonly result = h("div", { class: "products" });

  constructor(private readonly store: Store, private readonly layer: Layer) {
    show(this.element, h("div", { class: "flow" }, this.before.element, this.result));
  }

  update(): void {
    const input = this.store.inputsOf(this.layer)[0];
    const output = this.store.outputs[this.layer.name];
    const { map, layer } = this.store.selection;
    if (!input || !output || layer !== this.layer.name) return;
    const [height, width, maps] = asMaps(input.shape);
    const values = Array.from({ length: height * width }, (_, place) => input.data[place * maps + map]!);
    const isMax = this.layer.kind.includes("Max");
    const best = values.indexOf(Math.max(...values));
    this.before.draw(input, map, {
      title: `Map ${map + 1} of ${shortName(this.layer.inputs[0]!)}`,
      cells: isMax ? [[Math.floor(best / width), best % width]] : [],
    });
    const sum = values.reduce((all, each) => all + each, 0);
    show(this.result, h("table", { class: "sums" },
      ...(isMax ? [line(`the greatest of ${values.length} values`, Math.max(...values), "pooled")] : [line(`sum of ${height} × ${width} values`, sum, "sum"), line(`divided by ${values.length}`, sum / values.length, "pooled", "=")]),
      line("the network's own value", output.data[map]!, "own", "=")));
  }
}

class Flattening implements Explanation {
  readonly element = h("div", { class: "explanation" });
  private readonly before: MapView;
  private readonly words = h("div", { class: "products" });

  constructor(private readonly store: Store, private readonly layer: Layer) {
    this.before = new MapView({ title: "What it reads", onchoose: (place) => this.choose(place) });
    show(this.element, h("div", { class: "flow" }, this.before.element, this.words),
      h("p", { class: "soft" }, "Choose a cell of the map to see its place in the list, or a value in the overview to see its cell."));
  }

  private choose([row, column]: [number, number]): void {
    const [, width, maps] = asMaps(this.store.layer(this.layer.inputs[0]!).shape);
    this.store.select(this.layer.name, (row * width + column) * maps + (this.store.selection.map % maps));
  }

  update(): void {
    const input = this.store.inputsOf(this.layer)[0];
    const output = this.store.outputs[this.layer.name];
    const { map: index, layer } = this.store.selection;
    if (!input || !output || layer !== this.layer.name) return;
    const [, width, maps] = asMaps(input.shape);
    const [row, column, map] = [Math.floor(index / (width * maps)), Math.floor(index / maps) % width, index % maps];
    this.before.draw(input, map, { cell: [row, column], title: `Map ${map + 1} of ${shortName(this.layer.inputs[0]!)}` });
    show(this.words,
      h("p", {}, `Row ${row + 1}, column ${column + 1} of map ${map + 1} becomes number ${index + 1} of ${output.data.length} in the list.`),
      h("p", { class: "formula" }, `(${row} · ${width} + ${column}) · ${maps} + ${map} = ${index}`, h("span", { class: "soft" }, " counted from 0")),
      h("p", {}, "Its value: ", value(output.data[index]!, "own"), ` (${words(input.data[index]!)} in the map)`));
  }
}

export const explainPooling = (store: Store, layer: Layer): Explanation => new Pooling(store, layer);
export const explainGlobalPooling = (store: Store, layer: Layer): Explanation => new GlobalPooling(store, layer);
export const explainFlattening = (store: Store, layer: Layer): Explanation => new Flattening(store, layer);
