/** What the network answers: a bar for each class, which moves while one draws. */

import type { Store } from "../store";
import { type Child, h, show } from "./dom";
import { percent, words } from "./numbers";

const MOST = 12;

interface Row {
  item: HTMLElement;
  name: HTMLElement;
  bar: HTMLElement;
  value: HTMLElement;
}

/** The network's probabilities, or its votes, one for each class. */
export function classValues(store: Store): number[] {
  const tensor = store.answer;
  if (!tensor) return store.network.classNames.map(() => 0);
  // One output is the second of two classes.
  if (tensor.data.length === 1 && store.network.classNames.length === 2) return [1 - tensor.data[0]!, tensor.data[0]!];
  return Array.from(tensor.data);
}

export class Answer {
  private static number = 0;
  readonly element: HTMLElement;
  private readonly headline = h("p", { class: "headline" });
  /** The answer alone, which stays in sight on a narrow screen. */
  readonly ticker = h("div", { class: "ticker", "aria-hidden": "true" });
  private readonly list = h("ol", { class: "bars" });
  private readonly rows: Row[];
  private readonly spoken = h("p", { class: "unseen", role: "status" });
  private timer = 0;

  constructor(private readonly store: Store, title = "Its answer", more: Child = null) {
    const id = `answer-${(Answer.number += 1)}`;
    const number = Math.min(MOST, store.network.classNames.length);
    this.rows = Array.from({ length: number }, () => this.row());
    show(this.list, ...this.rows.map((row) => row.item));
    const note = store.network.multiLabel
      ? "Each class by itself: a picture may show several."
      : store.givesProbabilities
        ? "How probable the network holds each class; they sum to 100 %."
        : "Votes: the mean of the values that are wired to each class.";
    this.element = h(
      "section", { class: "card answer", "aria-labelledby": id },
      h("h2", { id }, title),
      this.headline, this.list, this.spoken,
      h("p", { class: "soft" }, note),
      more,
    );
    store.on(["outputs"], () => this.draw());
  }

  private row(): Row {
    const [name, bar, value] = [h("span", { class: "class" }), h("span", { class: "fill" }), h("span", { class: "value" })];
    return { item: h("li", {}, name, h("span", { class: "track", "aria-hidden": "true" }, bar), value), name, bar, value };
  }

  private draw(): void {
    const { classNames } = this.store.network;
    const values = classValues(this.store);
    // With few classes the order stays, so that bars move and names do not.
    const all = values.map((_, index) => index);
    const shown = values.length <= MOST ? all : all.sort((one, other) => values[other]! - values[one]!).slice(0, MOST);
    const best = values.indexOf(Math.max(...values));
    const text = (value: number) => (this.store.givesProbabilities ? percent(value) : words(value));
    this.rows.forEach((row, place) => {
      const index = shown[place]!;
      row.name.textContent = classNames[index] ?? String(index);
      row.bar.style.width = `${100 * Math.max(0, Math.min(1, values[index]!))}%`;
      row.value.textContent = text(values[index]!);
      row.item.dataset["class"] = String(index);
      row.item.dataset["value"] = String(values[index]);
      row.item.classList.toggle("best", index === best);
    });
    show(this.headline, h("b", {}, classNames[best] ?? String(best)), ` ${text(values[best]!)}`, this.truth(best));
    show(this.ticker, "Its answer: ", h("b", {}, classNames[best] ?? String(best)), ` ${text(values[best]!)}`);
    this.speak(`${classNames[best]}, ${text(values[best]!)}`);
  }

  private truth(best: number): HTMLElement | null {
    const { label, network } = this.store;
    if (label === null) return null;
    return h("small", { class: label === best ? "right" : "wrong" }, label === best ? "right" : `it is ${network.classNames[label]}`);
  }

  /** Say the answer once the pen rests, not at every stroke. */
  private speak(sentence: string): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      if (this.spoken.textContent !== sentence) this.spoken.textContent = sentence;
    }, 700);
  }
}
