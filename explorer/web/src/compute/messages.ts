/** What page and worker say to each other: a question with a number, an answer with the same. */

import type { Gradients, Tensor } from "../engine";
import type { Network } from "../network";

export interface Questions {
  /** The first question: the network, and its weights as zlib compressed them. */
  open: { parameters: [Network, Uint8Array<ArrayBuffer>]; answer: null };
  /** The kinds of arithmetic that the page knows. */
  kernels: { parameters: []; answer: string[] };
  forward: { parameters: [Tensor]; answer: Record<string, Tensor> };
  backward: { parameters: [Tensor, number]; answer: Gradients };
  scoreGradients: { parameters: [Tensor, number]; answer: Record<string, Tensor> };
  weight: { parameters: [string, number]; answer: Tensor };
  setWeight: { parameters: [string, number, Float32Array]; answer: null };
  reset: { parameters: []; answer: null };
}

export type Method = keyof Questions;

export interface Question<M extends Method = Method> {
  id: number;
  method: M;
  parameters: Questions[M]["parameters"];
}

export type Reply = { id: number; answer: unknown } | { id: number; error: string };
