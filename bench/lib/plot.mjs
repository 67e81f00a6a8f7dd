/** Small line plots as SVG, several panels in a row, both axes logarithmic: cost that grows as a power is a straight line. */

const PANEL = { width: 300, height: 240, left: 56, bottom: 40, top: 34, right: 12 };
const COLORS = ["#1f77b4", "#d62728", "#7f7f7f", "#2ca02c"];
/** Free space above and below the values, as a factor. */
const MARGIN = 1.25;

/**
 * @param {string} title
 * @param {{ title: string, x: string, y: string,
 *   series: { name: string, isDashed?: boolean, points: [number, number][] }[] }[]} panels
 */
export function plotSvg(title, panels) {
  const names = [...new Set(panels.flatMap(({ series }) => series.map(({ name }) => name)))];
  const width = PANEL.width * panels.length;
  const legend = names.map(
    (name, i) =>
      `<rect x="${PANEL.left + i * 210}" y="${PANEL.height + 8}" width="14" height="4" fill="${COLORS[i]}"/>` +
      text(PANEL.left + i * 210 + 20, PANEL.height + 14, name),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${PANEL.height + 28}" font-family="sans-serif" font-size="11"><title>${title}</title>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...panels.map((panel, i) => `<g transform="translate(${i * PANEL.width} 0)">${drawPanel(panel, names)}</g>`),
    ...legend,
    "</svg>\n",
  ].join("\n");
}

function drawPanel({ title, x, y, series }, names) {
  const points = series.flatMap((line) => line.points);
  const toX = axis(
    points.map(([value]) => value),
    PANEL.left,
    PANEL.width - PANEL.right,
  );
  const toY = axis(
    points.map(([, value]) => value),
    PANEL.height - PANEL.bottom,
    PANEL.top,
  );
  const marks = [...new Set(points.map(([value]) => value))];
  const [low, high] = [Math.min(...points.map(([, value]) => value)), Math.max(...points.map(([, value]) => value))];
  return [
    text(PANEL.left, 16, title, 'font-weight="bold"'),
    `<path d="M${PANEL.left} ${PANEL.top}V${PANEL.height - PANEL.bottom}H${PANEL.width - PANEL.right}" fill="none" stroke="#333"/>`,
    ...marks.map((value) =>
      text(toX(value), PANEL.height - PANEL.bottom + 14, value.toLocaleString("en"), 'text-anchor="middle"'),
    ),
    ...[low, high].map((value) => text(PANEL.left - 4, toY(value) + 4, short(value), 'text-anchor="end"')),
    text((PANEL.left + PANEL.width) / 2, PANEL.height - 8, x, 'text-anchor="middle"'),
    text(PANEL.left, PANEL.top - 5, y),
    ...series.flatMap(({ name, isDashed, points: line }) => {
      const color = COLORS[names.indexOf(name)];
      const path = line
        .map(([px, py], i) => `${i === 0 ? "M" : "L"}${toX(px).toFixed(1)} ${toY(py).toFixed(1)}`)
        .join("");
      const dots = line.map(
        ([px, py]) => `<circle cx="${toX(px).toFixed(1)}" cy="${toY(py).toFixed(1)}" r="2.5" fill="${color}"/>`,
      );
      return [
        `<path d="${path}" fill="none" stroke="${color}" stroke-width="1.5"${isDashed ? ' stroke-dasharray="5 4"' : ""}/>`,
        ...(isDashed ? [] : dots),
      ];
    }),
  ].join("");
}

/** A logarithmic scale from values to pixels. */
function axis(values, from, to) {
  const low = Math.log(Math.min(...values) / MARGIN);
  const high = Math.log(Math.max(...values) * MARGIN);
  return (value) => from + ((Math.log(value) - low) / (high - low)) * (to - from);
}

const text = (x, y, content, more = "") => `<text x="${x}" y="${y}" ${more}>${xml(content)}</text>`;
const xml = (content) => String(content).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const short = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(2));
