/** The network as a graph that computes: forwards layer by layer, and backwards from the loss. */

import type { Gradients, Tensor } from "../engine";
import type { Layer, Network } from "../network";
import type { Answer, Call } from "./kernel";
import { kernelOf } from "./kernels";
import { type Loss, lossOf } from "./loss";
import { sameShape, sizeOf } from "./tensor";
import type { WeightStore } from "./weights";

/** Every layer's answer for one picture. */
type Answers = Map<string, Answer>;

export class Graph {
  constructor(
    readonly network: Network,
    readonly weights: WeightStore,
  ) {}

  /** Every layer's output. */
  forward(input: Tensor): Record<string, Tensor> {
    const outputs: Record<string, Tensor> = {};
    for (const [name, answer] of this.run(input)) outputs[name] = answer.output;
    return outputs;
  }

  /** Cross-entropy of one label, with its gradient at every output and every trainable weight. */
  backward(input: Tensor, label: number): Gradients {
    const answers = this.run(input);
    const scores = answers.get(this.network.logits)!.output;
    const loss = lossOf(scores.data, label, this.network.multiLabel);
    const gathered = this.emptyGradients(answers);
    gathered.get(this.network.logits)!.set(loss.gradient);
    const ofWeights = this.pullBack(answers, gathered);
    this.describeOutput(answers, gathered, loss);
    return {
      loss: loss.value,
      maps: this.asMaps(answers, gathered),
      weights: this.asWeights(ofWeights),
    };
  }

  /** At every output, the gradient of one class' score. */
  scoreGradients(input: Tensor, index: number): Record<string, Tensor> {
    const answers = this.run(input);
    const gathered = this.emptyGradients(answers);
    gathered.get(this.network.logits)![index] = 1;
    this.pullBack(answers, gathered);
    return this.asMaps(answers, gathered);
  }

  private run(input: Tensor): Answers {
    const answers: Answers = new Map();
    for (const layer of this.network.layers) {
      if (layer.inputs.length === 0) answers.set(layer.name, { output: checked(layer, input) });
      else answers.set(layer.name, kernelOf(layer).forward(this.call(layer, answers)));
    }
    return answers;
  }

  private call(layer: Layer, answers: Answers): Call {
    return {
      layer,
      inputs: layer.inputs.map((name) => answers.get(name)!.output),
      weights: layer.weights.map((weight) => this.weights.values(weight)),
    };
  }

  private emptyGradients(answers: Answers): Map<string, Float32Array> {
    return new Map(
      [...answers].map(([name, { output }]) => [name, new Float32Array(output.data.length)]),
    );
  }

  /** Go through the layers from the logits back; returns a gradient for each weight by its offset. */
  private pullBack(
    answers: Answers, gathered: Map<string, Float32Array>,
  ): Map<number, Float32Array> {
    const ofWeights = new Map<number, Float32Array>();
    const { layers, logits } = this.network;
    const last = layers.findIndex((layer) => layer.name === logits);
    for (let index = last; index >= 0; index--) {
      const layer = layers[index];
      if (layer.inputs.length === 0) continue;
      const gradient = gathered.get(layer.name)!;
      if (gradient.every((value) => value === 0)) continue;
      const call = this.call(layer, answers);
      const found = kernelOf(layer).backward(call, answers.get(layer.name)!, gradient.slice());
      layer.inputs.forEach((name, n) => add(gathered.get(name)!, found.inputs[n]));
      layer.weights.forEach(({ offset }, n) => {
        const own = found.weights[n];
        if (!own) return;
        // A layer that is called twice has one weight, and both calls' gradients.
        const known = ofWeights.get(offset);
        if (known) add(known, own);
        else ofWeights.set(offset, own);
      });
    }
    return ofWeights;
  }

  /** The gradient at the probabilities, which the way back from the logits has left out. */
  private describeOutput(
    answers: Answers, gathered: Map<string, Float32Array>, loss: Loss,
  ): void {
    const name = this.network.layers[this.network.layers.length - 1].name;
    if (name === this.network.logits) return;
    const probability = answers.get(name)!.output.data[loss.index];
    gathered.get(name)![loss.index] = loss.slope(probability);
  }

  private asMaps(
    answers: Answers, gathered: Map<string, Float32Array>,
  ): Record<string, Tensor> {
    const maps: Record<string, Tensor> = {};
    for (const [name, data] of gathered) maps[name] = { shape: answers.get(name)!.output.shape, data };
    return maps;
  }

  private asWeights(ofWeights: Map<number, Float32Array>): Record<string, Tensor[]> {
    const weights: Record<string, Tensor[]> = {};
    for (const layer of this.network.layers) {
      const trainable = layer.weights.filter((weight) => weight.trainable);
      if (trainable.length === 0) continue;
      weights[layer.name] = trainable.map(({ offset, shape }) => ({
        shape,
        data: ofWeights.get(offset)?.slice() ?? new Float32Array(sizeOf(shape)),
      }));
    }
    return weights;
  }
}

function checked(layer: Layer, input: Tensor): Tensor {
  if (!sameShape(input.shape, layer.shape) || input.data.length !== sizeOf(layer.shape)) {
    throw new Error(
      `The network takes a picture of ${layer.shape.join(" x ")}, not ${input.shape.join(" x ")}.`,
    );
  }
  return input;
}

function add(sum: Float32Array, part: Float32Array): void {
  for (let n = 0; n < sum.length; n++) sum[n] += part[n];
}
