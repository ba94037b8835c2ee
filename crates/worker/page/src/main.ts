// The page: hears the status every second, shows the view that the address names.

import { Locked, Refused, ask, change, hasToken, listen, setToken, type Outcome, type Problem, type Sample, type Status } from "./api";
import { card, html } from "./dom";
import * as lists from "./lists";
import { overview } from "./overview";
import { clock, currentTongue, duration, say, switchTongue, type Word } from "./words";

const VIEWS = ["overview", "windows", "alerts", "checkpoints", "dead_letters", "exceptions", "configuration"] as const;
type View = (typeof VIEWS)[number];
const AGAIN_MS = 1000;
const KEPT = 900;

let status: Status | null = null;
let samples: Sample[] = [];
let goneSince: number | null = null;
let locked: "no" | "first" | "wrong" = "no";
let keys: Record<string, { value: unknown; source: string }> = {};
let said = "";

const page = document.getElementById("page") as HTMLElement;
const banner = html("div", { id: "banner", role: "alert", hidden: true });
const state = html("span", { id: "state", role: "status" });
const about = html("span", { id: "about", class: "quiet" });
const nav = html("nav");
const main = html("main", { id: "content", tabindex: -1 });

const view = (): View => VIEWS.find(name => location.hash === `#${name}`) ?? "overview";

function frame(): void {
  document.documentElement.lang = currentTongue();
  nav.replaceChildren(...VIEWS.map(name => html("a", { href: `#${name}`, ...(name === view() ? { "aria-current": "page" } : {}) }, say(name))));
  page.replaceChildren(
    html("a", { href: "#content", class: "skip", click: event => { event.preventDefault(); main.focus(); } }, say("skip")),
    html("header", {}, html("h1", {}, say("title")), about, state,
      html("button", { id: "tongue", type: "button", click: () => { switchTongue(); frame(); void open(); } }, say("language")),
      html("button", { id: "theme", type: "button", click: switchTheme }, say("theme"))),
    banner, nav, main);
  glance();
}

function switchTheme(): void {
  const dark = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const theme = dark === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
}

function problem(one: Problem): string {
  switch (one.kind) {
    case "stalled": return say("problem_stalled", String(one.partition), duration(one.age_ms ?? 0));
    case "checkpoint": return say("problem_checkpoint", one.reason ?? "");
    case "trouble": return say("problem_trouble", one.reason ?? "");
    default: return say("problem_accounting");
  }
}

/** State and banner: whether all is well. */
function glance(): void {
  const problems = status?.problems ?? [];
  const [word, kind]: [Word, string] = locked !== "no" ? ["locked", "bad"]
    : goneSince !== null ? ["gone", "bad"]
    : status === null ? ["starting", "warn"]
    : problems.length > 0 ? ["unwell", "bad"]
    : status.accounting.consumed > 0 ? ["well", "good"] : ["waiting", "warn"];
  state.textContent = say(word);
  state.className = kind;
  document.title = kind === "good" ? say("title") : `${say(word)} · ${say("title")}`;
  main.classList.toggle("gone", goneSince !== null);
  about.textContent = status ? say("about", status.version, String(status.parallelism), duration(status.now_ms - status.started_ms)) : "";
  const lines = locked !== "no" ? [say(locked === "wrong" ? "why_wrong" : "why_locked")]
    : goneSince !== null ? [status ? say("why_gone", clock(goneSince)) : say("why_never")]
    : problems.map(problem);
  const text = lines.join("\n");
  if (said === text + locked) return;
  said = text + locked;
  banner.hidden = lines.length === 0;
  banner.replaceChildren(...lines.map(line => html("p", {}, line)), ...(locked === "no" ? [] : [tokenForm(() => { locked = "no"; glance(); })]));
}

function tokenForm(given: () => void): HTMLElement {
  const input = html("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false" }) as HTMLInputElement;
  return html("form", { submit: event => { event.preventDefault(); setToken(input.value); given(); } },
    html("label", { for: "token" }, say("token")), input, html("button", {}, say("open")));
}

/** What stays of a view while its content is asked for again. */
let list: HTMLElement = html("div");
let asking = false;

