// Numbers as people read them.

const MINUS = "\u2212";
const NARROW_SPACE = "\u202f";

/** A decimal number with a real minus sign; "–" if there is none. */
export function formatNumber(value: number | null, decimals: number): string {
  if (value === null || !Number.isFinite(value)) return "–";
  const digits = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(digits) !== 0 ? MINUS + digits : digits;
}

/** Minutes and seconds, `m:ss.mmm`; with hours from one hour on. */
export function formatTime(seconds: number, decimals = 3): string {
  if (!Number.isFinite(seconds)) return "–";
  const scale = 10 ** decimals;
  const total = Math.round(Math.abs(seconds) * scale);
  const sign = seconds < 0 && total > 0 ? MINUS : "";
  const whole = Math.floor(total / scale);
  const fraction = decimals > 0 ? `.${String(total % scale).padStart(decimals, "0")}` : "";
  const s = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${sign}${minutes}:${s}${fraction}`;
  return `${sign}${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${s}${fraction}`;
}

export function formatPercent(fraction: number): string {
  return `${Math.round(Math.min(Math.max(fraction, 0), 1) * 100)}${NARROW_SPACE}%`;
}

/** Time left, roughly, because that is all an estimate is worth. */
export function formatEta(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 1) return "about 1 s left";
  if (seconds < 90) return `about ${Math.round(seconds)} s left`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min left`;
  return `about ${formatNumber(seconds / 3600, 1)} h left`;
}

export function formatHz(hz: number): string {
  if (!Number.isFinite(hz)) return "–";
  if (Math.abs(hz) >= 10_000) return `${formatNumber(hz / 1000, 2)} kHz`;
  if (Math.abs(hz) >= 1000) return `${formatNumber(hz / 1000, 3)} kHz`;
  return `${formatNumber(hz, Math.abs(hz) >= 100 ? 0 : 1)} Hz`;
}

function linear(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2).replace("-", MINUS);
  return formatNumber(value, size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4);
}

/** One value with its unit. Decibels need no more than a tenth. */
export function formatValue(value: number | null, unit: string): string {
  if (value === null || !Number.isFinite(value)) return "–";
  if (unit === "Hz") return formatHz(value);
  if (unit.startsWith("dB") || unit === "LUFS") return `${formatNumber(value, 1)} ${unit}`;
  return unit ? `${linear(value)} ${unit}` : linear(value);
}

export function formatRange(low: number, high: number, unit: string): string {
  if (!(low < high)) return formatValue(low, unit);
  const [a, b] = [formatValue(low, unit), formatValue(high, unit)];
  // "20 Hz … 22.05 kHz", but "−80.0 … 0.0 dB".
  const suffix = b.slice(b.indexOf(" "));
  return `${unit && a.endsWith(suffix) ? a.slice(0, -suffix.length) : a} … ${b}`;
}

/** Local wall-clock time of a Unix time. */
export function formatClock(epoch_s: number): string {
  return new Date(epoch_s * 1000).toLocaleTimeString();
}

/** How long something took. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  return seconds < 90 ? `${formatNumber(seconds, seconds < 10 ? 1 : 0)} s` : `${Math.round(seconds / 60)} min`;
}

/** How long ago something was, as people say it. */
export function formatAge(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
