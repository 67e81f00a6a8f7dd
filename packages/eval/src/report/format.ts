/** Numbers as people read them. Plain text: nothing here needs escaping but names. */
import type { Verdict } from "@gitune/core";
import { METRICS } from "../metrics/table.js";

/** Digits after the point: a metric in 0..1 needs three, one in 0..100 two. */
function digitsOf(metric: string): number {
  return (METRICS.get(metric)?.range[1] ?? 1) > 1 ? 2 : 3;
}

/** A metric's value, e.g. `0.413` or `31.27`. */
export function formatScore(metric: string, value: number): string {
  return withMinus(value.toFixed(digitsOf(metric)));
}

/** A difference with its sign, e.g. `+0.021`, `−1.30`, `0`. One too small for the digits keeps its first digit. */
export function formatDelta(metric: string, delta: number): string {
  if (delta === 0) return "0";
  const fixed = Math.abs(delta).toFixed(digitsOf(metric));
  const size = Number(fixed) === 0 ? Math.abs(delta).toPrecision(1) : fixed;
  return `${delta > 0 ? "+" : "−"}${size}`;
}

/** An interval of a difference, e.g. `−0.010 to +0.052`. */
export function formatInterval(metric: string, [low, high]: readonly [number, number]): string {
  return `${formatDelta(metric, low)} to ${formatDelta(metric, high)}`;
}

/** `1,204`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** `0.8 s`, `42 s`, `3 min 20 s`, `1 h 5 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

/** `95%`, `99.9%`. */
export function formatPercent(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`;
}

/** `1 row`, `2 rows`. */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Verdicts with a sign beside the word, since colour alone says nothing to some readers. */
export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  pass: "✅ pass",
  fail: "❌ fail",
  inconclusive: "⚠️ inconclusive",
};

function withMinus(text: string): string {
  return text.replace("-", "−");
}
