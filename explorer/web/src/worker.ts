/** Computes the network beside the page, so that drawing never waits for it. */

import type { Tensor } from "./engine";
import { Graph } from "./compute/graph";
import { KERNELS } from "./compute/kernels";
import type { Method, Question, Questions, Reply } from "./compute/messages";
import { unpacked } from "./compute/packing";
import { WeightStore } from "./compute/weights";
import type { Weight } from "./network";

interface Scope {
  onmessage: ((event: { data: Question }) => void) | null;
  postMessage(reply: Reply, transfer: ArrayBufferLike[]): void;
}

type Handlers = {
  [M in Method]: (
    ...parameters: Questions[M]["parameters"]
  ) => Questions[M]["answer"] | Promise<Questions[M]["answer"]>;
};

const scope = self as unknown as Scope;
let opened: Graph | null = null;

function graph(): Graph {
  if (opened === null) throw new Error("No network has been opened yet.");
  return opened;
}

function weightOf(layer: string, index: number): Weight {
  const weight = graph().network.layers.find(({ name }) => name === layer)?.weights[index];
  if (weight === undefined) throw new Error(`Layer ${layer} has no weight number ${index}.`);
  return weight;
}

const handlers: Handlers = {
  async open(network, packed) {
    opened = new Graph(network, new WeightStore(network, await unpacked(packed)));
    return null;
  },
  kernels: () => Object.keys(KERNELS),
  forward: (input) => graph().forward(input),
  backward: (input, label) => graph().backward(input, label),
  scoreGradients: (input, index) => graph().scoreGradients(input, index),
  weight(layer, index): Tensor {
    const weight = weightOf(layer, index);
    return { shape: weight.shape, data: graph().weights.values(weight).slice() };
  },
  setWeight(layer, index, data) {
    graph().weights.set(weightOf(layer, index), data);
    return null;
  },
  reset() {
    graph().weights.reset();
    return null;
  },
};

/** Buffers that are moved rather than copied: every answer is made for the page alone. */
function buffersIn(answer: unknown, found = new Set<ArrayBufferLike>()): Set<ArrayBufferLike> {
  if (answer instanceof Float32Array) found.add(answer.buffer);
  else if (answer !== null && typeof answer === "object") {
    for (const part of Object.values(answer)) buffersIn(part, found);
  }
  return found;
}

async function answerTo({ id, method, parameters }: Question): Promise<void> {
  try {
    const handler = handlers[method] as (...parameters: unknown[]) => unknown;
    const answer = await handler(...parameters);
    scope.postMessage({ id, answer }, [...buffersIn(answer)]);
  } catch (error) {
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) }, []);
  }
}

scope.onmessage = ({ data }) => void answerTo(data);
