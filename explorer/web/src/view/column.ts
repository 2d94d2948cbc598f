/** One layer of the overview: its facts, and its maps on one canvas of which only the visible part is drawn. */

import type { Layer } from "../network";
import { asMaps, shortName, type Store } from "../store";
import { mapSheet, painter, pictureImage, rangeOf, scale } from "./colour";
import { button, h, sized } from "./dom";
import { count, plural, words } from "./numbers";
import { kindName } from "./words";

const HEIGHT = 354;
const WIDEST = 240;
/** Wider columns get smaller maps. */
const COMFORTABLE = 135;
const LONE = 112;
const GAP = 3;

export class Column {
  readonly element: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  private readonly scroller: HTMLElement;
  private readonly range = h("div", { class: "range soft" });
  private readonly title: HTMLButtonElement;
  private readonly tile: [number, number];
  private readonly across: number;
  private readonly maps: [number, number, number];
  isVisible = false;

  constructor(readonly layer: Layer, private readonly store: Store, onscroll: () => void) {
    this.maps = asMaps(layer.shape);
    const [height, width, number] = this.isPicture ? [this.maps[0], this.maps[1], 1] : this.maps;
    this.tile = tileSize(height, width, number);
    const down = Math.max(1, Math.floor((HEIGHT + GAP) / (this.tile[0] + GAP)));
    const most = Math.max(1, Math.floor((WIDEST + GAP) / (this.tile[1] + GAP)));
    this.across = Math.min(most, Math.ceil(number / down));
    const rows = Math.ceil(number / this.across);
    const box = { width: this.across * (this.tile[1] + GAP) - GAP, height: rows * (this.tile[0] + GAP) - GAP };
    const visible = Math.min(HEIGHT, box.height);
    this.canvas = this.makeCanvas(number);
    sized(this.canvas, box.width, visible);
    this.scroller = h(
      "div",
      { class: box.height > HEIGHT ? "maps long" : "maps", style: `height:${visible}px` },
      h("div", { style: `height:${box.height}px;width:${box.width}px` }, this.canvas),
    );
    this.scroller.addEventListener("scroll", () => {
      this.draw();
      onscroll();
    });
    this.title = button(shortName(layer.name), () => this.store.select(layer.name, store.selection.layer === layer.name ? store.selection.map : undefined), {
      class: "layer-name", "aria-label": `${shortName(layer.name)}, ${kindName(layer)}: look closer`, title: layer.name,
    });
    this.element = h(
      "li", { class: "column", "data-layer": layer.name },
      this.title,
      h("div", { class: "kind" }, kindName(layer)),
      h("div", { class: "shape" }, layer.shape.join(" × ")),
      this.facts(number),
      this.scroller,
      this.range,
    );
  }

  private get isPicture(): boolean {
    const [, , number] = asMaps(this.layer.shape);
    return this.layer.inputs.length === 0 && number === 3;
  }

  private facts(number: number): HTMLElement {
    const { layer } = this;
    const line = (value: string) => h("div", {}, value);
    const [height, width] = this.maps;
    return h(
      "div", { class: "layer-facts soft" },
      line(height * width > 1 ? plural(number, "map") : plural(number, "value")),
      layer.parameters > 0 && line(plural(layer.parameters, "weight")),
      (layer.multiplyAdds ?? 0) > 0 && line(`${count(layer.multiplyAdds ?? 0)} multiply-adds`),
      layer.receptiveField && height * width > 1 && line(`sees ${layer.receptiveField.join(" × ")} pixels`),
    );
  }

  private makeCanvas(number: number): HTMLCanvasElement {
    const canvas = h("canvas", {
      tabindex: 0, role: "slider", "aria-label": `Maps of ${shortName(this.layer.name)}`,
      "aria-valuemin": 1, "aria-valuemax": number, "aria-valuenow": 1,
    });
    canvas.addEventListener("click", (event) => {
      const map = this.mapAt(event);
      if (map !== null) this.choose(map);
    });
    canvas.addEventListener("keydown", (event) => this.key(event, number));
    canvas.addEventListener("focus", () => {
      if (this.store.selection.layer !== this.layer.name) this.describe(0);
    });
    return canvas;
  }

  private choose(map: number): void {
    this.store.select(this.layer.name, map);
  }

  private key(event: KeyboardEvent, number: number): void {
    const moves: Record<string, number> = {
      ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.across, ArrowUp: -this.across, Home: -number, End: number,
    };
    const move = moves[event.key];
    const here = this.store.selection.layer === this.layer.name;
    if (move !== undefined) this.choose(here ? this.store.selection.map + move : 0);
    else if (event.key === "Enter") document.getElementById("closer")?.focus();
    else return;
    event.preventDefault();
    this.reveal();
  }

  private reveal(): void {
    const top = Math.floor(this.store.selection.map / this.across) * (this.tile[0] + GAP);
    const { scrollTop } = this.scroller;
    if (top < scrollTop || top + this.tile[0] > scrollTop + HEIGHT) this.scroller.scrollTop = top - HEIGHT / 2;
  }

