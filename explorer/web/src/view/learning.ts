/** Backwards: the loss of a label, the gradients that it sends, and one step of gradient descent. */

import type { Tensor } from "../engine";
import { asMaps, shortName, type Store } from "../store";
import { classValues } from "./answer";
import { button, h, show, slider } from "./dom";
import { percent, words } from "./numbers";
import { filterOf, slice } from "./zoom/filter";
import { NumberGrid, value } from "./zoom/grid";
import { MapView } from "./zoom/map_view";

const FIRST_RATE = -2;

export class Learning {
  readonly element: HTMLElement;
  private rate = 10 ** FIRST_RATE;
  private readonly label: HTMLSelectElement;
  private readonly loss = h("p", { class: "loss" });
  private readonly list = h("div", { class: "table-box" });
  private readonly detail = h("div", { class: "flow" });
  private readonly history = h("p", { role: "status" });
  private readonly step = button("Make one step", () => void this.makeStep(), { class: "primary" });

  constructor(private readonly store: Store) {
    this.label = h("select", { id: "true-label" }, h("option", { value: "" }, "choose the true class"), ...store.network.classNames.map((name, index) => h("option", { value: index }, name)));
    this.label.addEventListener("change", () => {
      this.wanted = this.label.value === "" ? null : Number(this.label.value);
      this.refresh();
    });
    if (!store.network.layers.some((layer) => layer.weights.some((weight) => weight.trainable))) {
      this.element = h("section", { class: "card learning", "aria-labelledby": "learning-title" },
        h("h2", { id: "learning-title" }, "How it learns"),
        h("p", {}, "This network does not learn: its weights were made by hand, or are frozen. You can change each of them above."));
      return;
    }
    const rate = slider("Learning rate", { min: -5, max: 1, step: 0.25, value: FIRST_RATE }, (power) => words(10 ** power, 2), (power) => {
      this.rate = 10 ** power;
      this.draw();
    });
    this.element = h(
      "section", { class: "card learning", "aria-labelledby": "learning-title" },
      h("h2", { id: "learning-title" }, "How it learns: one step backwards"),
      h("p", {}, "Say which class is right. The loss tells how wrong the answer is. Its gradient then goes backwards through the layers and says of every weight whether the loss would grow or shrink with it. Training is many such steps, each against the gradient."),
      h("p", { class: "formula" }, "loss = −log( probability of the true class )\nweight after = weight − learning rate · gradient"),
      h("div", { class: "tools" }, h("label", { for: "true-label" }, "It is a "), this.label, rate, this.step, button("Trained weights back", () => void this.reset())),
      this.loss, this.history, this.detail, this.list,
    );
    store.on(["gradients"], () => this.draw());
    store.on(["selection"], () => {
      const { gradients } = store;
      if (gradients && !gradients.maps[store.selection.layer]) this.refresh();
      else this.draw();
    });
    store.on(["outputs"], () => this.refresh());
    store.on(["label"], () => this.choose(store.label));
    // What nobody sees need not be computed at every stroke.
    new IntersectionObserver((entries) => {
      this.isOpen = entries.at(-1)!.isIntersecting;
      if (this.isOpen && !this.store.gradients) this.refresh();
    }).observe(this.element);
    this.choose(store.label);
  }

  private choose(label: number | null): void {
    if (label === null) return;
    this.label.value = String(label);
    this.wanted = label;
  }

  /** After the picture or a weight has changed: gradients are asked for anew if they are in use. */
  private refresh(): void {
    if (this.wanted !== null && !this.busy && this.isOpen) void this.store.backward(this.wanted);
    else this.draw();
  }

  private busy = false;
  private isOpen = false;
  /** The class that the reader says is right. */
  private wanted: number | null = null;

  private draw(): void {
    const { gradients } = this.store;
    this.step.disabled = !gradients || !Object.values(gradients.weights).some((each) => each.length);
    if (!gradients) {
      show(this.loss);
      show(this.detail);
      show(this.list);
      return;
    }
    const label = this.wanted ?? 0;
    const probability = classValues(this.store)[label] ?? 0;
    show(this.loss, "The network gives “", this.store.network.classNames[label]!, "” ", h("b", {}, percent(probability)), ", so the loss is ", value(gradients.loss, "loss"), ".");
    this.table(gradients.weights);
    void this.kernel();
  }

