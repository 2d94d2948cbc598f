/** A closer look at the chosen layer: words, formula, and every number of the chosen cell. */

import type { Layer } from "../../network";
import { asMaps, shortName, type Store } from "../../store";
import { h, show } from "../dom";
import { wordLinks } from "../glossary";
import { count } from "../numbers";
import { curveWords, wordsFor } from "../words";
import { explainConvolution } from "./conv";
import { explainDense } from "./dense";
import type { Explain, Explanation } from "./explanation";
import { explainFlattening, explainGlobalPooling, explainPooling } from "./pooling";
import { explainSeparable } from "./separable";
import { explainSoftmax, isSoftmax } from "./softmax";
import { explainBatchNormalization, explainConcatenation, explainCurve, explainMerging, explainScaling, Plain } from "./value_by_value";

const EXPLAIN: Record<string, Explain> = {
  convolution: explainConvolution,
  depthwise_convolution: explainConvolution,
  separable_convolution: explainSeparable,
  max_pooling: explainPooling,
  average_pooling: explainPooling,
  global_average_pooling: explainGlobalPooling,
  global_max_pooling: explainGlobalPooling,
  dense: explainDense,
  batch_normalization: explainBatchNormalization,
  scaling: explainScaling,
  merging: explainMerging,
  concatenation: explainConcatenation,
  activation: explainCurve,
};

function nameAndKind(layer: Layer): string {
  const [name, kind] = [shortName(layer.name), wordsFor(layer).name];
  return name === kind ? name : `${name} (${kind})`;
}

/** The explanation of a layer's arithmetic; its maps alone where there is none. */
function explain(store: Store, layer: Layer): Explanation {
  if (isSoftmax(layer)) return explainSoftmax(store, layer);
  if (layer.kind === "Flatten") return explainFlattening(store, layer);
  const make = EXPLAIN[layer.config["arithmetic"] as string];
  return make ? make(store, layer) : new Plain(store, layer);
}

export class CloserLook {
  readonly element: HTMLElement;
  private readonly title = h("h2", { id: "closer", tabindex: -1 });
  private readonly text = h("div", { class: "words" });
  private readonly body = h("div", {});
  private readonly chooser = h("div", { class: "choosers" });
  private explanation: Explanation | null = null;
  private of = "";
  private pending: Promise<void> | null = null;
  private again = false;

  constructor(private readonly store: Store) {
    this.element = h("section", { class: "card closer", "aria-labelledby": "closer" }, this.title, this.chooser, this.text, this.body);
    store.on(["selection", "outputs", "weights"], () => this.update());
    store.on(["more"], () => {
      const { name, inputs } = store.selected;
      if ([name, ...inputs].some((each) => store.arrived.has(each))) this.update();
    });
    this.update();
  }

  /** Show the selection. A slow explanation is never shown over a newer one. */
  private update(): void {
    const layer = this.store.selected;
    if (this.of !== layer.name) this.change(layer);
    this.describe(layer);
    this.again = true;
    this.pending ??= this.run().finally(() => {
      this.pending = null;
    });
  }

  private async run(): Promise<void> {
    while (this.again) {
      this.again = false;
      try {
        await this.explanation?.update();
      } catch (error) {
        this.store.fail(error instanceof Error ? error.message : String(error));
      }
    }
  }

  private change(layer: Layer): void {
    this.explanation?.stop?.();
    this.of = layer.name;
    this.explanation = explain(this.store, layer);
    const words = wordsFor(layer);
    const curve = isSoftmax(layer) ? null : curveWords(layer);
    show(this.text,
      h("p", {}, words.text),
      h("p", { class: "formula" }, words.formula),
      curve && wordsFor(layer).formula !== "y = max(0, x)" && h("p", { class: "soft" }, `Here the curve f is ${curve[0]}: ${curve[1]}.`),
      wordLinks(layer));
    show(this.body, this.explanation.element);
    show(this.chooser, this.layerChooser(), this.mapChooser(layer));
  }

  private layerChooser(): HTMLElement {
    const { layers } = this.store.network;
    const choose = h("select", { "aria-label": "Layer" }, ...layers.map((each) => h("option", { value: each.name, selected: each.name === this.of }, nameAndKind(each))));
    choose.addEventListener("change", () => this.store.select(choose.value));
    return h("label", {}, "Layer ", choose);
  }

  private mapChooser(layer: Layer): HTMLElement {
    const [height, width, number] = asMaps(layer.shape);
    const field = h("input", { type: "number", min: 1, max: number, value: this.store.selection.map + 1, class: "map-number" });
    field.addEventListener("change", () => this.store.select(layer.name, Number(field.value) - 1));
    return h("label", {}, height * width > 1 ? "Map " : "Value ", field, ` of ${count(number)}`);
  }

  private describe(layer: Layer): void {
    const { map } = this.store.selection;
    const [name, kind] = [shortName(layer.name), wordsFor(layer).name];
    this.title.textContent = `A closer look: ${name}${name === kind ? "" : `, ${kind}`}`;
    const field = this.chooser.querySelector<HTMLInputElement>(".map-number");
    if (field && document.activeElement !== field) field.value = String(map + 1);
    else if (field && Number(field.value) !== map + 1 && field.value !== "") field.value = String(map + 1);
  }
}
