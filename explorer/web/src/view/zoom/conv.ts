/** A convolution, number by number: patch times kernel, all products, their sum, bias, curve. */

import { type Windows } from "../../compute/windows";
import type { Tensor } from "../../engine";
import type { Layer } from "../../network";
import { asMaps, shortName, type Store } from "../../store";
import { h, show } from "../dom";
import { words } from "../numbers";
import { cellOver, ending, movement, Player, windowAt, windowsFor, type Explanation } from "./explanation";
import { type Filter, filterOf, slice } from "./filter";
import { filterTools } from "./filter_tools";
import { NumberGrid, parse, value } from "./grid";
import { MapView } from "./map_view";

const MOST_CHANNELS = 18;

class Convolution implements Explanation {
  readonly element = h("div", { class: "explanation" });
  private readonly before: MapView;
  private readonly after: MapView;
  private readonly channels = h("div", { class: "channels" });
  private readonly sums = h("table", { class: "sums" });
  private readonly reading = h("p", { class: "soft" });
  private readonly player: Player;
  private grids: { patch: NumberGrid; kernel: NumberGrid; products: NumberGrid } | null = null;
  private readonly gridBox = h("div", { class: "products" });
  private readonly bias = h("input", { type: "text", inputmode: "decimal", "aria-label": "Bias of this filter" });
  /** Which of the filter's maps is shown; the strongest until the reader chooses. */
  private shown: number | null = null;
  private shownOf = "";

  constructor(private readonly store: Store, private readonly layer: Layer) {
    const [height, width] = asMaps(layer.shape);
    this.player = new Player(store, [height, width]);
    this.before = new MapView({ title: "What it reads", onchoose: (cell) => void this.over(cell) });
    this.after = new MapView({ title: "The map it makes", onchoose: (cell) => store.select(layer.name, store.selection.map, cell) });
    this.bias.addEventListener("change", () => void this.editBias());
    const biasRow = this.hasBias ? h("label", { class: "bias" }, "Bias ", this.bias) : null;
    show(
      this.element,
      h("div", { class: "flow" }, this.before.element, this.gridBox, this.after.element),
      this.player.element,
      this.reading,
      h("div", { class: "two" },
        h("div", {}, h("h4", {}, "All that is summed"), this.channels, this.sums),
        h("div", {}, h("h4", {}, "Change this filter"), h("p", { class: "soft" }, "Type into the kernel above, or replace it. All that follows is computed anew."), filterTools(store, layer), biasRow)),
    );
  }

  private get hasBias(): boolean {
    return this.layer.weights.some((weight) => weight.name.includes("bias"));
  }

  private async parts(): Promise<{ kernel: Tensor; filter: Filter; input: Tensor; windows: Windows } | null> {
    const input = this.store.inputsOf(this.layer)[0];
    if (!input) return null;
    const kernel = await this.store.weight(this.layer.name, 0);
    const filter = filterOf(this.layer, kernel, this.store.selection.map, asMaps(input.shape)[2]);
    return { kernel, filter, input, windows: windowsFor(this.layer, input.shape, [filter.height, filter.width]) };
  }

  private async over(place: [number, number]): Promise<void> {
    const parts = await this.parts();
    if (parts) this.store.select(this.layer.name, this.store.selection.map, cellOver(parts.windows, place));
  }

  async update(): Promise<void> {
    const parts = await this.parts();
    const output = this.store.outputs[this.layer.name];
    const { layer, map, cell } = this.store.selection;
    if (!parts || !output || layer !== this.layer.name) return;
    const { kernel, filter, input, windows } = parts;
    const bias = this.hasBias ? (await this.store.weight(layer, 1)).data[map]! : null;
    const patches = filter.channels.map((channel) => patchOf(input, windows, cell, channel));
    const weights = filter.channels.map((_, n) => slice(filter, kernel.data, n));
    const totals = patches.map((patch, n) => patch.reduce<number>((sum, pixel, place) => sum + (pixel ?? 0) * weights[n]![place]!, 0));
    const n = this.channelToShow(totals, `${map}`);
    const grids = this.makeGrids(filter);
    const products = patches[n]!.map((pixel, place) => (pixel ?? 0) * weights[n]![place]!);
    grids.patch.set(patches[n]!);
    grids.kernel.set(weights[n]!);
    grids.products.set(products);
    const padding = marginOf(windows);
    const channel = filter.channels[n]!;
    const many = asMaps(input.shape)[2];
    this.before.draw(input, channel, {
      window: windowAt(windows, cell), padding,
      title: `What it reads: ${shortName(this.layer.inputs[0]!)}${many > 1 ? `, map ${channel + 1} of ${many}` : ""}`,
    });
    this.after.draw(output, map, { cell, title: `What it makes: map ${map + 1}, row ${cell[0] + 1}, column ${cell[1] + 1}` });
    this.reading.textContent = movement(windows);
    this.showChannels(filter, totals, n);
    const [, width, maps] = asMaps(output.shape);
    const sum = totals.reduce((all, each) => all + each, 0);
    show(this.sums, ...ending(this.layer, sum, bias, output.data[(cell[0] * width + cell[1]) * maps + map]!));
    if (bias !== null && document.activeElement !== this.bias) this.bias.value = words(bias, 4);
  }

