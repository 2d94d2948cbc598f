/** The words that the page uses, and links to them. */

import type { Layer } from "../network";
import { h } from "./dom";
import { anchorOf, GLOSSARY, wordsUsed } from "./words";

export function glossary(): HTMLElement {
  return h(
    "section", { class: "card glossary", id: "glossary", "aria-labelledby": "glossary-title" },
    h("h2", { id: "glossary-title" }, "Words"),
    h("dl", {}, ...GLOSSARY.flatMap((word) => [
      h("dt", { id: anchorOf(word), tabindex: -1 }, word.names.join(", ")),
      h("dd", {}, word.text),
    ])),
  );
}

/** "In other words: filter, stride, ...": where the page explains what it says of a layer. */
export function wordLinks(layer: Layer): HTMLElement {
  const links = wordsUsed(layer).flatMap((word, n) => [
    n ? ", " : "",
    h("a", { href: `#${anchorOf(word)}` }, word.names[0]!),
  ]);
  return h("p", { class: "soft word-links" }, "Explained below: ", ...links, ".");
}
