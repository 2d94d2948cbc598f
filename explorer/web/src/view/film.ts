/** How it learnt: what the run drew while it trained, epoch by epoch. */

import type { Frame } from "../network";
import { button, h, slider } from "./dom";

const A_FRAME = 600;

/** The film with a slider over its epochs, and a button that plays it. */
export function film(frames: Frame[]): HTMLElement {
  const picture = h("img", { class: "film", alt: "" });
  let at = frames.length - 1;
  let timer = 0;
  const show = (index: number) => {
    at = index;
    picture.src = frames[index]!.image;
    picture.alt = `What the network made of some pictures after epoch ${frames[index]!.epoch}`;
  };
  const range = { min: 0, max: frames.length - 1, step: 1, value: at };
  const chooser = slider("Epoch", range, (index) => String(frames[index]!.epoch), show);
  const input = chooser.querySelector("input")!;
  const stop = () => {
    window.clearInterval(timer);
    timer = 0;
    play.textContent = "▶ Play";
  };
  const next = () => {
    input.value = String((at + 1) % frames.length);
    input.dispatchEvent(new Event("input"));
    if (at === frames.length - 1) stop();
  };
  const play = button("▶ Play", () => {
    if (timer) return stop();
    play.textContent = "■ Stop";
    timer = window.setInterval(next, A_FRAME);
    return next();
  });
  show(at);
  return h(
    "section", { class: "card", "aria-labelledby": "film-title" },
    h("h2", { id: "film-title" }, "How it learnt"),
    h("p", {}, "Drawn while it trained: pictures with its decisions, where it looked, and its first filters."),
    h("div", { class: "tools" }, chooser, play),
    picture,
  );
}
