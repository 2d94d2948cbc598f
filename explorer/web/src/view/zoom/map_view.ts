/** One map, enlarged, with a window on it; a cell is chosen by pointer or arrow keys. */

import type { Tensor } from "../../engine";
import { asMaps } from "../../store";
import { mapImage, painter, rangeOf, scale } from "../colour";
import { h, sized } from "../dom";

const SIDE = 210;

/** Rows and columns of a map that a value reads; they may lie outside, on padding. */
export interface Window {
  top: number;
  left: number;
  height: number;
  width: number;
}

interface Options {
  title: string;
  onchoose?: (cell: [number, number]) => void;
}

export class MapView {
  readonly element: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly caption: HTMLElement;
  private size: [number, number] = [1, 1];
  private cell: [number, number] = [0, 0];
  private unit = 1;
  private margin = 0;

  constructor(private readonly options: Options) {
    const moves = Boolean(options.onchoose);
    this.canvas = h("canvas", moves
      ? { tabindex: 0, role: "application", "aria-roledescription": "map", "aria-label": `${options.title}: arrow keys choose a cell` }
      : { role: "img", "aria-label": options.title });
    this.caption = h("figcaption", {}, options.title);
    this.element = h("figure", { class: "map-view" }, this.caption, this.canvas);
    if (moves) this.listen();
  }

  private listen(): void {
    const touch = (event: PointerEvent) => {
      const box = this.canvas.getBoundingClientRect();
      const factor = this.canvas.offsetWidth ? box.width / this.canvas.offsetWidth : 1;
      this.choose(
        Math.floor(((event.clientY - box.top) / factor - this.margin) / this.unit),
        Math.floor(((event.clientX - box.left) / factor - this.margin) / this.unit),
      );
    };
    this.canvas.addEventListener("pointerdown", touch);
    this.canvas.addEventListener("pointermove", (event) => event.buttons && touch(event));
    this.canvas.addEventListener("keydown", (event) => {
      const moves: Record<string, [number, number]> = {
        ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
      };
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      this.choose(this.cell[0] + move[0], this.cell[1] + move[1]);
    });
  }

  private choose(row: number, column: number): void {
    const clamp = (value: number, size: number) => Math.max(0, Math.min(size - 1, value));
    this.options.onchoose?.([clamp(row, this.size[0]), clamp(column, this.size[1])]);
  }

  /** Draw a map; `window` is what is read of it, `cell` the chosen cell, `padding` a border around it. */
  draw(
    tensor: Tensor, map: number,
    marks: { window?: Window; cell?: [number, number]; cells?: [number, number][]; padding?: number; title?: string } = {},
  ): void {
    const [height, width, number] = asMaps(tensor.shape);
    const padding = marks.padding ?? 0;
    this.size = [height, width];
    this.cell = marks.cell ?? [marks.window?.top ?? 0, marks.window?.left ?? 0];
    this.unit = Math.max(1, SIDE / (Math.max(height, width) + 2 * padding));
    this.margin = padding * this.unit;
    const { unit, margin } = this;
    const context = sized(this.canvas, Math.round(width * unit + 2 * margin), Math.round(height * unit + 2 * margin));
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (margin) this.hatch(context, width * unit + 2 * margin, height * unit + 2 * margin);
    const paint = painter(rangeOf(tensor.data), scale());
    context.drawImage(mapImage(tensor.data, [height, width, number], map, paint), margin, margin, width * unit, height * unit);
    const style = getComputedStyle(this.canvas);
    const mark = style.getPropertyValue("--mark");
    if (marks.window) this.frame(context, marks.window, mark);
    for (const [row, column] of marks.cells ?? []) this.frame(context, { top: row, left: column, height: 1, width: 1 }, mark);
    if (marks.cell) this.frame(context, { top: marks.cell[0], left: marks.cell[1], height: 1, width: 1 }, mark);
    if (marks.title) this.caption.textContent = marks.title;
  }

  private frame(context: CanvasRenderingContext2D, window: Window, colour: string): void {
    const { unit, margin } = this;
    const [x, y] = [window.left * unit + margin, window.top * unit + margin];
    const [width, height] = [Math.max(4, window.width * unit), Math.max(4, window.height * unit)];
    context.lineWidth = 4;
    context.strokeStyle = getComputedStyle(this.canvas).getPropertyValue("--card");
    context.strokeRect(x, y, width, height);
    context.lineWidth = 2;
    context.strokeStyle = colour;
    context.strokeRect(x, y, width, height);
  }

  /** Padding is hatched: there is nothing, and it counts as zero. */
  private hatch(context: CanvasRenderingContext2D, width: number, height: number): void {
    context.strokeStyle = getComputedStyle(this.canvas).getPropertyValue("--line");
    context.lineWidth = 1;
    context.beginPath();
    for (let at = -height; at < width; at += 7) {
      context.moveTo(at, height);
      context.lineTo(at + height, 0);
    }
    context.stroke();
  }
}
