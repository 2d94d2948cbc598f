/** Softmax: from scores to probabilities, a row for each class. Sigmoid: each class by itself. */

import type { Layer } from "../../network";
import { activationOf, type Store } from "../../store";
import { h, show } from "../dom";
import { percent, words } from "../numbers";
import type { Explanation } from "./explanation";
import { value } from "./grid";

const MOST = 12;

class Softmax implements Explanation {
  readonly element = h("div", { class: "explanation" });
  private readonly table = h("table", { class: "votes" });
  private readonly words = h("p", {});

  constructor(private readonly store: Store, private readonly layer: Layer) {
    show(this.element, h("div", { class: "table-box" }, this.table), this.words);
  }

  update(): void {
    const input = this.store.inputsOf(this.layer)[0];
    const output = this.store.outputs[this.layer.name];
    if (!input || !output) return;
    const scores = Array.from(input.data);
    const largest = Math.max(...scores);
    const powers = scores.map((score) => Math.exp(score - largest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    const order = scores.map((_, index) => index).sort((one, other) => scores[other]! - scores[one]!);
    const shown = order.slice(0, MOST);
    const names = this.store.network.classNames;
    show(this.table,
      h("thead", {}, h("tr", {}, ...["class", "score z", "exp(z − greatest)", "divided by the sum", "the network's own"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...shown.map((index) => h(
        "tr", { class: index === this.store.selection.map ? "chosen" : "", "data-class": index },
        h("th", { scope: "row" }, names[index] ?? String(index + 1)),
        h("td", {}, value(scores[index]!, "score")),
        h("td", {}, value(powers[index]!, "power")),
        h("td", {}, h("span", { class: "vote above", style: `width:${(80 * powers[index]!) / total}px`, "aria-hidden": "true" }), value(powers[index]! / total, "probability", 3)),
        h("td", {}, h("b", { class: "value", "data-name": "own", "data-value": output.data[index]! }, percent(output.data[index]!)))))));
    const left = order.length - shown.length;
    this.words.textContent =
      `The sum of the third column${left > 0 ? `, with the ${left} classes not shown,` : ""} is ${words(total, 4)}. The greatest score is taken off first, which changes no probability but keeps the powers small.`;
  }
}

/** Whether a layer is explained as softmax. */
export function isSoftmax(layer: Layer): boolean {
  return layer.config["arithmetic"] !== "dense" && activationOf(layer) === "softmax";
}

export const explainSoftmax = (store: Store, layer: Layer): Explanation => new Softmax(store, layer);
