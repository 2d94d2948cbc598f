/** Each layer kind in plain terms, with its formula. */

import { activationOf } from "../store";
import type { Layer } from "../network";

export interface Words {
  name: string;
  text: string;
  formula: string;
}

const KINDS: Record<string, Words> = {
  InputLayer: {
    name: "input",
    text: "The picture as numbers: one number a pixel for grey, three for red, green and blue. Nothing is computed here.",
    formula: "x[row, column, channel]",
  },
  Rescaling: {
    name: "scaling",
    text: "Every pixel is multiplied by one number, and another is added, so that the network works with values near 1 and not up to 255.",
    formula: "y = factor · x + offset",
  },
  Normalization: {
    name: "scaling",
    text: "Every value loses the mean of the training data and is divided by their spread.",
    formula: "y = (x − mean) / √variance",
  },
  Conv2D: {
    name: "convolution",
    text: "A filter is a small picture of what it looks for, its kernel. It is laid on every place of the maps before: each value there times the kernel's weight, all products summed, plus a bias. Where the patch resembles the kernel, the sum is large. One filter makes one map.",
    formula: "y = f( Σ patch · kernel + bias )",
  },
  DepthwiseConv2D: {
    name: "depthwise convolution",
    text: "A convolution that keeps the maps apart: each map has a kernel of its own and is never mixed with the others. That takes few multiplications; a 1 × 1 convolution mixes the maps afterwards.",
    formula: "y[c] = f( Σ patch[c] · kernel[c] + bias[c] )",
  },
  SeparableConv2D: {
    name: "separable convolution",
    text: "Two convolutions in one: first each map by itself, then a 1 × 1 convolution that mixes the maps.",
    formula: "y = f( Σ pointwise · (patch ∗ depthwise) + bias )",
  },
  MaxPooling2D: {
    name: "max pooling",
    text: "The map becomes smaller: of each small window only the greatest value is kept, the winner. It does not matter much where in the window the feature was found, so small shifts change little.",
    formula: "y = max( window )",
  },
  AveragePooling2D: {
    name: "average pooling",
    text: "The map becomes smaller: each small window is replaced by its mean.",
    formula: "y = mean( window )",
  },
  GlobalAveragePooling2D: {
    name: "global pooling",
    text: "Each map becomes one number, its mean: how much of the feature there is, wherever it is.",
    formula: "y[c] = mean of map c",
  },
  GlobalMaxPooling2D: {
    name: "global pooling",
    text: "Each map becomes one number, its greatest value: whether the feature is anywhere.",
    formula: "y[c] = max of map c",
  },
  Flatten: {
    name: "flatten",
    text: "The maps are written as one long list, row by row, with all maps of a place side by side. Nothing is computed; every cell gets a place in the list.",
    formula: "index = (row · width + column) · maps + map",
  },
  Dense: {
    name: "fully connected",
    text: "Every value of the list votes on every unit: value times weight. All votes and a bias are summed. A positive product votes for the unit, a negative one against it.",
    formula: "y = f( Σ value · weight + bias )",
  },
  Softmax: {
    name: "softmax",
    text: "Scores become probabilities: e is raised to each score, and each result is divided by the sum of all. The greatest score takes most, and all together make 100 %.",
    formula: "p[i] = exp(z[i]) / Σ exp(z[j])",
  },
  BatchNormalization: {
    name: "batch normalisation",
    text: "Each map is brought to a usual size: minus the mean that it had in training, divided by its spread, times a learnt scale gamma, plus a learnt shift beta.",
    formula: "y = gamma · (x − mean) / √(variance + ε) + beta",
  },
  Add: {
    name: "residual addition",
    text: "Two ways through the network meet: the values at the same place are added. The block before has only to learn what is to be changed; the shortcut brings the rest.",
    formula: "y = a + b",
  },
  Multiply: {
    name: "multiplication",
    text: "Values at the same place are multiplied: one way through the network turns the other up or down.",
    formula: "y = a · b",
  },
  Constant: {
    name: "arithmetic",
    text: "One number, or one for each map, is applied to every value: it is added, subtracted, multiplied or divided by. Networks bring pixels to a usual size with it.",
    formula: "y = x + c, x − c, x · c or x / c",
  },
  Same: {
    name: "no change",
    text: "Every value passes through as it is.",
    formula: "y = x",
  },
  Concatenate: {
    name: "concatenation",
    text: "The maps of several layers are put side by side. Nothing is computed.",
    formula: "y = [a, b, …]",
  },
  ReLU: {
    name: "ReLU",
    text: "What is negative becomes zero; the rest stays. So only found features go on.",
    formula: "y = max(0, x)",
  },
  Activation: {
    name: "activation",
    text: "A curve is applied to each value by itself. Without such curves, many layers would compute no more than one.",
    formula: "y = f(x)",
  },
  Dropout: {
    name: "dropout",
    text: "In training, values are dropped by chance, so that no unit relies on one other. Now, when it answers, everything passes through.",
    formula: "y = x",
  },
  ZeroPadding2D: {
    name: "zero padding",
    text: "A border of zeros is laid around each map, so that kernels can stand at the edge.",
    formula: "y = x inside, 0 at the border",
  },
  Permute: {
    name: "reordering",
    text: "The same values in another order.",
    formula: "y = x, axes exchanged",
  },
  UpSampling2D: {
    name: "enlarging",
    text: "Each value is repeated, so that the map becomes larger.",
    formula: "y[row, column] = x[row / size, column / size]",
  },
};