  /** How much gradient reaches each layer. */
  private table(weights: Record<string, Tensor[]>): void {
    const rows = this.store.network.layers.filter((layer) => weights[layer.name]?.length);
    const sizes = rows.map((layer) => norm(weights[layer.name]![0]!.data));
    const largest = Math.max(...sizes, 1e-12);
    show(this.list, h("table", { class: "votes" },
      h("caption", {}, "How much gradient reaches each layer's weights (root of the mean square)"),
      h("tbody", {}, ...rows.map((layer, index) => h("tr", {},
        h("th", { scope: "row" }, button(shortName(layer.name), () => this.store.select(layer.name))),
        h("td", {}, h("span", { class: "vote above", style: `width:${(160 * sizes[index]!) / largest}px`, "aria-hidden": "true" }), words(sizes[index]!)))))));
  }

  /** The chosen filter's kernel, its gradient, and what one step would make of it. */
  private async kernel(): Promise<void> {
    const { gradients, selected: layer, selection } = this.store;
    const ofMap = gradients?.maps[layer.name];
    if (!gradients || !ofMap) return show(this.detail);
    const map = new MapView({ title: `Gradient of map ${selection.map + 1}` });
    map.draw(ofMap, selection.map, { title: `Gradient that reaches ${shortName(layer.name)}, map ${selection.map + 1}: blue means that a larger value there makes the loss larger` });
    const gradient = gradients.weights[layer.name]?.[0];
    if (!gradient || gradient.shape.length !== 4) return show(this.detail, map.element, this.hint());
    const now = await this.store.weight(layer.name, 0);
    if (this.store.gradients !== gradients) return;
    const before = asMaps(this.store.layer(layer.inputs[0]!).shape)[2];
    const filter = filterOf(layer, now, selection.map, before);
    const n = strongest(filter.channels.map((_, each) => norm(slice(filter, gradient.data, each))));
    const size = { rows: filter.height, columns: filter.width };
    const kernels: [string, number[]][] = [
      ["Kernel now", slice(filter, now.data, n)],
      inUnits("Its gradient", slice(filter, gradient.data, n)),
    ];
    const slopes = slice(filter, gradient.data, n);
    kernels.push(["Kernel after the step", kernels[0]![1].map((weight, place) => weight - this.rate * slopes[place]!)]);
    const grids = kernels.map(([title, values]) => {
      const grid = new NumberGrid({ title, ...size });
      grid.set(values);
      return grid.element;
    });
    show(this.detail, map.element, ...grids,
      filter.channels.length > 1 && h("p", { class: "soft" }, `The slice for map ${filter.channels[n]! + 1} of ${shortName(layer.inputs[0]!)}, to which the most gradient goes.`));
  }

  private hint(): HTMLElement {
    return h("p", { class: "soft" }, "Choose a convolution in the overview to see its kernel before and after.");
  }

  private async makeStep(): Promise<void> {
    const { gradients, network } = this.store;
    if (!gradients) return;
    const label = this.wanted ?? 0;
    const [lossBefore, before] = [gradients.loss, classValues(this.store)[label]!];
    this.busy = true;
    const changes: [string, number, Float32Array][] = [];
    for (const layer of network.layers) {
      const found = gradients.weights[layer.name] ?? [];
      const trainable = layer.weights.map((weight, index) => ({ weight, index })).filter((each) => each.weight.trainable);
      for (const [place, { index }] of trainable.entries()) {
        if (!found[place]) continue;
        const now = await this.store.weight(layer.name, index);
        changes.push([layer.name, index, now.data.map((weight, at) => weight - this.rate * found[place]!.data[at]!)]);
      }
    }
    await this.store.setWeights(changes);
    await this.store.backward(label);
    this.busy = false;
    const after = classValues(this.store)[label]!;
    const lossAfter = this.store.gradients?.loss ?? NaN;
    show(this.history, "One step: the probability of “", network.classNames[label]!, "” went from ", h("b", { "data-name": "before", "data-value": before }, percent(before)), " to ", h("b", { "data-name": "after", "data-value": after }, percent(after)),
      `, the loss from ${words(lossBefore)} to ${words(lossAfter)}.`, lossAfter > lossBefore && " The step was too large: try a smaller learning rate.");
  }

  private async reset(): Promise<void> {
    this.history.textContent = "";
    await this.store.reset();
  }
}

function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += values[index]! ** 2;
  return Math.sqrt(sum / Math.max(1, values.length));
}

/** Small numbers in a unit in which they can be read: "in 10⁻⁵". */
function inUnits(title: string, values: number[]): [string, number[]] {
  const largest = Math.max(...values.map(Math.abs));
  const power = largest > 0 ? Math.floor(Math.log10(largest)) : 0;
  if (power >= -1) return [title, values];
  const raised = [...String(-power)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
  return [`${title}, in 10⁻${raised}`, values.map((value) => value * 10 ** -power)];
}

function strongest(sizes: number[]): number {
  return sizes.indexOf(Math.max(...sizes));
}
