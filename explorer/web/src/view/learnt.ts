/** What it learnt: where a class is seen, where a filter responds, and what excites it most. */

import { gradCam } from "../compute/grad_cam";
import type { Tensor } from "../engine";
import { asMaps, shortName, type Store } from "../store";
import { classValues } from "./answer";
import { pictureImage } from "./colour";
import { h, show, sized } from "./dom";

const SIDE = 196;

export class Learnt {
  readonly element: HTMLElement;
  private readonly heat = h("canvas", { role: "img", "aria-label": "Where the chosen map responds" });
  private readonly heatTitle = h("figcaption", {});
  private readonly cam = h("canvas", { role: "img", "aria-label": "Grad-CAM" });
  private readonly camTitle = h("figcaption", {});
  private readonly patches = h("div", { class: "patches" });
  private readonly choice: HTMLSelectElement;
  private readonly layerChoice: HTMLSelectElement;
  private asked = 0;
  private isOpen = false;

  constructor(private readonly store: Store) {
    const names = store.network.classNames;
    this.choice = h("select", { "aria-label": "Class of Grad-CAM" }, h("option", { value: "" }, "the answer"), ...names.map((name, index) => h("option", { value: index }, name)));
    const layers = store.network.layers.filter((layer) => layer.inputs.length && asMaps(layer.shape)[0] * asMaps(layer.shape)[1] > 1 && layer.shape.length === 3);
    const last = layers.filter((layer) => layer.kind === "Conv2D").at(-1) ?? layers.at(-1);
    this.layerChoice = h("select", { "aria-label": "Layer of Grad-CAM" }, ...layers.map((layer) => h("option", { value: layer.name, selected: layer === last }, shortName(layer.name))));
    for (const each of [this.choice, this.layerChoice]) each.addEventListener("change", () => void this.drawCam());
    this.element = h(
      "section", { class: "card learnt", "aria-labelledby": "learnt-title" },
      h("h2", { id: "learnt-title" }, "What it looks for"),
      h("div", { class: "flow" },
        h("figure", {}, this.heatTitle, this.heat),
        layers.length ? h("figure", {}, this.camTitle, this.cam, h("div", { class: "tools" }, h("label", {}, "Class ", this.choice), h("label", {}, "Layer ", this.layerChoice))) : null,
        this.patches),
    );
    // What nobody sees need not be computed at every stroke.
    new IntersectionObserver((entries) => {
      this.isOpen = entries.at(-1)!.isIntersecting;
      this.draw();
    }).observe(this.element);
    store.on(["outputs", "selection"], () => this.draw());
    store.on(["more"], () => [this.layerChoice.value, store.selection.layer].some((name) => store.arrived.has(name)) && this.draw());
    store.on(["selection"], () => this.drawPatches());
    this.drawPatches();
  }

  private draw(): void {
    if (!this.isOpen) return;
    const { layer, map } = this.store.selection;
    const tensor = this.store.outputs[layer];
    if (!tensor) return;
    const [height, width, maps] = asMaps(tensor.shape);
    const spatial = height * width > 1;
    this.heat.parentElement!.hidden = !spatial;
    if (spatial) {
      const values = Float32Array.from({ length: height * width }, (_, place) => Math.max(0, tensor.data[place * maps + map]!));
      this.heatTitle.textContent = `Where ${shortName(layer)}, map ${map + 1} responds`;
      overlay(this.heat, this.store, { shape: [height, width], data: values });
      this.heat.setAttribute("aria-label", this.heatTitle.textContent);
    }
    void this.drawCam();
  }

  private async drawCam(): Promise<void> {
    if (!this.isOpen || !this.layerChoice.value) return;
    const number = (this.asked += 1);
    const values = classValues(this.store);
    const index = this.choice.value === "" ? values.indexOf(Math.max(...values)) : Number(this.choice.value);
    const outputs = this.store.outputs;
    const name = this.layerChoice.value;
    this.store.want(this, [name]);
    if (!outputs[name]) return;
    try {
      const gradients = await this.store.engine.scoreGradients(this.store.input, index, [name]);
      if (number !== this.asked || !gradients[name]) return;
      overlay(this.cam, this.store, gradCam(outputs[name], gradients[name]));
    } catch (error) {
      this.store.fail(error instanceof Error ? error.message : String(error));
    }
    this.camTitle.textContent = `Grad-CAM: what speaks for “${this.store.network.classNames[index]}”`;
    this.cam.setAttribute("aria-label", this.camTitle.textContent);
  }

  private drawPatches(): void {
    const { layer, map } = this.store.selection;
    const sheet = this.store.network.patches?.[layer];
    if (!sheet || map >= sheet.filters) return show(this.patches);
    const [height, width] = sheet.tile;
    const factor = Math.max(1, Math.floor(48 / Math.max(height, width)));
    const tile = (index: number) => h("span", {
      class: "patch",
      style: `width:${width * factor}px;height:${height * factor}px;background-image:url(${sheet.image});background-size:${sheet.count * width * factor}px auto;background-position:${-index * width * factor}px ${-map * height * factor}px`,
    });
    show(this.patches, h("figure", { role: "img", "aria-label": `The ${sheet.count} patches that excite ${shortName(layer)}, map ${map + 1} most` },
      h("figcaption", {}, `What excites ${shortName(layer)}, map ${map + 1} most, in the data`),
      h("div", { class: "patch-grid" }, ...Array.from({ length: sheet.count }, (_, index) => tile(index)))));
  }
}

/** Draw the picture with a heat map over it: what is hot shows its colours, the rest is dimmed. */
function overlay(canvas: HTMLCanvasElement, store: Store, heat: Tensor): void {
  const { height, width, channels, range } = store.network.preparation;
  const factor = SIDE / Math.max(height, width);
  const size: [number, number] = [Math.round(width * factor), Math.round(height * factor)];
  const context = sized(canvas, ...size);
  context.clearRect(0, 0, ...size);
  context.imageSmoothingEnabled = false;
  context.drawImage(pictureImage(store.input.data, [height, width, channels], range), 0, 0, ...size);
  const [rows, columns] = heat.shape as [number, number];
  const largest = heat.data.reduce((most, value) => Math.max(most, value), 0) || 1;
  const layer = document.createElement("canvas");
  layer.width = columns;
  layer.height = rows;
  const paint = layer.getContext("2d")!;
  const image = paint.createImageData(columns, rows);
  heat.data.forEach((value, place) => {
    image.data.set([255, 140, 0, Math.round((200 * value) / largest)], 4 * place);
  });
  paint.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(layer, 0, 0, ...size);
}
