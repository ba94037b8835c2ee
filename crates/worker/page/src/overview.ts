// The first view: is all well, how fast, how far behind.

import type { Sample, Stage, Status } from "./api";
import { chart } from "./charts";
import { card, html, table } from "./dom";
import { bytes, duration, number, percent, say, type Word } from "./words";

const OUTCOMES: Word[] = ["applied", "duplicate", "late", "dead_letter", "ignored"];
const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((all, count) => all + count, 0);

function tile(name: Word, value: string, more = ""): HTMLElement {
  return html("section", { class: "card tile", "data-tile": name },
    html("h2", {}, say(name)), html("div", { class: "value" }, value), html("div", { class: "quiet" }, more));
}

function stage(one: Stage, rate: string): HTMLElement {
  const bar = html("div", { class: "shares", role: "img", "aria-label": `${say("busy")} ${percent(one.busy)}, ${say("backpressured")} ${percent(one.backpressured)}` });
  for (const kind of ["busy", "backpressured", "idle"] as const) {
    const part = html("span", { class: kind });
    part.style.width = `${one[kind] * 100}%`;
    bar.append(part);
  }
  const level = one.backpressured > 0.5 ? "high" : one.busy > 0.8 ? "hot" : "calm";
  return html("li", { class: `stage ${level}`, "data-stage": one.name },
    html("strong", {}, say(one.name)),
    html("span", { class: "quiet" }, say("subtasks", String(one.subtasks))),
    bar,
    html("span", { class: "legend" }, `${say("busy")} ${percent(one.busy)} · ${say("backpressured")} ${percent(one.backpressured)} · ${say("idle")} ${percent(one.idle)}`),
    html("span", { class: "rate" }, rate));
}

function accounting(status: Status): HTMLElement {
  const counts = status.accounting;
  const parts: Record<string, number> = { ...counts, ignored: sum(counts.ignored) } as unknown as Record<string, number>;
  const bar = html("div", { class: "outcomes", "aria-hidden": "true" });
  for (const name of OUTCOMES) {
    const part = html("span", { class: name });
    part.style.flexGrow = String(parts[name] ?? 0);
    bar.append(part);
  }
  const rows = OUTCOMES.map(name => html("div", { class: "outcome" },
    html("span", { class: `swatch ${name}` }), html("span", {}, say(name)), html("b", {}, number(parts[name] ?? 0))));
  const whole = OUTCOMES.reduce((all, name) => all + (parts[name] ?? 0), 0) === counts.consumed;
  return card(say("accounting"), bar, html("div", { class: "outcome-list" }, ...rows),
    html("p", { class: whole ? "quiet" : "bad" }, say(whole ? "balanced" : "problem_accounting")));
}

export function overview(status: Status, samples: Sample[]): HTMLElement {
  const { sample, accounting: counts } = status;
  const rate = sample ? say("per_second", number(sample.records_per_second)) : "–";
  const alerts = sample ? say("per_second", number(sample.alerts_per_second)) : "";
  const lag = sample?.lag_records;
  const ms = (value: number | null | undefined) => (value === null || value === undefined ? "–" : `≤ ${duration(value)}`);
  const checkpoint = status.last_checkpoint;
  const lately = say("lately", duration(Math.max(1, samples.length) * 1000));
  const rates = [rate, rate, sample ? say("epoch_rate", number(sample.epochs_per_second)) : "–"];
  const graph = card(say("graph"), html("ol", { class: "graph" }, ...status.stages.map((one, index) => stage(one, rates[index] ?? ""))));
  return html("div", { class: "view" },
    html("div", { class: "tiles" },
      tile("rate", sample ? number(sample.records_per_second) : "–", `${say("consumed")}: ${number(counts.consumed)}`),
      tile("lag", lag === null || lag === undefined ? say("unknown") : number(lag)),
      tile("latency", ms(sample?.latency_p50_ms), `p99 ${ms(sample?.latency_p99_ms)}`),
      tile("windows_fired", number(counts.windows)),
      tile("alerts", number(sum(counts.alerts)), alerts),
      tile("dead_letter", number(counts.dead_letter)),
      tile("last_checkpoint", checkpoint ? say("ago", duration(status.now_ms - checkpoint.begun_ms)) : say("none"), checkpoint ? `${bytes(checkpoint.bytes)} · ${duration(checkpoint.duration_ms)}` : ""),
      tile("symbols", number(status.held.symbols), `${say("epoch")} ${number(status.epoch)}`)),
    graph,
    html("div", { class: "charts" },
      card(`${say("rate")} · ${lately}`, chart(say("rate"), [{ kind: "first", values: samples.map(one => one.records_per_second) }], number)),
      card(`${say("lag")} · ${lately}`, chart(say("lag"), [{ kind: "second", values: samples.map(one => one.lag_records) }], number)),
      card(`${say("latency")} p50, p99 · ${lately}`, chart(say("latency"), [
        { kind: "first", values: samples.map(one => one.latency_p50_ms) },
        { kind: "second", values: samples.map(one => one.latency_p99_ms) }], duration))),
    html("div", { class: "columns" },
      accounting(status),
      card(say("partitions"), table(
        [say("partition"), say("offset"), say("end"), say("lag"), say("stalled")],
        status.partitions.map(one => [String(one.partition), number(one.next_offset), one.end_offset === null ? "–" : number(one.end_offset),
          one.lag_records === null ? "–" : number(one.lag_records), one.stall_age_ms > 0 ? duration(one.stall_age_ms) : "–"]), [1, 2, 3, 4])),
      card(say("sinks"), table([say("sinks"), say("epoch"), say("behind")],
        status.sinks.map(one => [one.name, number(one.epoch), number(one.epochs_behind)]), [1, 2]))));
}
