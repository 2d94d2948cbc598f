/** Where pictures come from: a drawing, a file, a sample of the test data, the camera. */

import { changed, NONE, type Changes } from "../changes";
import type { Tensor } from "../engine";
import { prepare, readFile, toTensor, type Picture, type Prepared } from "../prepare";
import type { Store } from "../store";
import { reason } from "../store";
import { Camera } from "./camera";
import { Drawing } from "./drawing";
import { button, h, show, slider } from "./dom";
import { PixelEditor } from "./pixels";
import { showSteps } from "./steps";
import { sampleList, samplePicture } from "./samples";

type Way = "draw" | "file" | "samples" | "camera";

/** The panel in which a reader chooses a picture and changes it. */
export class InputPanel {
  readonly element: HTMLElement;
  private source: Picture | null = null;
  private prepared: Prepared | null = null;
  private changes: Changes = { ...NONE };
  private edits = new Map<number, number>();
  private invert = false;
  private readonly message = h("p", { class: "problem", role: "alert" });
  private readonly body = h("div", { class: "way" });
  private readonly tabs = new Map<Way, HTMLButtonElement>();
  private readonly steps = h("ol", { class: "steps", "aria-label": "How the picture is prepared" });
  private readonly exchange: HTMLElement;
  private readonly drawing: Drawing;
  private readonly camera: Camera;
  private readonly pixels: PixelEditor;
  private readonly changeList = h("div", { class: "changes" });

