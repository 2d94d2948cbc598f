/** A fully connected unit: its strongest votes for and against. */

import type { Tensor } from "../../engine";
import type { Layer } from "../../network";
import { asMaps, shortName, type Store } from "../../store";
import { h, show } from "../dom";
import { plural, words } from "../numbers";
import { ending, type Explanation } from "./explanation";
import { parse, value } from "./grid";
import { MapView } from "./map_view";

const MOST = 8;

interface Vote {
  input: number;
  value: number;
  weight: number;
  product: number;
}

class DenseUnit implements Explanation {
  readonly element = h("div", { class: "explanation" });
  private readonly title = h("h4", {});
  private readonly pro = h("table", { class: "votes" });
  private readonly contra = h("table", { class: "votes" });
  private readonly sums = h("table", { class: "sums" });
  private readonly bias = h("input", { type: "text", inputmode: "decimal", "aria-label": "Bias of this unit" });
  private readonly map = new MapView({ title: "Where the votes come from" });
  private readonly mapBox: HTMLElement;

  constructor(private readonly store: Store, private readonly layer: Layer) {
    this.mapBox = h("div", {}, this.map.element, h("p", { class: "soft" }, "All votes of a place, summed over its maps."));
    this.bias.addEventListener("change", () => void this.edit("bias", 0, this.bias.value));
    show(
      this.element, this.title,
      h("div", { class: "two" },
        h("div", {}, h("h4", {}, "Strongest votes for"), h("div", { class: "table-box" }, this.pro)),
        h("div", {}, h("h4", {}, "Strongest votes against"), h("div", { class: "table-box" }, this.contra))),
      h("div", { class: "two" },
        h("div", {}, h("h4", {}, "All votes together"), this.sums, this.hasBias ? h("label", { class: "bias" }, "Change the bias ", this.bias) : null),
        this.spatial ? this.mapBox : null),
    );
  }

  private get hasBias(): boolean {
    return this.layer.weights.some((weight) => weight.name.includes("bias"));
  }

  /** The maps before a flatten layer, whose cells can be named by row and column. */
  private get spatial(): [number, number, number] | null {
    const before = this.store.layer(this.layer.inputs[0]!);
    if (before.kind !== "Flatten") return null;
    const maps = asMaps(this.store.layer(before.inputs[0]!).shape);
    return maps[0] * maps[1] > 1 ? maps : null;
  }

  async update(): Promise<void> {
    const input = this.store.inputsOf(this.layer)[0];
    const output = this.store.outputs[this.layer.name];
    const { map: unit, layer } = this.store.selection;
    if (!input || !output || layer !== this.layer.name) return;
    const kernel = await this.store.weight(layer, 0);
    const bias = this.hasBias ? (await this.store.weight(layer, 1)).data[unit]! : null;
    const all = votes(input, kernel, unit, this.offset(input));
    const sorted = [...all].sort((one, other) => other.product - one.product);
    const isClass = this.layer.name === this.store.network.logits;
    this.title.textContent = isClass ? `Who votes for “${this.store.network.classNames[unit] ?? unit}”?` : `Unit ${unit + 1} of ${output.shape.at(-1)}`;
    this.list(this.pro, sorted.filter((vote) => vote.product > 0).slice(0, MOST));
    this.list(this.contra, sorted.filter((vote) => vote.product < 0).reverse().slice(0, MOST));
    const sum = all.reduce((total, vote) => total + vote.product, 0);
    const { cell } = this.store.selection;
    const [, width, units] = asMaps(output.shape);
    show(this.sums,
      h("tr", {}, h("th", { scope: "row" }, plural(all.length, "product")), h("td", {}), h("td", {})),
      ...ending(this.layer, sum, bias, output.data[(cell[0] * width + cell[1]) * units + unit]!));
    if (bias !== null && document.activeElement !== this.bias) this.bias.value = words(bias, 4);
    const { spatial } = this;
    if (spatial) this.map.draw(summedOverMaps(all, spatial), 0);
  }

  /** Where the chosen cell's values begin, for layers that go over maps. */
  private offset(input: Tensor): number {
    const [, width, values] = asMaps(input.shape);
    const { cell } = this.store.selection;
    return input.shape.length > 1 ? (cell[0] * width + cell[1]) * values : 0;
  }

  private list(table: HTMLElement, strongest: Vote[]): void {
    const largest = Math.max(...strongest.map((vote) => Math.abs(vote.product)), 1e-12);
    // A weight that is being edited keeps its row.
    if (table.contains(document.activeElement)) return;
    show(table,
      h("thead", {}, h("tr", {}, ...["from", "value", "× weight", "= vote"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...strongest.map((vote) => this.row(vote, largest))));
    if (!strongest.length) show(table, h("tbody", {}, h("tr", {}, h("td", {}, "None."))));
  }

  private row(vote: Vote, largest: number): HTMLElement {
    const field = h("input", { type: "text", inputmode: "decimal", value: words(vote.weight), "aria-label": `Weight of ${this.nameOf(vote.input)}` });
    field.addEventListener("change", () => {
      field.blur();
      void this.edit("kernel", vote.input, field.value);
    });
    return h(
      "tr", { "data-input": vote.input, "data-product": vote.product },
      h("th", { scope: "row" }, this.nameOf(vote.input)),
      h("td", {}, words(vote.value)),
      h("td", {}, field),
      h("td", {}, h("span", { class: vote.product < 0 ? "vote below" : "vote above", style: `width:${(60 * Math.abs(vote.product)) / largest}px`, "aria-hidden": "true" }), value(vote.product, "vote", 3)),
    );
  }

  private nameOf(input: number): string {
    const maps = this.spatial;
    if (!maps) return `${shortName(this.layer.inputs[0]!)} ${input + 1}`;
    const [, width, number] = maps;
    return `map ${(input % number) + 1}, row ${Math.floor(input / (width * number)) + 1}, column ${(Math.floor(input / number) % width) + 1}`;
  }

  private async edit(which: "kernel" | "bias", input: number, text: string): Promise<void> {
    const number = parse(text);
    if (number === null) return;
    const index = which === "kernel" ? 0 : 1;
    const weight = await this.store.weight(this.layer.name, index);
    const data = weight.data.slice();
    const unit = this.store.selection.map;
    data[which === "kernel" ? input * weight.shape[1]! + unit : unit] = number;
    await this.store.setWeight(this.layer.name, index, data);
  }
}

function votes(input: Tensor, kernel: Tensor, unit: number, offset: number): Vote[] {
  const [inputs, units] = kernel.shape as [number, number];
  return Array.from({ length: inputs }, (_, index) => {
    const weight = kernel.data[index * units + unit]!;
    const each = input.data[offset + index]!;
    return { input: index, value: each, weight, product: each * weight };
  });
}

function summedOverMaps(all: Vote[], [height, width, maps]: [number, number, number]): Tensor {
  const data = new Float32Array(height * width);
  for (const vote of all) data[Math.floor(vote.input / maps)]! += vote.product;
  return { shape: [height, width, 1], data };
}

export const explainDense = (store: Store, layer: Layer): Explanation => new DenseUnit(store, layer);
