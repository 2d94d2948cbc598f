/** Activations and other functions of one number, each with its derivative as TensorFlow has it. */

/** `slope` gets the input and the output, of which most derivatives need only one. */
export interface Scalar {
  value(x: number): number;
  slope(x: number, y: number): number;
}

export type Constants = Readonly<Record<string, number | null>>;

const logistic = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

/** The error function: its power series near 0, its continued fraction further out. */
function erf(x: number): number {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-12; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = size;
  for (let n = 40; n > 0; n--) fraction = size + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-size * size) / (Math.sqrt(Math.PI) * fraction));
}

const normal = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const below = (x: number) => 0.5 * (1 + erf(x / Math.SQRT2));
const GELU = Math.sqrt(2 / Math.PI);

function roundToEven(x: number): number {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

function elu(alpha: number): Scalar {
  return {
    value: (x) => (x > 0 ? x : alpha * Math.expm1(x)),
    slope: (x) => (x > 0 ? 1 : alpha * Math.exp(x)),
  };
}

function leaky(slope: number): Scalar {
  return { value: (x) => (x > 0 ? x : slope * x), slope: (x) => (x > 0 ? 1 : slope) };
}

/** Keras' ReLU layer: `max_value`, `negative_slope` and `threshold`. */
function generalRelu(constants: Constants): Scalar {
  const most = constants.max_value ?? Infinity;
  const slope = constants.negative_slope ?? 0;
  const threshold = constants.threshold ?? 0;
  return {
    value: (x) => (x > threshold ? Math.min(x, most) : slope * (x - threshold)),
    slope: (x) => (x > threshold ? (x < most ? 1 : 0) : slope),
  };
}

function clip(constants: Constants): Scalar {
  const least = constants.x_min ?? -Infinity;
  const most = constants.x_max ?? Infinity;
  return {
    value: (x) => Math.min(Math.max(x, least), most),
    slope: (x) => (x >= least && x <= most ? 1 : 0),
  };
}

const SIMPLE: Record<string, Scalar> = {
  linear: { value: (x) => x, slope: () => 1 },
  relu: { value: (x) => (x > 0 ? x : 0), slope: (x) => (x > 0 ? 1 : 0) },
  relu6: {
    value: (x) => (x > 0 ? (x < 6 ? x : 6) : 0),
    slope: (x) => (x > 0 && x < 6 ? 1 : 0),
  },
  tanh: { value: Math.tanh, slope: (_, y) => 1 - y * y },
  sigmoid: { value: logistic, slope: (_, y) => y * (1 - y) },
  hard_sigmoid: {
    value: (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1),
    slope: (x) => (x > -3 && x < 3 ? 1 / 6 : 0),
  },
  silu: {
    value: (x) => x * logistic(x),
    slope: (x) => logistic(x) * (1 + x * (1 - logistic(x))),
  },
  hard_silu: {
    value: (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1),
    slope: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5),
  },
  hard_tanh: {
    value: (x) => Math.min(Math.max(x, -1), 1),
    slope: (x) => (x >= -1 && x <= 1 ? 1 : 0),
  },
  selu: {
    value: (x) => SELU_SCALE * (x > 0 ? x : SELU_ALPHA * Math.expm1(x)),
    slope: (x) => SELU_SCALE * (x > 0 ? 1 : SELU_ALPHA * Math.exp(x)),
  },
  gelu: { value: (x) => x * below(x), slope: (x) => below(x) + x * normal(x) },
  gelu_tanh: {
    value: (x) => 0.5 * x * (1 + Math.tanh(GELU * (x + 0.044715 * x ** 3))),
    slope: (x) => {
      const t = Math.tanh(GELU * (x + 0.044715 * x ** 3));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * GELU * (1 + 3 * 0.044715 * x * x);
    },
  },
  softplus: { value: softplus, slope: logistic },
  softsign: { value: (x) => x / (1 + Math.abs(x)), slope: (x) => (1 + Math.abs(x)) ** -2 },
  exponential: { value: Math.exp, slope: (_, y) => y },
  mish: {
    value: (x) => x * Math.tanh(softplus(x)),
    slope: (x) => {
      const t = Math.tanh(softplus(x));
      return t + x * (1 - t * t) * logistic(x);
    },
  },
  log_sigmoid: { value: (x) => -softplus(-x), slope: (x) => logistic(-x) },
  negative: { value: (x) => -x, slope: () => -1 },
  absolute: { value: Math.abs, slope: (x) => Math.sign(x) },
  square: { value: (x) => x * x, slope: (x) => 2 * x },
  sqrt: { value: Math.sqrt, slope: (_, y) => 0.5 / y },
  rsqrt: { value: (x) => 1 / Math.sqrt(x), slope: (x, y) => (-0.5 * y) / x },
  reciprocal: { value: (x) => 1 / x, slope: (_, y) => -y * y },
  log: { value: Math.log, slope: (x) => 1 / x },
  log1p: { value: Math.log1p, slope: (x) => 1 / (1 + x) },
  expm1: { value: Math.expm1, slope: (_, y) => y + 1 },
  floor: { value: Math.floor, slope: () => 0 },
  round: { value: roundToEven, slope: () => 0 },
};

const WITH_CONSTANTS: Record<string, (constants: Constants) => Scalar> = {
  general_relu: generalRelu,
  leaky_relu: (constants) => leaky(constants.negative_slope ?? 0.2),
  elu: (constants) => elu(constants.alpha ?? 1),
  celu: (constants) => {
    const alpha = constants.alpha ?? 1;
    return {
      value: (x) => (x > 0 ? x : alpha * Math.expm1(x / alpha)),
      slope: (x) => (x > 0 ? 1 : Math.exp(x / alpha)),
    };
  },
  clip,
};

/** Raises on a function that the page does not know. */
export function scalarNamed(name: string, constants: Constants = {}): Scalar {
  const scalar = SIMPLE[name] ?? WITH_CONSTANTS[name]?.(constants);
  if (scalar === undefined) throw new Error(`Unknown activation "${name}".`);
  return scalar;
}

export function scalarNames(): string[] {
  return [...Object.keys(SIMPLE), ...Object.keys(WITH_CONSTANTS)];
}