  constructor(private readonly store: Store) {
    const rule = store.network.preparation;
    this.drawing = new Drawing(rule, (picture) => this.take(picture));
    this.camera = new Camera((picture) => this.take(picture), (sentence) => this.say(sentence));
    this.pixels = new PixelEditor(store, (index, value) => this.edit(index, value));
    const box = h("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      this.invert = box.checked;
      if (this.source) this.take(this.source);
    });
    this.exchange = h("label", { class: "exchange" }, box, " Exchange black and white: training pictures are light on dark");
    this.exchange.hidden = true;
    this.element = h(
      "section",
      { class: "card input", "aria-labelledby": "input-title" },
      h("h2", { id: "input-title" }, "Your picture"),
      this.makeTabs(),
      h("div", { class: "two" },
        h("div", {}, this.body, this.message, this.exchange, this.makeChanges()),
        h("div", {},
          h("h3", {}, "What the network gets"), this.pixels.element,
          h("details", { class: "preparation", open: true }, h("summary", {}, "How your picture becomes that"), this.steps))),
    );
    this.acceptDrops();
    this.open(rule.channels === 1 ? "draw" : store.network.samples.length ? "samples" : "file");
    const first = store.network.samples[0];
    if (first) this.takeSample(0);
    else this.drawing.send();
  }

  private makeTabs(): HTMLElement {
    const { channels } = this.store.network.preparation;
    const ways: [Way, string, boolean][] = [
      ["draw", "Draw", channels === 1],
      ["samples", "Test pictures", this.store.network.samples.length > 0],
      ["file", "A file", true],
      ["camera", "Camera", Camera.isPossible()],
    ];
    const list = h("div", { class: "tabs", role: "group", "aria-label": "Where the picture comes from" });
    for (const [way, name, there] of ways) {
      if (!there) continue;
      const tab = button(name, () => this.open(way), { "aria-pressed": "false" });
      this.tabs.set(way, tab);
      list.append(tab);
    }
    return list;
  }

  private open(way: Way): void {
    for (const [name, tab] of this.tabs) tab.setAttribute("aria-pressed", String(name === way));
    if (way !== "camera") this.camera.stop();
    this.say("");
    if (way === "draw") show(this.body, this.drawing.element);
    if (way === "samples") show(this.body, sampleList(this.store.network, (index) => this.takeSample(index)));
    if (way === "file") show(this.body, this.makeFileChooser());
    if (way === "camera") {
      show(this.body, this.camera.element);
      void this.camera.start();
    }
  }

  private makeFileChooser(): HTMLElement {
    const file = h("input", { type: "file", accept: "image/*", id: "picture-file" });
    file.addEventListener("change", () => {
      if (file.files?.[0]) void this.takeFile(file.files[0]);
    });
    return h(
      "div",
      { class: "drop" },
      h("label", { for: "picture-file" }, "Choose a picture, drop one on the page, or paste one."),
      file,
      h("p", { class: "soft" }, "It stays on this machine."),
    );
  }

  private acceptDrops(): void {
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      if (!this.element.isConnected) return;
      const file = event.dataTransfer?.files[0];
      if (file) void this.takeFile(file);
    });
    document.addEventListener("paste", (event) => {
      const file = event.clipboardData?.files[0];
      if (file && this.element.isConnected) void this.takeFile(file);
    });
  }

  private async takeFile(file: File): Promise<void> {
    try {
      this.take(await readFile(file));
    } catch (error) {
      this.say(reason(error));
    }
  }

  private takeSample(index: number): void {
    const sample = this.store.network.samples[index]!;
    const rule = this.store.network.preparation;
    const picture = samplePicture(sample, rule);
    this.store.truth(sample.label);
    this.source = null;
    this.fresh();
    if (rule.channels === 1) this.drawing.show(picture);
    const tensor = toTensor(picture, rule.range);
    const words = `a test picture, already ${rule.width} × ${rule.height}; black is ${rule.range[0]}, white is ${rule.range[1]}`;
    this.use({ steps: [{ title: "As numbers", words, picture }], tensor, opposite: false });
  }

  private take(picture: Picture): void {
    this.say("");
    this.store.truth(null);
    this.source = picture;
    this.fresh();
    this.use(prepare(picture, this.store.network.preparation, this.invert));
  }

  private fresh(): void {
    this.edits.clear();
  }

  private use(prepared: Prepared): void {
    this.prepared = prepared;
    this.exchange.hidden = !prepared.opposite && !this.invert;
    showSteps(this.steps, prepared.steps);
    this.send();
  }

  private send(): void {
    if (!this.prepared) return;
    const { range } = this.store.network.preparation;
    const untouched = Object.values(this.changes).every((value) => value === 0);
    let tensor: Tensor = this.prepared.tensor;
    if (!untouched) tensor = changed(tensor, this.changes, range);
    if (this.edits.size) tensor = { shape: tensor.shape, data: tensor.data.slice() };
    for (const [index, value] of this.edits) tensor.data[index] = value;
    void this.store.see(tensor);
  }

  private edit(index: number, value: number): void {
    this.edits.set(index, value);
    this.send();
  }

  private makeChanges(): HTMLElement {
    this.fillChanges();
    return h("details", { class: "play" }, h("summary", {}, "Shift, turn, grey or cover it"), this.changeList);
  }

  private fillChanges(): void {
    const { width, height } = this.store.network.preparation;
    const set = (name: keyof Changes) => (value: number) => {
      this.changes[name] = value;
      this.send();
    };
    const pixels = (value: number) => (value === 1 || value === -1 ? `${value} pixel` : `${value} pixels`);
    const [across, down] = [Math.ceil(width / 2), Math.ceil(height / 2)];
    const { changes } = this;
    show(
      this.changeList,
      slider("To the right", { min: -across, max: across, step: 1, value: changes.across }, pixels, set("across")),
      slider("Down", { min: -down, max: down, step: 1, value: changes.down }, pixels, set("down")),
      slider("Turn", { min: -180, max: 180, step: 1, value: changes.degrees }, (value) => `${value}°`, set("degrees")),
      slider("Grey", { min: 0, max: 1, step: 0.05, value: changes.greyed }, (value) => `${Math.round(100 * value)} %`, set("greyed")),
      slider("Cover the middle", { min: 0, max: 1, step: 0.05, value: changes.covered }, (value) => `${Math.round(100 * value)} %`, set("covered")),
      button("As it was", () => {
        this.changes = { ...NONE };
        this.edits.clear();
        this.fillChanges();
        this.send();
      }),
    );
  }

  private say(sentence: string): void {
    this.message.textContent = sentence;
  }
}

