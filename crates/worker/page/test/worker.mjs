// A worker as people run it, and the market that feeds it: started, asked, killed, started again.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A variable that `cargo xtask ci --only page` sets. */
export function given(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this by cargo xtask ci --only page`);
  return value;
}

export const TOKEN = "correct-horse-battery-staple";
const PATIENCE_MS = 30_000;
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

/** Waits until `done` gives something, and gives that. */
export async function eventually(what, done, within = PATIENCE_MS) {
  const until = Date.now() + within;
  for (;;) {
    const found = await done();
    if (found) return found;
    if (Date.now() > until) throw new Error(`not within ${within} ms: ${what}`);
    await pause(50);
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => { const { port } = server.address(); server.close(() => resolve(port)); });
  });
}

const running = new Set();

function start(program, args, folder) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("CDC_WORKER_")));
  const child = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] });
  child.said = "";
  child.stderr.on("data", data => { child.said = (child.said + data).slice(-20_000); });
  child.ended = new Promise(resolve => child.once("exit", (code, signal) => { running.delete(child); resolve({ code, signal }); }));
  running.add(child);
  return child;
}

/** One topic, one state directory, and the processes that come and go on them. */
export class Pipeline {
  static async make() {
    const one = new Pipeline();
    one.folder = mkdtempSync(join(tmpdir(), "page-test-"));
    one.topic = `page-${Date.now()}-${process.pid}`;
    one.port = await freePort();
    one.address = `http://127.0.0.1:${one.port}`;
    writeFileSync(join(one.folder, "token"), TOKEN);
    return one;
  }

  /** The market, for as long as the test takes. */
  feed(rate) {
    const now = new Date().toISOString();
    const args = ["generate", "--to", given("CDC_TEST_KAFKA"), "--set", `kafka.topic=${this.topic}`, "--rate", rate, "--count", 100_000_000, "--from-time", now];
    return start(given("CDC_TEST_WORKER"), args.map(String), this.folder);
  }

  /** The worker, once it is ready. */
  async run() {
    const settings = {
      "kafka.bootstrap": given("CDC_TEST_KAFKA"), "kafka.topic": this.topic, "kafka.group": this.topic,
      "web.listen": `127.0.0.1:${this.port}`, "web.token_file": "token",
      "agg.window_ms": 10_000, "state.checkpoint_interval_ms": 2_000,
    };
    this.worker = start(given("CDC_TEST_WORKER"), ["run", ...sets(settings)], this.folder);
    await this.ready();
  }

  /** A demo in which nothing is an order: the column that it asks for is not there. */
  async demo() {
    const settings = { "columns.quantity": "shares", "demo.rate": 50 };
    this.worker = start(given("CDC_TEST_WORKER"), ["demo", "--for", "5m", "--port", String(this.port), ...sets(settings)], this.folder);
    await this.ready();
  }

  ready() {
    return eventually("the worker is ready", async () => {
      if (this.worker.exitCode !== null) throw new Error(`the worker has ended: ${this.worker.said}`);
      return (await fetch(`${this.address}/readyz`).catch(() => ({ ok: false }))).ok;
    });
  }

  async ask(path) {
    return (await fetch(this.address + path)).json();
  }

  kill(signal = "SIGKILL") {
    this.worker.kill(signal);
    return this.worker.ended;
  }

  /** Ends everything and removes what it wrote. */
  static async clean(...pipelines) {
    for (const child of running) child.kill("SIGKILL");
    await Promise.all([...running].map(child => child.ended));
    for (const one of pipelines) rmSync(one.folder, { recursive: true, force: true });
  }
}

const sets = settings => Object.entries(settings).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
