/** A separable convolution, number by number: each map by its own kernel, then all of them mixed. */

import { type Windows } from "../../compute/windows";
import type { Tensor } from "../../engine";
import type { Layer } from "../../network";
import { asMaps, shortName, type Store } from "../../store";
import { h, show } from "../dom";
import { plural, words } from "../numbers";
import { marginOf, patchOf } from "./conv";
import { cellOver, ending, line, movement, Player, windowAt, windowsFor, type Explanation } from "./explanation";
import { NumberGrid, parse, value } from "./grid";
import { MapView } from "./map_view";

const MOST = 12;

/** What one kernel of the first half makes at the chosen cell, and how much of it goes on. */
interface Middle {
  /** Counted from 0 over all kernels of the first half. */
  number: number;
  channel: number;
  patch: (number | null)[];
  kernel: number[];
  sum: number;
  weight: number;
}

interface Parts {
  input: Tensor;
  windows: Windows;
  middles: Middle[];
}

class Separable implements Explanation {
  readonly element = h("div", { class: "explanation" });
  private readonly before: MapView;
  private readonly after: MapView;
  private readonly player: Player;
  private readonly grids: { patch: NumberGrid; kernel: NumberGrid; products: NumberGrid };
  private readonly firstSum = h("table", { class: "sums" });
  private readonly mixture = h("table", { class: "votes" });
  private readonly left = h("p", { class: "soft" });
  private readonly sums = h("table", { class: "sums" });
  private readonly reading = h("p", { class: "soft" });
  /** Which kernel of the first half is shown; the one that counts most until the reader chooses. */
  private shown: number | null = null;
  private shownOf = -1;

  constructor(private readonly store: Store, private readonly layer: Layer) {
    const [height, width] = asMaps(layer.shape);
    const [rows, columns] = layer.weights[0]!.shape as [number, number];
    this.player = new Player(store, [height, width]);
    this.before = new MapView({ title: "What it reads", onchoose: (place) => this.over(place) });
    this.after = new MapView({ title: "The map it makes", onchoose: (cell) => store.select(layer.name, store.selection.map, cell) });
    this.grids = {
      patch: new NumberGrid({ title: "Patch", rows, columns }),
      kernel: new NumberGrid({ title: "Kernel", rows, columns, onedit: (place, number) => void this.editKernel(place, number) }),
      products: new NumberGrid({ title: "Products", rows, columns }),
    };
    const { patch, kernel, products } = this.grids;
    const sign = (text: string) => h("span", { class: "sign" }, text);
    show(
      this.element,
      h("h4", {}, "First: each map with a kernel of its own"),
      h("div", { class: "flow" }, this.before.element,
        h("div", { class: "products" }, patch.element, sign("×"), kernel.element, sign("="), products.element)),
      this.firstSum, this.player.element, this.reading,
      h("h4", {}, "Then: all of them mixed, each by its weight"),
      h("div", { class: "flow" },
        h("div", {}, h("div", { class: "table-box" }, this.mixture), this.left, this.sums), this.after.element),
    );
  }

  private parts(depthwise: Tensor, pointwise: Tensor): Parts | null {
    const input = this.store.inputsOf(this.layer)[0];
    if (!input) return null;
    const [height, width, channels, multiplier] = depthwise.shape as [number, number, number, number];
    const windows = windowsFor(this.layer, input.shape, [height, width]);
    const { map, cell } = this.store.selection;
    const maps = pointwise.shape[3]!;
    const middles = Array.from({ length: channels * multiplier }, (_, number) => {
      const channel = Math.floor(number / multiplier);
      const patch = patchOf(input, windows, cell, channel);
      const kernel = patch.map((_, place) => depthwise.data[place * channels * multiplier + number]!);
      const sum = patch.reduce<number>((all, pixel, place) => all + (pixel ?? 0) * kernel[place]!, 0);
      return { number, channel, patch, kernel, sum, weight: pointwise.data[number * maps + map]! };
    });
    return { input, windows, middles };
  }

  private over(place: [number, number]): void {
    const input = this.store.inputsOf(this.layer)[0];
    const [height, width] = this.layer.weights[0]!.shape as [number, number];
    if (!input) return;
    const cell = cellOver(windowsFor(this.layer, input.shape, [height, width]), place);
    this.store.select(this.layer.name, this.store.selection.map, cell);
  }

