/** A small table of numbers, each on its colour; some can be edited. */

import { css, painter, rangeOf } from "../colour";
import { h } from "../dom";
import { short, words } from "../numbers";

interface Options {
  /** What the table is, for everybody. */
  title: string;
  rows: number;
  columns: number;
  onedit?: (place: number, value: number) => void;
}

const MOST = 11;

/** Numbers in rows and columns. `set` changes them in place, so that an edited cell keeps the focus. */
export class NumberGrid {
  readonly element: HTMLElement;
  private readonly cells: HTMLElement[] = [];

  constructor(private readonly options: Options) {
    const { rows, columns, title } = options;
    const size = Math.max(rows, columns);
    const table = h("table", { class: `numbers ${size > 7 ? "tiny" : size > 3 ? "small" : ""}`, "aria-label": title });
    for (let row = 0; row < rows; row += 1) {
      const line = h("tr", {});
      for (let column = 0; column < columns; column += 1) {
        const cell = options.onedit ? this.input(row, column) : h("td", {});
        line.append(cell);
        this.cells.push(cell);
      }
      table.append(line);
    }
    this.element = h("figure", { class: "grid" }, h("figcaption", {}, title), h("div", { class: "grid-box" }, table));
  }

  private input(row: number, column: number): HTMLElement {
    const place = row * this.options.columns + column;
    const field = h("input", { type: "text", inputmode: "decimal", "aria-label": `${this.options.title}, row ${row + 1}, column ${column + 1}` });
    field.addEventListener("change", () => {
      const value = parse(field.value);
      if (value !== null) this.options.onedit!(place, value);
      else field.value = words(Number(field.dataset["value"]));
    });
    field.addEventListener("focus", () => {
      field.value = words(Number(field.dataset["value"]), 4);
      field.select();
    });
    field.addEventListener("blur", () => {
      field.value = short(Number(field.dataset["value"]));
    });
    return h("td", {}, field);
  }

  /** Show values; cells in `marked` have a frame, and those outside (null) are padding. */
  set(values: (number | null)[], marked: number[] = [], scaleOf: number[] | null = null): void {
    const numbers = values.map((value) => value ?? 0);
    const paint = painter(rangeOf(scaleOf ?? numbers), "diverging");
    this.cells.forEach((cell, place) => {
      const value = numbers[place] ?? 0;
      const { background, ink } = css(paint(value));
      cell.style.background = background;
      cell.style.color = ink;
      cell.classList.toggle("marked", marked.includes(place));
      cell.classList.toggle("padding", values[place] === null);
      const field = cell.firstElementChild instanceof HTMLInputElement ? cell.firstElementChild : null;
      (field ?? cell).dataset["value"] = String(value);
      cell.title = values[place] === null ? "padding: outside the map" : words(value, 6);
      if (!field) cell.textContent = this.options.columns > MOST ? "" : short(value);
      else if (document.activeElement !== field) field.value = short(value);
    });
  }
}

/** A number as a reader may type it: "−0.5", "1/9", "2,5". */
export function parse(text: string): number | null {
  const [top, bottom] = text.replace("−", "-").replace(",", ".").split("/").map((part) => part.trim());
  if (!top) return null;
  const value = bottom === undefined ? Number(top) : Number(top) / Number(bottom);
  return Number.isFinite(value) ? value : null;
}

/** A value with its full precision beside it, for a closer look and for tests. */
export function value(number: number, name = "", digits = 4): HTMLElement {
  return h("b", { class: "value", "data-value": number, "data-name": name || null, title: String(number) }, words(number, digits));
}
