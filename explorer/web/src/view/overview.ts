/** All layers from left to right, and lines from the chosen map to what it reads. */

import type { Store } from "../store";
import { chooseScale, onTheme, type Scale } from "./colour";
import { Column } from "./column";
import { h, show, svg } from "./dom";
import { edgesOf } from "./edges";
import { count, plural } from "./numbers";

const MOST_LINES = 160;

export class Overview {
  readonly element: HTMLElement;
  private readonly columns: Map<string, Column>;
  private readonly strip = h("ol", { class: "strip" });
  private readonly lines = svg("svg", { class: "lines", "aria-hidden": "true" });
  private readonly speed = h("span", { class: "soft speed" });
  private queued = false;

  constructor(private readonly store: Store) {
    const columns = store.network.layers.map((layer) => new Column(layer, store, () => this.queueLines()));
    this.columns = new Map(columns.map((column) => [column.layer.name, column]));
    this.strip.append(...columns.map((column) => column.element));
    const box = h("div", { class: "overview", tabindex: 0, role: "group", "aria-label": "Layers, from the picture to the answer; scrolls sideways" },
      h("div", { class: "strip-box" }, this.lines, this.strip));
    this.element = h(
      "section", { class: "card", "aria-labelledby": "overview-title" },
      h("h2", { id: "overview-title" }, "The network, layer by layer"),
      h("p", { class: "soft lead" }, this.summary(), this.speed),
      this.legend(),
      box,
    );
    this.watch(store, columns, box);
    store.on(["more"], () => {
      for (const column of columns) if (store.arrived.has(column.layer.name)) column.draw();
    });
    store.on(["outputs"], () => {
      this.draw();
      this.speed.textContent = ` Computed in ${Math.max(1, Math.round(store.milliseconds))} ms.`;
    });
    store.on(["selection", "weights"], () => {
      for (const column of columns) column.update();
      this.draw();
      this.queueLines();
    });
    onTheme(() => this.draw());
    window.addEventListener("resize", () => this.queueLines());
    for (const column of columns) column.update();
  }

  private summary(): string {
    const { layers } = this.store.network;
    const weights = layers.reduce((sum, layer) => sum + layer.parameters, 0);
    const work = layers.reduce((sum, layer) => sum + (layer.multiplyAdds ?? 0), 0);
    const seesPatches = layers.some((layer) => String(layer.config["arithmetic"]).includes("convolution"));
    const whole = seesPatches ? "" : " It has no convolution: each of its units sees the whole picture at once, and no patch.";
    return `${plural(layers.length, "layer")}, ${count(weights)} weights, ${count(work)} multiply-adds a picture. Choose a map to see what it is made of.${whole}`;
  }

  private legend(): HTMLElement {
    const bar = h("span", { class: "bar diverging", "aria-hidden": "true" });
    const text = h("span", {}, "orange is below zero, blue above; each layer has its own range, written below it");
    const choose = h("select", { "aria-label": "Colours of the maps" }, h("option", { value: "diverging" }, "orange to blue"), h("option", { value: "grey" }, "black to white"));
    choose.addEventListener("change", () => {
      chooseScale(choose.value as Scale);
      bar.className = `bar ${choose.value}`;
      text.textContent = choose.value === "grey" ? "black is a layer's least value, white its greatest" : "orange is below zero, blue above; each layer has its own range, written below it";
      this.draw();
      this.store.emit("selection");
    });
    return h("p", { class: "legend soft" }, bar, text, choose);
  }

  private watch(store: Store, columns: Column[], root: HTMLElement): void {
    const byElement = new Map<Element, Column>(columns.map((column) => [column.element, column]));
    const observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const column = byElement.get(entry.target)!;
          column.isVisible = entry.isIntersecting;
          column.draw();
        }
        store.want(this, columns.filter((column) => column.isVisible).map((column) => column.layer.name));
        this.queueLines();
      },
      { root, rootMargin: "0px 200px" },
    );
    for (const column of columns) observer.observe(column.element);
  }

  private draw(): void {
    for (const column of this.columns.values()) column.draw();
  }

  private queueLines(): void {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      void this.drawLines();
    });
  }

  private async drawLines(): Promise<void> {
    const { layer: name, map } = this.store.selection;
    const edges = await edgesOf(this.store, name, map);
    if (this.store.selection.layer !== name || this.store.selection.map !== map) return;
    const to = this.spot(name, map);
    this.lines.setAttribute("width", String(this.strip.scrollWidth));
    this.lines.setAttribute("height", String(this.strip.offsetHeight));
    const drawn = to ? edges.slice(0, MOST_LINES).map((edge) => this.line(edge, to)) : [];
    show(this.lines, ...drawn);
  }

  private spot(name: string, map: number): { left: number; right: number; y: number } | null {
    const column = this.columns.get(name)!;
    const place = column.isVisible ? column.place(map) : null;
    if (!place) return null;
    const left = column.element.offsetLeft + place.left;
    return { left, right: left + place.width, y: column.element.offsetTop + place.top + place.height / 2 };
  }

  private line(edge: { from: string; map: number; weight: number }, to: { left: number; y: number }): SVGElement | null {
    const from = this.spot(edge.from, edge.map);
    if (!from) return null;
    const middle = (from.right + to.left) / 2;
    return svg("path", {
      d: `M${from.right},${from.y} C${middle},${from.y} ${middle},${to.y} ${to.left},${to.y}`,
      class: edge.weight < 0 ? "below" : "above",
      "stroke-opacity": 0.2 + 0.8 * Math.abs(edge.weight),
    });
  }
}
