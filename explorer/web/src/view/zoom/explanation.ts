/** What every explanation of a layer is, and parts that several share. */

import { scalarNamed, type Constants } from "../../compute/activations";
import { windowsOf, type Windows } from "../../compute/windows";
import type { Layer } from "../../network";
import { activationOf, type Store } from "../../store";
import { button, h } from "../dom";
import { curveWords } from "../words";
import { value } from "./grid";
import type { Window } from "./map_view";

export interface Explanation {
  element: HTMLElement;
  /** Show the present numbers of the selected map and cell. */
  update(): void | Promise<void>;
  stop?(): void;
}

export type Explain = (store: Store, layer: Layer) => Explanation;

/** The function of one number at a layer's end; null for softmax, which needs all of them. */
export function curve(layer: Layer): ((value: number) => number) | null {
  try {
    return scalarNamed(activationOf(layer), (layer.config["constants"] ?? {}) as Constants).value;
  } catch {
    return null;
  }
}

/** Windows of a convolution or pooling layer over maps of a shape. */
export function windowsFor(layer: Layer, shape: number[], kernel: [number, number]): Windows {
  const pair = (name: string, fallback: [number, number]) => {
    const found = layer.config[name];
    if (typeof found === "number") return [found, found] as [number, number];
    return Array.isArray(found) ? (found as [number, number]) : fallback;
  };
  const isPooling = layer.kind.includes("Pooling");
  return windowsOf(shape, kernel, pair("strides", isPooling ? kernel : [1, 1]), pair("dilation_rate", [1, 1]), (layer.config["padding"] as string) ?? "valid");
}

/** Where the window of one cell stands. */
export function windowAt(windows: Windows, [row, column]: [number, number]): Window {
  const { strides, before, kernel, dilation } = windows;
  return {
    top: row * strides[0] - before[0],
    left: column * strides[1] - before[1],
    height: (kernel[0] - 1) * dilation[0] + 1,
    width: (kernel[1] - 1) * dilation[1] + 1,
  };
}

/** The cell whose window has its middle nearest to a place of the input. */
export function cellOver(windows: Windows, [row, column]: [number, number]): [number, number] {
  const { strides, before, kernel, outHeight, outWidth } = windows;
  const at = (place: number, axis: 0 | 1, size: number) =>
    Math.max(0, Math.min(size - 1, Math.round((place + before[axis] - (kernel[axis] - 1) / 2) / strides[axis])));
  return [at(row, 0, outHeight), at(column, 1, outWidth)];
}

/** "stride 2, padding 1": how the window moves, in words. */
export function movement(windows: Windows): string {
  const same = ([one, other]: [number, number]) => (one === other ? String(one) : `${one} × ${other}`);
  const words = [`stride ${same(windows.strides)}: the window moves ${same(windows.strides)} ${windows.strides[0] === 1 ? "cell" : "cells"} at a time`];
  const padded = windows.before[0] > 0 || windows.before[1] > 0;
  words.push(padded ? "padding with zeros (hatched), so that it can stand at the edge" : "no padding: it stays inside");
  if (windows.dilation[0] > 1) words.push(`dilation ${windows.dilation[0]}: it reads every ${windows.dilation[0]}nd or so cell`);
  return `${words.join("; ")}.`;
}

/** Buttons that move the chosen cell over all positions. */
export class Player {
  readonly element: HTMLElement;
  private timer = 0;
  private readonly play: HTMLButtonElement;

  constructor(private readonly store: Store, private readonly size: [number, number]) {
    this.play = button("▶ Slide the window", () => (this.timer ? this.stop() : this.start()), { class: "play-button" });
    this.element = h("div", { class: "tools" },
      button("◀ Back", () => this.step(-1)), this.play,
      button("Next ▶", () => this.step(1)));
  }

  private step(by: number): boolean {
    const [height, width] = this.size;
    const { layer, map, cell } = this.store.selection;
    const place = cell[0] * width + cell[1] + by;
    const inside = place >= 0 && place < height * width;
    const next = inside ? place : by > 0 ? 0 : height * width - 1;
    this.store.select(layer, map, [Math.floor(next / width), next % width]);
    return inside;
  }

  private start(): void {
    this.play.textContent = "■ Stop";
    const [height, width] = this.size;
    const { layer, map, cell } = this.store.selection;
    if (cell[0] === height - 1 && cell[1] === width - 1) this.store.select(layer, map, [0, 0]);
    this.timer = window.setInterval(() => this.step(1) || this.stop(), 220);
  }

  stop(): void {
    window.clearInterval(this.timer);
    this.timer = 0;
    this.play.textContent = "▶ Slide the window";
  }
}

/** A line of arithmetic: a name on the left, a number on the right. */
export function line(name: string, number: number, key: string, sign = ""): HTMLElement {
  return h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "sign" }, sign), h("td", {}, value(number, key)));
}

/** The last lines of a sum: bias, activation, and the network's own value beside them. */
export function ending(layer: Layer, sum: number, bias: number | null, own: number): HTMLElement[] {
  const total = sum + (bias ?? 0);
  const lines = [line("sum of all products", sum, "sum")];
  if (bias !== null) {
    lines.push(line("bias", bias, "bias", "+"), line("sum and bias", total, "total", "="));
  }
  const words = curveWords(layer);
  const bend = curve(layer);
  if (words && bend) lines.push(line(words[0], bend(total), "activation", "→"));
  lines.push(h("tr", { class: "own" }, h("th", { scope: "row" }, "the network's own value"), h("td", { class: "sign" }, "="), h("td", {}, value(own, "own"))));
  return lines;
}
