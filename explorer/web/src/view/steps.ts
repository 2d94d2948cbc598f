/** The preparation, step by step, each with its picture. */

import type { Step, Picture } from "../prepare";
import { h, show, sized } from "./dom";
import { pictureImage } from "./colour";

const SIDE = 88;

const WAIT = 150;
let latest: (() => void) | null = null;

/** List the steps, a few times a second at most: the bars come first while a reader draws. */
export function showSteps(list: HTMLElement, steps: Step[]): void {
  if (!latest) {
    window.setTimeout(() => {
      latest?.();
      latest = null;
    }, WAIT);
  }
  latest = () => showNow(list, steps);
}

function showNow(list: HTMLElement, steps: Step[]): void {
  show(list, ...steps.map((step) => h("li", {}, thumbnail(step.picture), h("div", {}, h("b", {}, step.title), h("span", { class: "soft" }, step.words)))));
}

/** A picture, as large as fits a square. */
export function thumbnail(picture: Picture, side = SIDE): HTMLCanvasElement {
  const { width, height, channels, data } = picture;
  const factor = side / Math.max(width, height);
  const canvas = h("canvas", { "aria-hidden": "true" });
  const context = sized(canvas, Math.max(1, Math.round(width * factor)), Math.max(1, Math.round(height * factor)));
  context.imageSmoothingEnabled = factor < 1;
  const image = pictureImage(data, [height, width, channels], [0, 255]);
  context.drawImage(image, 0, 0, Math.round(width * factor), Math.round(height * factor));
  return canvas;
}