  private channelToShow(totals: number[], key: string): number {
    if (this.shownOf !== key) {
      this.shown = null;
      this.shownOf = key;
    }
    // Once chosen it stays while the reader moves, so that the grids do not jump between maps.
    this.shown ??= totals.reduce((best, total, n) => (Math.abs(total) > Math.abs(totals[best]!) ? n : best), 0);
    return Math.min(this.shown, totals.length - 1);
  }

  private makeGrids(filter: Filter): NonNullable<Convolution["grids"]> {
    if (this.grids) return this.grids;
    const size = { rows: filter.height, columns: filter.width };
    this.grids = {
      patch: new NumberGrid({ title: "Patch", ...size }),
      kernel: new NumberGrid({ title: "Kernel", ...size, onedit: (place, number) => void this.editKernel(place, number) }),
      products: new NumberGrid({ title: "Products", ...size }),
    };
    const { patch, kernel, products } = this.grids;
    show(this.gridBox, patch.element, h("span", { class: "sign" }, "×"), kernel.element, h("span", { class: "sign" }, "="), products.element);
    return this.grids;
  }

  private showChannels(filter: Filter, totals: number[], shown: number): void {
    const all = totals.map((total, n) => ({ total, n }));
    const strongest = [...all].sort((one, other) => Math.abs(other.total) - Math.abs(one.total)).slice(0, MOST_CHANNELS);
    const listed = all.length <= MOST_CHANNELS ? all : strongest;
    const left = all.length - listed.length;
    const chip = ({ total, n }: { total: number; n: number }) =>
      h("button", {
        type: "button", class: "chip", "aria-pressed": String(n === shown), "data-channel": n,
        onclick: () => {
          this.shown = n;
          void this.update();
        },
      }, all.length > 1 ? `map ${filter.channels[n]! + 1}: ` : "its products: ", value(total, `channel ${n}`, 3));
    show(this.channels, ...listed.map(chip), left > 0 && h("span", { class: "soft" }, ` and ${left} weaker ones`));
  }

  private async editKernel(place: number, number: number): Promise<void> {
    const parts = await this.parts();
    if (!parts) return;
    const data = parts.kernel.data.slice();
    data[parts.filter.index(Math.floor(place / parts.filter.width), place % parts.filter.width, this.shown ?? 0)] = number;
    await this.store.setWeight(this.layer.name, 0, data);
  }

  private async editBias(): Promise<void> {
    const number = parse(this.bias.value);
    if (number === null) return;
    const data = (await this.store.weight(this.layer.name, 1)).data.slice();
    data[this.store.selection.map] = number;
    await this.store.setWeight(this.layer.name, 1, data);
  }

  stop(): void {
    this.player.stop();
  }
}

/** The values under a window of one map; null where it stands on padding. */
export function patchOf(input: Tensor, windows: Windows, [row, column]: [number, number], channel: number): (number | null)[] {
  const { kernel, strides, before, dilation, height, width } = windows;
  const maps = asMaps(input.shape)[2];
  return Array.from({ length: kernel[0] * kernel[1] }, (_, place) => {
    const y = row * strides[0] - before[0] + Math.floor(place / kernel[1]) * dilation[0];
    const x = column * strides[1] - before[1] + (place % kernel[1]) * dilation[1];
    const inside = y >= 0 && x >= 0 && y < height && x < width;
    return inside ? input.data[(y * width + x) * maps + channel]! : null;
  });
}

/** By how many cells windows stand over a map's edge, at most. */
export function marginOf(windows: Windows): number {
  const end = windowAt(windows, [windows.outHeight - 1, windows.outWidth - 1]);
  return Math.max(0, ...windows.before, end.top + end.height - windows.height, end.left + end.width - windows.width);
}

export function explainConvolution(store: Store, layer: Layer): Explanation {
  return new Convolution(store, layer);
}
