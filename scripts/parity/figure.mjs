/**
 * A figure of a check and its limit. Without a limit it is for information.
 * @typedef {object} Figure
 * @property {string} what
 * @property {number} value
 * @property {number} [atMost]
 * @property {number} [atLeast]
 */

/** @param {Figure} figure @returns {boolean} NaN is over every limit */
export function holds({ value, atMost, atLeast }) {
  return (atMost === undefined || value <= atMost) && (atLeast === undefined || value >= atLeast);
}

export const isLimited = ({ atMost, atLeast }) => atMost !== undefined || atLeast !== undefined;

/** One line, e.g. `ok    max relative error of a logit   1.2e-5   at most 1e-4`. */
export function formatFigure(figure) {
  const { what, value, atMost, atLeast } = figure;
  const mark = !isLimited(figure) ? "     " : holds(figure) ? "ok   " : "FAIL ";
  const limit = [
    atMost === undefined ? [] : `at most ${show(atMost)}`,
    atLeast === undefined ? [] : `at least ${show(atLeast)}`,
  ];
  return `  ${mark}${what.padEnd(74)} ${show(value).padStart(10)}  ${limit.flat().join(", ")}`.trimEnd();
}

function show(value) {
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return Math.abs(value) < 0.01 ? value.toExponential(1) : String(Number(value.toPrecision(5)));
}
