// Lines over time, as SVG.

import { svg } from "./dom";

const WIDTH = 600;
const HEIGHT = 140;

export interface Line { kind: string; values: (number | null)[] }

/** Lines over the same seconds, from 0 to the largest value; gaps where nothing is known. */
export function chart(title: string, lines: Line[], label: (value: number) => string): SVGElement {
  const known = lines.flatMap(line => line.values).filter((value): value is number => value !== null);
  const top = Math.max(...known, 0) || 1;
  const count = Math.max(...lines.map(line => line.values.length), 2);
  const x = (index: number, of: number) => ((count - of + index) / (count - 1)) * WIDTH;
  const y = (value: number) => HEIGHT - 4 - (value / top) * (HEIGHT - 22);
  const paths = lines.map(({ kind, values }) => {
    let path = "";
    let drawing = false;
    values.forEach((value, index) => {
      if (value === null) { drawing = false; return; }
      path += `${drawing ? "L" : "M"}${x(index, values.length).toFixed(1)} ${y(value).toFixed(1)}`;
      drawing = true;
    });
    return svg("path", { d: path, class: `line ${kind}`, "vector-effect": "non-scaling-stroke" });
  });
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "chart", "aria-label": `${title}: ${known.length ? label(known[known.length - 1] ?? 0) : "–"}` },
    svg("line", { x1: 0, x2: WIDTH, y1: y(top), y2: y(top), class: "grid" }),
    svg("line", { x1: 0, x2: WIDTH, y1: y(0), y2: y(0), class: "grid" }),
    ...paths,
    svg("text", { x: 2, y: 14, class: "axis" }, known.length ? label(top) : ""));
}

/** A small line without axes. */
export function sparkline(values: number[]): SVGElement {
  const top = Math.max(...values, 1);
  const step = values.length > 1 ? 96 / (values.length - 1) : 0;
  const points = values.map((value, index) => `${(2 + index * step).toFixed(1)},${(22 - (value / top) * 20).toFixed(1)}`);
  return svg("svg", { viewBox: "0 0 100 24", class: "spark", "aria-hidden": "true" },
    values.length > 1 ? svg("polyline", { points: points.join(" ") }) : svg("circle", { cx: 50, cy: 12, r: 2 }));
}
