// Elements without a framework. Text is always text: nothing that the worker says becomes markup.

export type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | ((event: Event) => void)>;

function filled<E extends Element>(element: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

export const html = (name: string, attributes: Attributes = {}, ...children: Child[]): HTMLElement =>
  filled(document.createElement(name), attributes, children);

export const svg = (name: string, attributes: Attributes = {}, ...children: Child[]): SVGElement =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

/** A card with a heading. */
export const card = (heading: string, ...children: Child[]): HTMLElement =>
  html("section", { class: "card" }, html("h2", {}, heading), ...children);

/** A table that scrolls by itself where the screen is narrow; numbers stand right. */
export function table(heads: string[], rows: Child[][], numbers: number[] = []): HTMLElement {
  const kind = (index: number): Attributes => (numbers.includes(index) ? { class: "number" } : {});
  const head = html("tr", {}, ...heads.map((text, index) => html("th", { scope: "col", ...kind(index) }, text)));
  const body = rows.map(row => html("tr", {}, ...row.map((cell, index) => html("td", kind(index), cell))));
  return html("div", { class: "scroll", tabindex: 0 }, html("table", {}, html("thead", {}, head), html("tbody", {}, ...body)));
}
