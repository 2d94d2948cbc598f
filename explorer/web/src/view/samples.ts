/** Pictures of the test split: some that the network gets right, and its worst mistakes. */

import type { Network, Preparation, Sample } from "../network";
import type { Picture } from "../prepare";
import { percent } from "./numbers";
import { h } from "./dom";
import { thumbnail } from "./steps";

/** Unpack a sample's pixels. */
export function samplePicture(sample: Sample, rule: Preparation): Picture {
  const text = atob(sample.pixels);
  const data = Uint8ClampedArray.from(text, (letter) => letter.charCodeAt(0));
  return { width: rule.width, height: rule.height, channels: rule.channels, data };
}

/** The samples as buttons, mistakes after the right ones. */
export function sampleList(network: Network, choose: (index: number) => void): HTMLElement {
  const item = (sample: Sample, index: number) => {
    const is = sample.label === null ? "unlabelled" : network.classNames[sample.label]!;
    const answer = network.classNames[sample.predicted]!;
    const wrong = sample.label !== null && sample.label !== sample.predicted;
    const words = wrong
      ? `${is}, taken for ${answer} with ${percent(sample.probability)}`
      : `${is}, recognised with ${percent(sample.probability)}`;
    return h(
      "button",
      { type: "button", class: wrong ? "sample wrong" : "sample", "aria-label": words, title: words, onclick: () => choose(index) },
      thumbnail(samplePicture(sample, network.preparation), 52),
      h("span", { "aria-hidden": "true" }, wrong ? `${is} → ${answer}` : is),
    );
  };
  const all = network.samples.map((sample, index) => ({ sample, index }));
  const isWrong = ({ sample }: { sample: Sample }) => sample.label !== null && sample.label !== sample.predicted;
  const row = (title: string, chosen: typeof all) =>
    chosen.length ? h("div", {}, h("h3", {}, title), h("div", { class: "samples" }, ...chosen.map((each) => item(each.sample, each.index)))) : null;
  return h("div", { class: "sample-rows" }, row("Recognised", all.filter((each) => !isWrong(each))), row("Its worst mistakes", all.filter(isWrong)));
}
