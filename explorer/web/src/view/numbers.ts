/** Numbers for reading: three digits that count, and ninths where a network is made of them. */

let denominator = 0;

/** Write values that are whole `parts` as fractions from now on; 0 for decimals alone. */
export function useFractions(parts: number): void {
  denominator = parts;
}

/** A number for reading, with a true minus sign. */
export function words(value: number, digits = 3): string {
  const fraction = asFraction(value);
  if (fraction) return fraction;
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text: string;
  if (Number.isInteger(value) && size < 1e6) text = String(value);
  else if (size >= 1e5 || size < 1e-4) text = value.toExponential(Math.max(0, digits - 2));
  else text = String(Number(value.toPrecision(digits)));
  return text.replace("-", "−");
}

/** A number for a narrow cell of a table. */
export function short(value: number): string {
  const fraction = asFraction(value);
  if (fraction) return fraction;
  const size = Math.abs(value);
  if (size >= 1e4 || (size > 0 && size < 5e-3)) return size < 5e-3 ? "~0" : words(value, 2);
  const text = size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
  const trimmed = Number.isInteger(value) ? String(value) : text;
  return trimmed.replace(/^-0(\.0+)?$/, "0").replace("-", "−").replace(/^(−?)0\./, "$1.");
}

function asFraction(value: number): string | null {
  if (!denominator) return null;
  const parts = value * denominator;
  const whole = Math.round(parts);
  if (Math.abs(parts - whole) > 1e-4 || Math.abs(whole) > 20 * denominator) return null;
  const sign = whole < 0 ? "−" : "";
  if (whole % denominator === 0) return `${sign}${Math.abs(whole) / denominator}`;
  return `${sign}${Math.abs(whole)}/${denominator}`;
}

/** 0.0123 as "1.2 %". */
export function percent(part: number): string {
  const hundred = 100 * part;
  if (hundred > 0 && hundred < 0.1) return "< 0.1 %";
  if (hundred < 100 && hundred > 99.9) return "> 99.9 %";
  return `${hundred.toFixed(hundred >= 99.95 || hundred === 0 ? 0 : 1)} %`;
}

/** 61706 as "61,706"; 2257984 as "2.26 million". */
export function count(value: number): string {
  if (value >= 1e9) return `${Number((value / 1e9).toPrecision(3))} billion`;
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} million`;
  return value.toLocaleString("en");
}

export function plural(value: number, one: string): string {
  return `${count(value)} ${one}${value === 1 ? "" : "s"}`;
}
