/** Replace a filter by a well-known one, switch it off, and give it back. */

import type { Layer } from "../../network";
import { asMaps, type Store } from "../../store";
import { button, h } from "../dom";
import { filterOf, PATTERNS, positions } from "./filter";

/** Buttons that change the filter of the selected map. */
export function filterTools(store: Store, layer: Layer): HTMLElement {
  const change = async (weigh: (row: number, column: number, height: number, width: number) => number) => {
    const kernel = await store.weight(layer.name, 0);
    const filter = filterOf(layer, kernel, store.selection.map, asMaps(store.layer(layer.inputs[0]!).shape)[2]);
    const data = kernel.data.slice();
    const size = sizeOf(positions(filter).map((place) => kernel.data[place]!));
    for (let n = 0; n < filter.channels.length; n += 1) {
      for (let row = 0; row < filter.height; row += 1) {
        for (let column = 0; column < filter.width; column += 1) {
          data[filter.index(row, column, n)] = (weigh(row, column, filter.height, filter.width) * size) / filter.channels.length;
        }
      }
    }
    await store.setWeight(layer.name, 0, data);
  };
  const off = async () => {
    const changes: [string, number, Float32Array][] = [];
    const kernel = await store.weight(layer.name, 0);
    const data = kernel.data.slice();
    const filter = filterOf(layer, kernel, store.selection.map, asMaps(store.layer(layer.inputs[0]!).shape)[2]);
    for (const place of positions(filter)) data[place] = 0;
    changes.push([layer.name, 0, data]);
    if (layer.weights.length > 1) {
      const bias = (await store.weight(layer.name, 1)).data.slice();
      bias[store.selection.map] = 0;
      changes.push([layer.name, 1, bias]);
    }
    await store.setWeights(changes);
  };
  return h(
    "div", { class: "tools" },
    ...PATTERNS.map(([name, weigh]) => button(name, () => void change(weigh))),
    button("Switch it off", () => void off()),
    button("Trained weights back", () => void store.reset()),
  );
}

/** The sum of sizes of the weights that are replaced, so that the new filter is as strong. */
function sizeOf(weights: number[]): number {
  const sum = weights.reduce((all, weight) => all + Math.abs(weight), 0);
  return sum > 0 ? sum : 1;
}
