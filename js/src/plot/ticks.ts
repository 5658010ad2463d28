// Tick marks on numbers people like.

const TIME_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** The smallest of 1, 2, 5 times a power of ten that is at least `rough`. */
export function niceStep(rough: number): number {
  if (!(rough > 0) || !Number.isFinite(rough)) return 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  for (const factor of [1, 2, 5]) if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

/** Decimals needed to tell multiples of `step` apart. */
export function stepDecimals(step: number): number {
  return Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
}

function multiples(low: number, high: number, step: number): number[] {
  const ticks: number[] = [];
  const last = Math.floor(high / step + 1e-6);
  // Counting in whole steps keeps 0.1 + 0.2 from creeping in.
  for (let k = Math.ceil(low / step - 1e-6); k <= last && ticks.length < 1000; k++) ticks.push(k === 0 ? 0 : k * step);
  return ticks;
}

export interface Ticks {
  values: number[];
  step: number;
  decimals: number;
}

/** At most about `most` ticks between two numbers. */
export function linearTicks(low: number, high: number, most: number): Ticks {
  const step = niceStep((high - low) / Math.max(1, most));
  return { values: multiples(low, high, step), step, decimals: stepDecimals(step) };
}

/** Ticks on a time axis: decimal below a second, then minutes and hours as clocks have them. */
export function timeTicks(t0_s: number, t1_s: number, most: number): Ticks {
  const rough = (t1_s - t0_s) / Math.max(1, most);
  let step = niceStep(rough);
  if (rough > 0.5) step = TIME_STEPS_S.find((s) => s >= rough) ?? 3600 * niceStep(rough / 3600);
  return { values: multiples(t0_s, t1_s, step), step, decimals: step < 1 ? stepDecimals(step) : 0 };
}

/** Ticks on a logarithmic axis: 1, 2, 5 of each decade, or whole decades where there are many. */
export function logTicks(low: number, high: number, most: number): number[] {
  if (!(low > 0) || !(high > low)) return [];
  for (const factors of [[1, 2, 5], [1, 3], [1]]) {
    const ticks: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const factor of factors) {
        const tick = factor * 10 ** power;
        if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push(tick);
      }
    }
    if (ticks.length <= most || factors.length === 1) return ticks;
  }
  return [];
}
