/** The network's input, pixel by pixel: look one up, or change it. */

import type { Store } from "../store";
import { pictureImage } from "./colour";
import { button, h, sized, slider } from "./dom";
import { words } from "./numbers";

const SIDE = 196;

export class PixelEditor {
  readonly element: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly facts = h("p", { class: "facts", role: "status" });
  private at: [number, number] = [0, 0];
  private value: number;

  constructor(private readonly store: Store, private readonly onedit: (index: number, value: number) => void) {
    const { width, height, range } = store.network.preparation;
    this.at = [height >> 1, width >> 1];
    this.value = range[1];
    this.canvas = h("canvas", {
      class: "pixels", tabindex: 0, role: "application", "aria-roledescription": "pixel editor",
      "aria-label": "The network's input. Arrow keys choose a pixel, Enter sets it to the chosen value.",
    });
    this.canvas.addEventListener("pointerdown", (event) => this.touch(event));
    this.canvas.addEventListener("pointermove", (event) => event.buttons && this.touch(event));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    const span = range[1] - range[0];
    this.element = h(
      "div", { class: "pixel-editor" },
      this.canvas,
      this.facts,
      h("p", { class: "soft" }, "Click a pixel to change it."),
      h("div", { class: "tools" },
        slider("New value", { min: range[0], max: range[1], step: span / 255 > 0.5 ? 1 : span / 100, value: range[1] }, (value) => words(value), (value) => {
          this.value = value;
        }),
        button("Set this pixel", () => this.set())),
    );
    store.on(["picture"], () => this.draw());
  }

  private touch(event: PointerEvent): void {
    const { width, height } = this.store.network.preparation;
    const box = this.canvas.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) * height) / box.height);
    const column = Math.floor(((event.clientX - box.left) * width) / box.width);
    this.at = [Math.max(0, Math.min(height - 1, row)), Math.max(0, Math.min(width - 1, column))];
    this.set();
  }

  private key(event: KeyboardEvent): void {
    const { width, height } = this.store.network.preparation;
    const moves: Record<string, [number, number]> = {
      ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
    };
    const move = moves[event.key];
    if (move) {
      this.at = [
        Math.max(0, Math.min(height - 1, this.at[0] + move[0])),
        Math.max(0, Math.min(width - 1, this.at[1] + move[1])),
      ];
      this.draw();
    } else if (event.key === "Enter" || event.key === " ") this.set();
    else return;
    event.preventDefault();
  }

  private set(): void {
    const { width, channels } = this.store.network.preparation;
    const first = (this.at[0] * width + this.at[1]) * channels;
    for (let part = 0; part < channels; part += 1) this.onedit(first + part, this.value);
  }

  private draw(): void {
    const { width, height, channels, range } = this.store.network.preparation;
    const factor = SIDE / Math.max(width, height);
    const context = sized(this.canvas, Math.round(width * factor), Math.round(height * factor));
    const { data } = this.store.input;
    context.drawImage(pictureImage(data, [height, width, channels], range), 0, 0, width * factor, height * factor);
    const [row, column] = this.at;
    context.lineWidth = 2;
    context.strokeStyle = "#e06c00";
    context.strokeRect(column * factor, row * factor, Math.max(3, factor), Math.max(3, factor));
    const values = Array.from({ length: channels }, (_, part) => words(data[(row * width + column) * channels + part]!));
    this.facts.textContent = `Row ${row + 1}, column ${column + 1}: ${values.join(", ")}`;
  }
}
