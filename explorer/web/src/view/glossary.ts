/** The words that the page uses. */

import { h } from "./dom";
import { GLOSSARY } from "./words";

export function glossary(): HTMLElement {
  return h(
    "section", { class: "card glossary", id: "glossary", "aria-labelledby": "glossary-title" },
    h("h2", { id: "glossary-title" }, "Words"),
    h("dl", {}, ...GLOSSARY.flatMap(([word, text]) => [h("dt", {}, word), h("dd", {}, text)])),
  );
}
