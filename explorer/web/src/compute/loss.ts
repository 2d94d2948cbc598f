/** Cross-entropy, from the scores before softmax or sigmoid, where it is exact. */

export interface Loss {
  value: number;
  /** With respect to each score. */
  gradient: Float32Array;
  /** The output whose probability the loss reads. */
  index: number;
  /** How fast the loss changes with that probability. */
  slope(probability: number): number;
}

const SMALLEST = 1e-7;

/**
 * One label out of several: softmax. Where classes do not exclude one another (`multiLabel`): that
 * of the label's own yes or no. A single score stands for the second of two classes.
 */
export function lossOf(scores: Float32Array, label: number, multiLabel: boolean): Loss {
  if (scores.length === 1) return yesOrNo(scores, 0, label === 1);
  if (label < 0 || label >= scores.length) {
    throw new Error(`There is no class ${label}: the network has ${scores.length}.`);
  }
  if (multiLabel) return yesOrNo(scores, label, true);
  const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
  const gradient = Float32Array.from(
    scores,
    (score, n) => Math.exp(score - largest) / total - (n === label ? 1 : 0),
  );
  return {
    value: Math.log(total) - (scores[label] - largest),
    gradient,
    index: label,
    slope: (probability) => -1 / Math.max(probability, SMALLEST),
  };
}

function yesOrNo(scores: Float32Array, index: number, yes: boolean): Loss {
  const signed = yes ? scores[index] : -scores[index];
  const gradient = new Float32Array(scores.length);
  gradient[index] = (yes ? -1 : 1) / (1 + Math.exp(signed));
  return {
    value: Math.max(-signed, 0) + Math.log1p(Math.exp(-Math.abs(signed))),
    gradient,
    index,
    slope: (probability) =>
      yes ? -1 / Math.max(probability, SMALLEST) : 1 / Math.max(1 - probability, SMALLEST),
  };
}