const OTHER: Words = {
  name: "",
  text: "A layer that this page has no words for. Its maps and numbers are the network's own.",
  formula: "y = f(x)",
};

/** Words for functions of keras.ops, which have kinds of their own. */
const BY_ARITHMETIC: Record<string, string> = {
  activation: "Activation", softmax: "Softmax", scaling: "Rescaling", concatenation: "Concatenate", border: "ZeroPadding2D", same_values: "Same",
};

/** Whether a function joins what it reads with constants. */
function hasConstant(layer: Layer): boolean {
  const operands = layer.config["operands"];
  return Array.isArray(operands) && operands.some((each) => !("input" in each));
}

/** What a curve does, for layers that end in one. */
const CURVES: Record<string, [string, string]> = {
  general_relu: ["ReLU: what is negative becomes zero", "f(z) = max(0, z)"],
  relu: ["ReLU: what is negative becomes zero", "f(z) = max(0, z)"],
  tanh: ["tanh: squeezes everything between −1 and 1", "f(z) = tanh(z)"],
  sigmoid: ["sigmoid: squeezes everything between 0 and 1", "f(z) = 1 / (1 + exp(−z))"],
  softmax: ["softmax: scores become probabilities", "f(z)[i] = exp(z[i]) / Σ exp(z[j])"],
  relu6: ["ReLU6: negative becomes zero, and nothing passes 6", "f(z) = min(6, max(0, z))"],
  swish: ["swish: nearly zero below, nearly the value above", "f(z) = z · sigmoid(z)"],
  silu: ["SiLU: nearly zero below, nearly the value above", "f(z) = z · sigmoid(z)"],
  gelu: ["GELU: nearly zero below, nearly the value above", "f(z) = z · Φ(z)"],
  leaky_relu: ["leaky ReLU: what is negative becomes small", "f(z) = max(slope · z, z)"],
  elu: ["ELU: what is negative ends above −1", "f(z) = z above zero, exp(z) − 1 below"],
};

export function wordsFor(layer: Layer): Words {
  if (hasConstant(layer)) return KINDS["Constant"]!;
  const known = KINDS[layer.kind] ?? KINDS[BY_ARITHMETIC[layer.config["arithmetic"] as string] ?? ""];
  if (known === KINDS["Activation"] && activationOf(layer) === "softmax") return KINDS["Softmax"]!;
  return known ?? { ...OTHER, name: layer.kind };
}

export function kindName(layer: Layer): string {
  return wordsFor(layer).name;
}

/** The curve at a layer's end in words and as a formula; null where there is none. */
export function curveWords(layer: Layer): [string, string] | null {
  return CURVES[activationOf(layer)] ?? null;
}

/** A word of the page's glossary: its names, the first of which is that of the documentation's glossary. */
export interface Word {
  names: string[];
  text: string;
}

export const GLOSSARY: Word[] = [
  { names: ["feature map"], text: "What one filter has found, place by place: a picture of its values." },
  { names: ["filter", "kernel"], text: "The small grid of weights that a convolution lays on every patch." },
  { names: ["receptive field", "patch"], text: "What a value reads of the layer before; and, through all layers before, of the picture, in pixels." },
  { names: ["stride"], text: "How many cells the window moves from one value to the next." },
  { names: ["padding"], text: "Zeros around a map, so that the window can stand at the edge and the map keeps its size." },
  { names: ["bias"], text: "A number that is added to every sum of a filter: how easily it responds." },
  { names: ["activation"], text: "The curve after the sum, such as ReLU; also a value that comes out of it." },
  { names: ["logits"], text: "The scores of the classes before softmax makes probabilities of them." },
  { names: ["loss"], text: "How wrong an answer is: minus the logarithm of the true class's probability. 0 is perfect." },
  { names: ["gradient"], text: "For each number: how much the loss grows if the number grows a little." },
  { names: ["learning rate"], text: "How far one step goes against the gradient." },
  { names: ["weight", "parameter"], text: "A number that training has found: part of a kernel, a bias and the like." },
  { names: ["multiply-adds"], text: "Multiplications with their additions: how much work a picture takes." },
];

const OF_WINDOWS = ["feature map", "receptive field", "stride", "padding"];
const OF_CONVOLUTIONS = ["filter", ...OF_WINDOWS, "bias", "activation"];

/** Words that the closer look at a kind of layer uses, by their first names. */
const USED: Record<string, string[]> = {
  Conv2D: OF_CONVOLUTIONS,
  DepthwiseConv2D: OF_CONVOLUTIONS,
  SeparableConv2D: OF_CONVOLUTIONS,
  MaxPooling2D: OF_WINDOWS,
  AveragePooling2D: OF_WINDOWS,
  Dense: ["weight", "bias", "activation", "logits"],
  Softmax: ["logits", "loss"],
  BatchNormalization: ["feature map", "weight"],
};

/** The words that are used of a layer; of kinds without a list, those of every layer. */
export function wordsUsed(layer: Layer): Word[] {
  const kind = wordsFor(layer) === KINDS["Softmax"] ? "Softmax" : layer.kind;
  const names = USED[kind] ?? ["feature map", "receptive field"];
  return GLOSSARY.filter((word) => names.includes(word.names[0]!));
}

/** Where the page explains a word. */
export function anchorOf(word: Word): string {
  return `word-${word.names[0]!.replaceAll(" ", "-")}`;
}