  private mapAt(event: MouseEvent): number | null {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top + this.scroller.scrollTop];
    const column = Math.floor(x / (this.tile[1] + GAP));
    const map = Math.floor(y / (this.tile[0] + GAP)) * this.across + column;
    const number = this.isPicture ? 1 : this.maps[2];
    return column < this.across && map >= 0 && map < number ? map : null;
  }

  /** Where a map is drawn, relative to the column; null where it is scrolled out of sight. */
  place(map: number): { left: number; top: number; width: number; height: number } | null {
    const index = this.isPicture ? 0 : map;
    const top = Math.floor(index / this.across) * (this.tile[0] + GAP) - this.scroller.scrollTop;
    if (top < -this.tile[0] / 2 || top > HEIGHT - this.tile[0] / 2) return null;
    const left = (index % this.across) * (this.tile[1] + GAP);
    const [x, y] = [this.scroller.offsetLeft + (this.scroller.clientWidth - this.canvas.offsetWidth) / 2, this.scroller.offsetTop];
    return { left: left + Math.max(0, x), top: top + y, width: this.tile[1], height: this.tile[0] };
  }

  /** Draw the maps that can be seen. */
  draw(): void {
    const tensor = this.store.outputs[this.layer.name];
    if (!tensor || !this.isVisible) return;
    const context = this.canvas.getContext("2d")!;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.imageSmoothingEnabled = this.tile[0] < this.maps[0];
    const range = rangeOf(tensor.data);
    const paint = painter(range, this.layer.inputs.length ? scale() : "grey");
    const [height, width, number] = this.maps;
    const first = Math.floor(this.scroller.scrollTop / (this.tile[0] + GAP)) * this.across;
    const rows = Math.ceil(HEIGHT / (this.tile[0] + GAP)) + 1;
    const last = this.isPicture ? 1 : Math.min(number, first + rows * this.across);
    if (this.isPicture) {
      const image = pictureImage(tensor.data, this.maps, this.store.network.preparation.range);
      context.drawImage(image, 0, 0, this.tile[1], this.tile[0]);
    } else if (last > first) {
      const sheet = mapSheet(tensor.data, this.maps, [first, last], this.across, paint);
      const top = Math.floor(first / this.across) * (this.tile[0] + GAP) - this.scroller.scrollTop;
      if (height * width === 1) this.drawCells(context, sheet, top);
      else this.drawMaps(context, sheet, top, last - first);
    }
    this.mark(context);
    this.range.textContent = range.low >= 0 ? `0 to ${words(range.high)}` : `${words(range.low)} to ${words(range.high)}`;
  }

  private drawMaps(context: CanvasRenderingContext2D, sheet: HTMLCanvasElement, top: number, number: number): void {
    const [height, width] = this.maps;
    for (let map = 0; map < number; map += 1) {
      const [row, column] = [Math.floor(map / this.across), map % this.across];
      const [x, y] = [column * (this.tile[1] + GAP), top + row * (this.tile[0] + GAP)];
      context.drawImage(sheet, column * width, row * height, width, height, x, y, this.tile[1], this.tile[0]);
    }
  }

  /** A list's values: all at once, and then the gaps between them. */
  private drawCells(context: CanvasRenderingContext2D, sheet: HTMLCanvasElement, top: number): void {
    const step = this.tile[0] + GAP;
    context.drawImage(sheet, 0, top, sheet.width * step, sheet.height * step);
    for (let row = 0; row < sheet.height; row += 1) context.clearRect(0, top + row * step + this.tile[0], sheet.width * step, GAP);
    for (let column = 0; column < sheet.width; column += 1) context.clearRect(column * step + this.tile[1], top, GAP, sheet.height * step);
  }

  private mark(context: CanvasRenderingContext2D): void {
    const { selection } = this.store;
    if (selection.layer !== this.layer.name) return;
    this.describe(selection.map);
    const index = this.isPicture ? 0 : selection.map;
    const x = (index % this.across) * (this.tile[1] + GAP);
    const y = Math.floor(index / this.across) * (this.tile[0] + GAP) - this.scroller.scrollTop;
    context.lineWidth = 2;
    context.strokeStyle = getComputedStyle(this.canvas).getPropertyValue("--mark");
    context.strokeRect(x + 1, y + 1, this.tile[1] - 2, this.tile[0] - 2);
  }

  /** Show whether this is the chosen layer. */
  update(): void {
    const { layer, map } = this.store.selection;
    const here = layer === this.layer.name;
    this.element.classList.toggle("chosen", here);
    this.title.setAttribute("aria-pressed", String(here));
    if (here) this.describe(map);
  }

  private describe(map: number): void {
    const tensor = this.store.outputs[this.layer.name];
    const [height, width, number] = this.maps;
    let text = `${map + 1} of ${number}`;
    if (tensor) {
      const values = Array.from({ length: height * width }, (_, place) => tensor.data[place * number + map]!);
      const { low, high } = rangeOf(values);
      text += height * width === 1 ? `, value ${words(high)}` : `, values from ${words(low)} to ${words(high)}`;
    }
    this.canvas.setAttribute("aria-valuenow", String(map + 1));
    this.canvas.setAttribute("aria-valuetext", text);
  }
}

/** Height and width of a map on the page: whole multiples of its pixels where it is small. */
function tileSize(height: number, width: number, number: number): [number, number] {
  const side = Math.max(height, width);
  if (number === 1) return [Math.round((LONE * height) / side), Math.round((LONE * width) / side)];
  const largest = side === 1 ? 12 : Math.max(1, Math.floor(56 / side));
  for (let factor = largest; factor > 1; factor -= 1) {
    const rows = Math.floor((HEIGHT + GAP) / (height * factor + GAP));
    const columns = Math.ceil(number / Math.max(1, rows));
    if (columns * (width * factor + GAP) <= COMFORTABLE) return [height * factor, width * factor];
  }
  const factor = side === 1 ? 7 : Math.min(1, 56 / side);
  return [Math.max(3, Math.round(height * factor)), Math.max(3, Math.round(width * factor))];
}