async function open(): Promise<void> {
  for (const link of nav.querySelectorAll("a")) {
    if (link.getAttribute("href") === `#${view()}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  list = html("div", { id: "list" });
  switch (view()) {
    case "alerts": main.replaceChildren(card(say("alerts"), lists.alertFilter(() => void refresh()), list)); break;
    case "checkpoints": main.replaceChildren(card(say("checkpoints"), operations(), list)); break;
    case "configuration":
      main.replaceChildren(card(say("configuration"), lists.configurationFilter(() => void refresh()), list));
      keys = (await ask<{ configuration: typeof keys }>("/api/v1/configuration").catch(() => ({ configuration: keys }))).configuration;
      break;
    default: main.replaceChildren(list);
  }
  await refresh();
}

/** Asks for what the view shows, unless it is being asked for. */
async function refresh(): Promise<void> {
  if (asking) return;
  asking = true;
  const shown = view();
  try {
    const content = await content_of(shown);
    if (content && shown === view() && !list.contains(getSelection()?.isCollapsed === false ? getSelection()?.anchorNode ?? null : null)) {
      const opened = new Set([...list.querySelectorAll<HTMLElement>("details[open]")].map(one => one.dataset.key));
      for (const one of content.querySelectorAll<HTMLDetailsElement>("details")) one.open = opened.has(one.dataset.key);
      const scrolled = list.querySelector(".scroll")?.scrollLeft ?? 0;
      list.replaceChildren(content);
      const scroll = list.querySelector(".scroll");
      if (scroll) scroll.scrollLeft = scrolled;
    }
  } catch {
    // The stream tells whether the worker is gone.
  } finally {
    asking = false;
  }
}

async function content_of(shown: View): Promise<HTMLElement | null> {
  switch (shown) {
    case "overview": return status ? overview(status, samples) : null;
    case "windows": return lists.windows();
    case "alerts": return lists.alerts();
    case "checkpoints": return lists.checkpoints();
    case "dead_letters": return lists.deadLetters();
    case "exceptions": return lists.exceptions();
    case "configuration": return lists.configuration(keys);
  }
}

/** Buttons for a checkpoint and a savepoint, and what became of them. */
function operations(): HTMLElement {
  const told = html("p", { id: "told", role: "status" });
  const form = html("div");
  const run = async (what: "savepoints" | "checkpoints"): Promise<void> => {
    form.replaceChildren();
    try {
      const path = `/jobs/${status?.job ?? ""}/${what}`;
      const { "request-id": id } = await change<{ "request-id": string }>(path, {});
      told.textContent = say("asked");
      for (;;) {
        await new Promise(resolve => setTimeout(resolve, 500));
        const { status: progress, operation } = await ask<Outcome>(`${path}/${id}`);
        if (progress.id === "IN_PROGRESS") continue;
        const failure = operation?.["failure-cause"] ?? operation?.failureCause;
        told.textContent = failure ? say("failed", failure["stack-trace"]) : say("made", operation?.location ?? "");
        break;
      }
      await refresh();
    } catch (error) {
      if (error instanceof Locked) {
        told.textContent = say(hasToken() ? "why_wrong" : "give_token");
        form.replaceChildren(tokenForm(() => void run(what)));
      } else if (error instanceof Refused) {
        told.textContent = error.status === 403 ? say("no_token") : error.message;
      } else {
        told.textContent = say("gone");
      }
    }
  };
  return html("div", { class: "filter" },
    html("button", { id: "savepoint", type: "button", click: () => void run("savepoints") }, say("make_savepoint")),
    html("button", { id: "checkpoint", type: "button", click: () => void run("checkpoints") }, say("make_checkpoint")), told, form);
}

function heard(now: Status): void {
  if (status && now.started_ms !== status.started_ms) samples = [];
  status = now;
  goneSince = null;
  locked = "no";
  if (now.sample && now.sample.at_ms !== samples[samples.length - 1]?.at_ms) samples = [...samples, now.sample].slice(-KEPT);
  glance();
  if (view() !== "configuration") void refresh();
}

async function hear(): Promise<void> {
  for (;;) {
    try {
      samples = (await ask<{ samples: Sample[] }>("/api/v1/history")).samples;
      await listen(heard);
      goneSince ??= Date.now();
    } catch (error) {
      if (error instanceof Locked) locked = hasToken() ? "wrong" : "first";
      else goneSince ??= Date.now();
    }
    glance();
    await new Promise(resolve => setTimeout(resolve, AGAIN_MS));
  }
}

const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;
addEventListener("hashchange", () => void open());
frame();
void open();
void hear();
