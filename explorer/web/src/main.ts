/** The page: opens the network, in the browser or behind a server, and puts the parts together. */

import type { Engine } from "./engine";
import { LocalEngine } from "./compute/local_engine";
import type { Network } from "./network";
import { RemoteEngine } from "./remote_engine";
import { reason, Store } from "./store";
import { Answer } from "./view/answer";
import { button, h, show } from "./view/dom";
import { film } from "./view/film";
import { glossary } from "./view/glossary";
import { InputPanel } from "./view/input";
import { Learning } from "./view/learning";
import { Learnt } from "./view/learnt";
import { useFractions } from "./view/numbers";
import { Overview } from "./view/overview";
import { CloserLook } from "./view/zoom/panel";

function textOf(id: string): string {
  return document.getElementById(id)?.textContent?.trim() ?? "";
}

/** A page with networks inside computes by itself; one without asks the server that sent it. */
async function open(): Promise<Engine[]> {
  const [network, against] = [textOf("network"), textOf("against")];
  if (!network) return Promise.all([RemoteEngine.open(), ...(against ? [RemoteEngine.open("against/")] : [])]);
  const local = (text: string, weights: string) =>
    LocalEngine.open(JSON.parse(text) as Network, textOf(weights), textOf("worker"));
  return Promise.all([local(network, "weights"), ...(against ? [local(against, "against-weights")] : [])]);
}

async function start(): Promise<void> {
  const root = document.getElementById("explorer")!;
  show(root, h("p", { class: "opening", role: "status" }, "Opening the network …"));
  try {
    const [engine, other] = await open();
    build(root, engine, other);
  } catch (error) {
    show(root, h("p", { class: "problem", role: "alert" }, `The network could not be opened: ${reason(error)}`));
  }
}

/** Put the page together around a network; `other` answers the same pictures beside it. */
function build(root: HTMLElement, engine: Engine, other?: Engine): void {
  const store = new Store(engine);
  useFractions(store.network.fractions ?? 0);
  const problem = h("p", { class: "problem", role: "alert" });
  store.on(["failure"], () => (problem.textContent = store.failure));
  const [answer, overview, closer] = [new Answer(store), new Overview(store), new CloserLook(store)];
  const [learnt, learning] = [new Learnt(store), new Learning(store)];
  const beside = other && against(store, other, () => build(root, other, engine));
  const frames = store.network.film;
  // Last, because it hands on the first picture, of which the others then hear.
  const input = new InputPanel(store);
  show(
    root,
    h("a", { class: "skip", href: "#overview-title" }, "Skip to the layers"),
    header(store),
    problem,
    h("main", {},
      answer.ticker,
      h("div", { class: "top" }, input.element, h("div", { class: "answers" }, answer.element, beside)),
      overview.element, closer.element, learnt.element, learning.element, frames?.length ? film(frames) : "", glossary()),
  );
}

/** The answer of another network to the same picture. */
function against(store: Store, other: Engine, swap: () => void): HTMLElement {
  const second = new Store(other);
  const title = `Beside it: ${other.network.name}`;
  const answer = new Answer(second, title, h("div", { class: "tools" }, button("Look inside this one instead", swap)));
  store.on(["picture"], () => void second.see(store.input));
  store.on(["label"], () => second.truth(store.label));
  return answer.element;
}

function header(store: Store): HTMLElement {
  const back = h("button", { type: "button", class: "changed", onclick: () => void store.reset() }, "The weights are changed: give the trained ones back");
  back.hidden = true;
  store.on(["weights"], () => (back.hidden = !store.changed));
  return h(
    "header", {},
    h("h1", {}, `${store.network.name}: number by number`),
    h("p", {}, "Give the network a picture, follow it through every layer to the answer, and change whatever you like: pixels, kernels, biases."),
    back,
  );
}

void start();