  async update(): Promise<void> {
    const { name, weights } = this.layer;
    const [depthwise, pointwise] = [await this.store.weight(name, 0), await this.store.weight(name, 1)];
    const { map, cell, layer } = this.store.selection;
    const bias = weights.length > 2 ? (await this.store.weight(name, 2)).data[map]! : null;
    const parts = this.parts(depthwise, pointwise);
    const output = this.store.outputs[name];
    if (!parts || !output || layer !== name) return;
    const { input, windows, middles } = parts;
    const middle = middles[this.middleToShow(middles, map)]!;
    this.grids.patch.set(middle.patch);
    this.grids.kernel.set(middle.kernel);
    this.grids.products.set(middle.patch.map((pixel, place) => (pixel ?? 0) * middle.kernel[place]!));
    show(this.firstSum, line("sum of these products", middle.sum, "middle"));
    this.before.draw(input, middle.channel, {
      window: windowAt(windows, cell), padding: marginOf(windows),
      title: `What it reads: ${shortName(this.layer.inputs[0]!)}, map ${middle.channel + 1} of ${asMaps(input.shape)[2]}`,
    });
    this.after.draw(output, map, { cell, title: `What it makes: map ${map + 1}, row ${cell[0] + 1}, column ${cell[1] + 1}` });
    this.reading.textContent = movement(windows);
    this.mix(middles, middle.number);
    const [, width, maps] = asMaps(output.shape);
    const sum = middles.reduce((all, each) => all + each.sum * each.weight, 0);
    show(this.sums, ...ending(this.layer, sum, bias, output.data[(cell[0] * width + cell[1]) * maps + map]!));
  }

  private middleToShow(middles: Middle[], map: number): number {
    if (this.shownOf !== map) {
      this.shown = null;
      this.shownOf = map;
    }
    this.shown ??= byStrength(middles)[0]!.number;
    return this.shown;
  }

  /** The strongest parts of the mixture, a row each. */
  private mix(middles: Middle[], shown: number): void {
    // A weight that is being edited keeps its row.
    if (this.mixture.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement) return;
    const strongest = byStrength(middles).slice(0, MOST);
    const left = middles.length - strongest.length;
    this.left.textContent = left ? `and ${plural(left, "weaker one")}` : "";
    show(this.mixture,
      h("thead", {}, h("tr", {}, ...["from", "sum", "× weight", "= product"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, ...strongest.map((each) => this.row(each, each.number === shown))));
  }

  private row(each: Middle, isShown: boolean): HTMLElement {
    const multiplier = this.layer.weights[0]!.shape[3]!;
    const map = `map ${each.channel + 1}`;
    const name = multiplier > 1 ? `${map}, kernel ${(each.number % multiplier) + 1}` : map;
    const choose = h("button", {
      type: "button", "aria-pressed": String(isShown), "data-middle": each.number,
      onclick: () => {
        this.shown = each.number;
        void this.update();
      },
    }, name);
    const field = h("input", { type: "text", inputmode: "decimal", value: words(each.weight), "aria-label": `Weight of ${name}` });
    field.addEventListener("change", () => {
      field.blur();
      void this.editWeight(each.number, field.value);
    });
    return h("tr", { class: isShown ? "chosen" : null },
      h("th", { scope: "row" }, choose),
      h("td", {}, value(each.sum, "middle sum", 3)), h("td", {}, field), h("td", {}, value(each.sum * each.weight, "mixed", 3)));
  }

  private async editKernel(place: number, number: number): Promise<void> {
    const weight = await this.store.weight(this.layer.name, 0);
    const data = weight.data.slice();
    data[place * weight.shape[2]! * weight.shape[3]! + (this.shown ?? 0)] = number;
    await this.store.setWeight(this.layer.name, 0, data);
  }

  private async editWeight(middle: number, text: string): Promise<void> {
    const number = parse(text);
    if (number === null) return;
    const weight = await this.store.weight(this.layer.name, 1);
    const data = weight.data.slice();
    data[middle * weight.shape[3]! + this.store.selection.map] = number;
    await this.store.setWeight(this.layer.name, 1, data);
  }

  stop(): void {
    this.player.stop();
  }
}

function byStrength(middles: Middle[]): Middle[] {
  const strength = (each: Middle) => Math.abs(each.sum * each.weight);
  return [...middles].sort((one, other) => strength(other) - strength(one));
}

export const explainSeparable = (store: Store, layer: Layer): Explanation => new Separable(store, layer);
