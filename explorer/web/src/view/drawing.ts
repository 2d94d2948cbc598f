/** Draw with mouse, finger or pen, or with the arrow keys. */

import type { Preparation } from "../network";
import { fromCanvas, type Picture } from "../prepare";
import { pictureImage } from "./colour";
import { button, h, slider } from "./dom";

const SIDE = 280;

/** A canvas that is drawn on; small networks get one square a pixel. */
export class Drawing {
  readonly element: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D;
  private readonly cursor = h("div", { class: "cursor", "aria-hidden": "true" });
  private brush: number;
  private at: [number, number];
  private isErasing = false;
  private queued = false;

  constructor(private readonly rule: Preparation, private readonly onpicture: (picture: Picture) => void) {
    // A small network gets the pixels themselves, so that what is drawn is what it sees.
    const side = this.isTiny ? rule.width : SIDE;
    const height = Math.round((side * rule.height) / rule.width);
    this.at = [side / 2, height / 2];
    this.canvas = h("canvas", {
      width: side, height, class: "drawing", tabindex: 0, role: "img",
      "aria-label": "Drawing area. Arrow keys move the pen, with Space held down or pressed they draw; Delete clears.",
    });
    this.context = this.canvas.getContext("2d", { willReadFrequently: true })!;
    this.brush = Math.max(SIDE / rule.width, SIDE / 12);
    this.listen();
    const eraser = button("Eraser", () => {
      this.isErasing = !this.isErasing;
      eraser.setAttribute("aria-pressed", String(this.isErasing));
    }, { "aria-pressed": "false" });
    this.element = h(
      "div",
      {},
      h("div", { class: "paper" }, this.canvas, this.cursor),
      h("div", { class: "tools" }, button("Clear", () => this.clear()), eraser,
        !this.isTiny && slider("Pen", { min: 4, max: 60, step: 1, value: Math.round(this.brush) }, () => "", (value) => {
          this.brush = value;
        })),
      h("p", { class: "soft" }, "Draw here; all numbers below follow. By keyboard: arrow keys, and Space to draw."),
    );
    this.wipe();
  }

  private get isTiny(): boolean {
    return this.rule.width <= 16;
  }

  private get ground(): string {
    return this.rule.lightOnDark ? "#000" : "#fff";
  }

  private get ink(): string {
    return this.rule.lightOnDark !== this.isErasing ? "#fff" : "#000";
  }

  private wipe(): void {
    this.context.fillStyle = this.ground;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** Put a picture on the paper, to go on from. */
  show(picture: Picture): void {
    const { width, height, channels, data } = picture;
    this.context.imageSmoothingEnabled = !this.isTiny;
    const image = pictureImage(data, [height, width, channels], [0, 255]);
    this.context.drawImage(image, 0, 0, this.canvas.width, this.canvas.height);
  }

  private clear(): void {
    this.wipe();
    this.send();
  }

  private listen(): void {
    let last: [number, number] | null = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.box = this.canvas.getBoundingClientRect();
      last = this.place(event);
      this.stroke(last, last);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      // Browsers give one event a frame; a quick stroke has more places.
      const steps = event.getCoalescedEvents?.() ?? [];
      for (const each of steps.length ? steps : [event]) {
        const next = this.place(each);
        this.stroke(last, next);
        last = next;
      }
    });
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => (last = null));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("keyup", (event) => {
      if (event.key === " ") this.isDown = false;
    });
    this.canvas.addEventListener("blur", () => (this.cursor.hidden = true));
    this.canvas.addEventListener("focus", () => this.showCursor());
    this.cursor.hidden = true;
  }

  private isDown = false;
  /** Where the paper is while a stroke goes on; asking at every move would lay out the whole page anew. */
  private box = new DOMRect();

  private key(event: KeyboardEvent): void {
    const step = this.isTiny ? 1 : 10;
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step],
    };
    const move = moves[event.key];
    if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else if (event.key === " ") {
      this.isDown = true;
      this.stroke(this.at, this.at);
    } else if (move) {
      const next: [number, number] = [
        Math.max(0, Math.min(this.canvas.width - 1, this.at[0] + move[0])),
        Math.max(0, Math.min(this.canvas.height - 1, this.at[1] + move[1])),
      ];
      if (this.isDown) this.stroke(this.at, next);
      this.at = next;
    } else return;
    event.preventDefault();
    this.showCursor();
  }

  private showCursor(): void {
    this.cursor.hidden = !this.canvas.matches(":focus-visible");
    this.cursor.style.left = `${(100 * this.at[0]) / this.canvas.width}%`;
    this.cursor.style.top = `${(100 * this.at[1]) / this.canvas.height}%`;
  }

  private place(event: PointerEvent): [number, number] {
    const { box } = this;
    return [
      ((event.clientX - box.left) * this.canvas.width) / box.width,
      ((event.clientY - box.top) * this.canvas.height) / box.height,
    ];
  }

  private stroke(from: [number, number], to: [number, number]): void {
    const { context } = this;
    if (this.isTiny) {
      context.fillStyle = this.ink;
      const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
      for (let step = 0; step <= steps; step += 1) {
        const place = (axis: 0 | 1) => Math.floor(from[axis] + ((to[axis] - from[axis]) * step) / steps);
        context.fillRect(place(0), place(1), 1, 1);
      }
    } else {
      context.strokeStyle = this.ink;
      context.lineWidth = this.brush;
      context.lineCap = context.lineJoin = "round";
      context.beginPath();
      context.moveTo(...from);
      context.lineTo(to[0] + 0.01, to[1]);
      context.stroke();
    }
    this.send();
  }

  /** Hand the drawing on, once a frame at most. */
  send(): void {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.onpicture(fromCanvas(this.context.getImageData(0, 0, this.canvas.width, this.canvas.height)));
    });
  }
}
