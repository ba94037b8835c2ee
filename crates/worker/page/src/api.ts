// The worker's API, as far as the page uses it. Nothing is asked of any other server.

export interface Counts {
  consumed: number; applied: number; duplicate: number; late: number; dead_letter: number;
  ignored: Record<string, number>; alerts: Record<string, number>; windows: number; generation: number;
}
export interface Sample {
  at_ms: number; records_per_second: number; alerts_per_second: number; epochs_per_second: number;
  lag_records: number | null; stall_age_ms: number; latency_p50_ms: number | null; latency_p99_ms: number | null;
}
export interface Stage { name: "source" | "execute" | "deliver"; subtasks: number; busy: number; idle: number; backpressured: number }
export interface Partition {
  topic: string; partition: number; next_offset: number; end_offset: number | null; lag_records: number | null; stall_age_ms: number;
}
export interface Problem { kind: string; partition?: number; age_ms?: number; reason?: string }
export interface Status {
  version: string; job: string; topic: string; now_ms: number; started_ms: number; ready: boolean; parallelism: number;
  problems: Problem[]; accounting: Counts; stages: Stage[]; partitions: Partition[];
  sinks: { name: string; epoch: number; epochs_behind: number }[];
  epoch: number; held: { symbols: number; timers: number };
  last_checkpoint: { begun_ms: number; duration_ms: number; bytes: number } | null; sample: Sample | null;
}
export interface Aggregate {
  start_ms: number; end_ms: number; orders: number; buys: number; sells: number; total: string; avg: string; min: string; max: string;
}
export interface Windows { now_ms: number; window_ms: number; symbols: { symbol: string; open: Aggregate[]; results: Aggregate[] }[] }
export interface Alert { rule: string; symbol: string; order_id: string | number; at_ms: number; message: { ko: string; en: string }; partition: number; offset: number }
export interface DeadLetter { topic: string; partition: number; offset: number; timestamp_ms: number | null; reason: string; value: string; value_bytes: number }
export interface Checkpoint { id: number; savepoint: boolean; begun_ms: number; duration_ms: number; bytes: number | null; location: string | null; failure: string | null }
export interface Exception { at_ms: number; error: boolean; message: string; room: string }
export interface Outcome {
  status: { id: "IN_PROGRESS" | "COMPLETED" };
  operation?: { location?: string; "failure-cause"?: { "stack-trace": string }; failureCause?: { "stack-trace": string } };
}

/** The worker wants a token, or another one. */
export class Locked extends Error {}
/** The worker answered that it cannot. */
export class Refused extends Error {
  constructor(readonly status: number, message: string) { super(message); }
}

const ANSWER_MS = 3000;
let token = sessionStorage.getItem("token") ?? "";

export const hasToken = (): boolean => token !== "";

export function setToken(given: string): void {
  token = given.trim();
  sessionStorage.setItem("token", token);
}

const headers = (): Record<string, string> => (token ? { authorization: `Bearer ${token}` } : {});

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  const errors = (await response.json().catch(() => ({}))) as { errors?: string[] };
  if (response.status === 401) throw new Locked(errors.errors?.[0]);
  throw new Refused(response.status, errors.errors?.[0] ?? String(response.status));
}

export async function ask<T>(path: string): Promise<T> {
  const signal = AbortSignal.timeout(ANSWER_MS);
  return (await checked(await fetch(path, { headers: headers(), cache: "no-store", signal }))).json() as Promise<T>;
}

export async function change<T>(path: string, body: object): Promise<T> {
  const response = await fetch(path, {
    method: "POST",
    headers: { ...headers(), "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  return (await checked(response)).json() as Promise<T>;
}

/** Hears the status every second until the stream ends. `EventSource` could not send the token. */
export async function listen(heard: (status: Status) => void): Promise<void> {
  const abort = new AbortController();
  let silence = setTimeout(() => abort.abort(), ANSWER_MS);
  try {
    const response = await checked(await fetch("/api/v1/events", { headers: headers(), cache: "no-store", signal: abort.signal }));
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (!reader) return;
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(), ANSWER_MS);
      const events = (text + value).split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) {
        const data = event.split("\n").find(line => line.startsWith("data: "))?.slice(6);
        if (data) heard(JSON.parse(data) as Status);
      }
    }
  } finally {
    clearTimeout(silence);
  }
}
