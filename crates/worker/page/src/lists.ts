// The other views: tables of what happened lately.

import { ask, type Alert, type Checkpoint, type DeadLetter, type Exception, type Windows } from "./api";
import { sparkline } from "./charts";
import { card, html, table } from "./dom";
import { amount, bytes, clock, currentTongue, duration, number, say, type Word } from "./words";

const RULES: Word[] = ["LARGE_ORDER", "HIGH_AMOUNT", "PRICE_SPIKE", "RAPID_ORDERS"];
const nothing = (word: Word): HTMLElement => html("p", { class: "quiet nothing" }, say(word));

export async function windows(): Promise<HTMLElement> {
  const { symbols, now_ms, window_ms } = await ask<Windows>("/api/v1/windows?limit=50");
  if (symbols.length === 0) return card(say("windows"), nothing("no_windows"));
  const rows = symbols.map(({ symbol, open, results }) => {
    const now = open[open.length - 1];
    const past = results.slice(-30).map(one => one.orders);
    const fill = html("progress", { max: 1, value: now ? Math.min(1, Math.max(0, (now_ms - now.start_ms) / window_ms)) : 0, "aria-label": say("fills") });
    return [html("b", {}, symbol), now ? number(now.orders) : "–", now ? `${number(now.buys)} / ${number(now.sells)}` : "–", now ? amount(now.total) : "–", now ? amount(now.avg) : "–",
      now ? `${amount(now.min)} – ${amount(now.max)}` : "–", fill, sparkline(now ? [...past, now.orders] : past)];
  });
  return card(`${say("windows")} · ${duration(window_ms)}`, table(
    [say("symbol"), say("orders"), `${say("buys")} / ${say("sells")}`, say("total"), say("average"), `${say("low")} – ${say("high")}`, say("fills"), say("history")],
    rows, [1, 2, 3, 4, 5]));
}

/** What the alerts are filtered by; kept while other views are looked at. */
export const filter = { rule: "", symbol: "", key: "" };

export async function alerts(): Promise<HTMLElement> {
  const query = new URLSearchParams({ limit: "100" });
  if (filter.rule) query.set("rule", filter.rule);
  if (filter.symbol) query.set("symbol", filter.symbol);
  const { alerts: found } = await ask<{ alerts: Alert[] }>(`/api/v1/alerts?${query.toString()}`);
  if (found.length === 0) return html("div", {}, nothing("no_alerts"));
  return table([say("time"), say("rule"), say("symbol"), say("order"), say("message")], found.map(one => [
    clock(one.at_ms), html("span", { class: `rule ${one.rule}` }, say(one.rule as Word)), one.symbol, String(one.order_id), one.message[currentTongue()]]));
}

export function alertFilter(changed: () => void): HTMLElement {
  const rule = html("select", { "aria-label": say("rule"), id: "rule", change: event => { filter.rule = (event.target as HTMLSelectElement).value; changed(); } },
    html("option", { value: "" }, say("all_rules")), ...RULES.map(name => html("option", { value: name, selected: filter.rule === name }, say(name))));
  const symbol = html("input", { id: "symbol", type: "search", placeholder: say("filter_symbol"), "aria-label": say("filter_symbol"), value: filter.symbol,
    input: event => { filter.symbol = (event.target as HTMLInputElement).value.trim(); changed(); } });
  return html("div", { class: "filter" }, rule, symbol);
}

export async function checkpoints(): Promise<HTMLElement> {
  const { checkpoints: found, can_be_made } = await ask<{ checkpoints: Checkpoint[]; can_be_made: boolean }>("/api/v1/checkpoints");
  if (!can_be_made) return nothing("in_memory");
  if (found.length === 0) return nothing("no_checkpoints");
  return table([say("time"), say("kind"), say("size"), say("duration"), say("place")], found.map(one => [
    clock(one.begun_ms), say(one.savepoint ? "savepoint" : "checkpoint"), one.bytes === null ? "–" : bytes(one.bytes), duration(one.duration_ms),
    one.failure === null ? html("code", {}, one.location ?? "") : html("span", { class: "bad" }, say("failed", one.failure))]), [2, 3]);
}

export async function deadLetters(): Promise<HTMLElement> {
  const found = await ask<{ dead_letters: DeadLetter[]; by_reason: Record<string, number> }>("/api/v1/dead-letters?limit=50");
  if (found.dead_letters.length === 0) return card(say("dead_letters"), nothing("no_dead_letters"));
  const reasons = Object.entries(found.by_reason).sort((a, b) => b[1] - a[1]);
  return html("div", { class: "view" },
    card(say("reason"), table([say("reason"), say("dead_letter")], reasons.map(([reason, count]) => [reason, number(count)]), [1])),
    card(say("dead_letters"), ...found.dead_letters.map(one => html("details", { "data-key": `${one.partition}-${one.offset}` },
      html("summary", {}, html("code", {}, `${one.topic}-${one.partition}@${one.offset}`), " ", one.reason),
      html("div", { class: "quiet" }, one.timestamp_ms === null ? "" : `${clock(one.timestamp_ms)} · `, say("bytes", number(one.value_bytes))),
      html("pre", { tabindex: 0 }, one.value)))));
}

export async function exceptions(): Promise<HTMLElement> {
  const { exceptions: found } = await ask<{ exceptions: Exception[] }>("/api/v1/exceptions");
  if (found.length === 0) return card(say("exceptions"), nothing("no_exceptions"));
  return card(say("exceptions"), table([say("time"), say("kind"), say("message"), say("where")], found.map(one => [
    clock(one.at_ms), html("span", { class: one.error ? "bad" : "warn" }, say(one.error ? "error" : "warning")), one.message, html("code", {}, one.room)])));
}

export function configuration(keys: Record<string, { value: unknown; source: string }>): HTMLElement {
  const wanted = Object.entries(keys).filter(([key]) => key.includes(filter.key));
  return table([say("key"), say("value"), say("from")], wanted.map(([key, { value, source }]) => [
    html("code", {}, key), html("code", {}, typeof value === "string" ? value : JSON.stringify(value)), html("span", { class: source === "default" ? "quiet" : "" }, source)]));
}

export const configurationFilter = (changed: () => void): HTMLElement =>
  html("div", { class: "filter" }, html("input", { id: "key", type: "search", placeholder: say("filter_key"), "aria-label": say("filter_key"), value: filter.key,
    input: event => { filter.key = (event.target as HTMLInputElement).value.trim(); changed(); } }));
