// Every word that is shown, in Korean and English. Whoever opens the page gets their own; the choice is kept.

const KOREAN = {
  title: "CDC 워커", about: "버전 {0} · 병렬도 {1} · 가동 {2}",
  overview: "개요", windows: "윈도우", alerts: "알림", checkpoints: "체크포인트", dead_letters: "데드 레터",
  exceptions: "예외", configuration: "설정", language: "English", theme: "밝게/어둡게", skip: "본문으로",
  starting: "연결 중", waiting: "레코드를 기다리는 중", well: "정상", unwell: "문제 있음", gone: "응답 없음", locked: "토큰 필요",
  why_gone: "워커가 응답하지 않습니다({0}부터). 아래 숫자는 그때의 값입니다. 1초마다 다시 시도합니다.",
  why_never: "워커가 응답하지 않습니다. 1초마다 다시 시도합니다.",
  why_locked: "이 워커는 토큰이 있어야 볼 수 있습니다(설정 web.token).", why_wrong: "토큰이 맞지 않습니다.",
  token: "토큰", open: "열기",
  problem_accounting: "읽은 레코드 수와 집계의 합이 다릅니다. 워커의 결함이니 알려 주세요.",
  problem_stalled: "파티션 {0}이(가) {1} 동안 멈춰 있습니다. 읽을 레코드가 남아 있습니다.",
  problem_checkpoint: "마지막 체크포인트가 실패했습니다: {0}", problem_trouble: "진행할 수 없습니다: {0}",
  rate: "초당 레코드", lag: "지연 레코드(lag)", latency: "DB → 출력 지연", unknown: "알 수 없음",
  graph: "작업 그래프", source: "소스", execute: "디코드 · 윈도우 · 규칙", deliver: "싱크 · 커밋",
  busy: "바쁨", idle: "유휴", backpressured: "역압", subtasks: "서브태스크 {0}", per_second: "{0}/초",
  consumed: "읽은 레코드", applied: "반영", duplicate: "중복", late: "늦음", dead_letter: "데드 레터", ignored: "무시",
  windows_fired: "윈도우 결과", epoch: "에포크", epoch_rate: "에포크 {0}/초", symbols: "메모리의 종목", last_checkpoint: "마지막 체크포인트", ago: "{0} 전", none: "없음",
  accounting: "레코드 집계", balanced: "읽은 레코드는 모두 정확히 하나로 집계되었습니다.",
  partitions: "파티션", partition: "파티션", offset: "오프셋", end: "끝", stalled: "멈춤", sinks: "싱크", behind: "뒤처진 에포크",
  symbol: "종목", orders: "주문", buys: "매수", sells: "매도", total: "금액", average: "평균", low: "최저", high: "최고",
  fills: "채워지는 정도", history: "지난 윈도우의 주문 수", no_windows: "열린 윈도우가 없습니다.",
  rule: "규칙", all_rules: "모든 규칙", filter_symbol: "종목으로 거르기", time: "시각", message: "내용", order: "주문 번호",
  no_alerts: "알림이 없습니다.", LARGE_ORDER: "대량 주문", HIGH_AMOUNT: "고액 주문", PRICE_SPIKE: "가격 급변", RAPID_ORDERS: "단기 다수 주문",
  savepoint: "세이브포인트", checkpoint: "체크포인트", make_savepoint: "세이브포인트 만들기", make_checkpoint: "체크포인트 만들기",
  asked: "요청했습니다…", made: "완료: {0}", failed: "실패: {0}", kind: "종류", duration: "걸린 시간", size: "크기", place: "위치",
  no_checkpoints: "이번 실행에서 만든 체크포인트가 없습니다.", in_memory: "이 실행은 상태를 메모리에 두며 체크포인트를 만들지 않습니다.",
  give_token: "변경하려면 토큰이 필요합니다(설정 web.token).", no_token: "워커에 토큰이 없어 변경할 수 없습니다. web.token_file을 설정하세요.",
  reason: "이유", value: "원문", bytes: "{0}바이트", no_dead_letters: "데드 레터가 없습니다.",
  no_exceptions: "경고나 오류가 없습니다.", error: "오류", warning: "경고", where: "위치",
  key: "키", from: "출처", filter_key: "키로 거르기", lately: "최근 {0}",
};

export type Word = keyof typeof KOREAN;

const ENGLISH: Record<Word, string> = {
  title: "CDC worker", about: "version {0} · parallelism {1} · up {2}",
  overview: "Overview", windows: "Windows", alerts: "Alerts", checkpoints: "Checkpoints", dead_letters: "Dead letters",
  exceptions: "Exceptions", configuration: "Configuration", language: "한국어", theme: "Light/dark", skip: "To the content",
  starting: "connecting", waiting: "waiting for records", well: "all well", unwell: "something is wrong", gone: "not answering", locked: "token needed",
  why_gone: "The worker does not answer, since {0}. The numbers below are from then. Trying again every second.",
  why_never: "The worker does not answer. Trying again every second.",
  why_locked: "This worker is open to those who have its token (web.token in its configuration).", why_wrong: "This is not the token.",
  token: "Token", open: "Open",
  problem_accounting: "The counts do not add up to the records read. This is a fault of the worker: please report it.",
  problem_stalled: "Partition {0} has stood still for {1} although there is more to read.",
  problem_checkpoint: "The last checkpoint failed: {0}", problem_trouble: "It cannot go on: {0}",
  rate: "Records per second", lag: "Lag in records", latency: "Database → output", unknown: "not known",
  graph: "Job graph", source: "Source", execute: "Decode · windows · rules", deliver: "Sinks · commit",
  busy: "busy", idle: "idle", backpressured: "back-pressured", subtasks: "subtasks: {0}", per_second: "{0}/s",
  consumed: "Records read", applied: "Applied", duplicate: "Duplicates", late: "Late", dead_letter: "Dead letters", ignored: "Ignored",
  windows_fired: "Window results", epoch: "Epoch", epoch_rate: "{0} epochs/s", symbols: "Symbols in memory", last_checkpoint: "Last checkpoint", ago: "{0} ago", none: "none",
  accounting: "What became of the records", balanced: "Every record read is counted exactly once.",
  partitions: "Partitions", partition: "Partition", offset: "Offset", end: "End", stalled: "Stalled", sinks: "Sinks", behind: "Epochs behind",
  symbol: "Symbol", orders: "Orders", buys: "Buys", sells: "Sells", total: "Total", average: "Average", low: "Low", high: "High",
  fills: "Fills", history: "Orders in past windows", no_windows: "No window is open.",
  rule: "Rule", all_rules: "All rules", filter_symbol: "Filter by symbol", time: "Time", message: "Message", order: "Order",
  no_alerts: "No alert has fired.", LARGE_ORDER: "Large order", HIGH_AMOUNT: "High amount", PRICE_SPIKE: "Price spike", RAPID_ORDERS: "Rapid orders",
  savepoint: "Savepoint", checkpoint: "Checkpoint", make_savepoint: "Make a savepoint", make_checkpoint: "Make a checkpoint",
  asked: "asked for…", made: "done: {0}", failed: "failed: {0}", kind: "Kind", duration: "Took", size: "Size", place: "Where",
  no_checkpoints: "This run has made no checkpoint yet.", in_memory: "This run keeps its state in memory and makes no checkpoints.",
  give_token: "Changing anything takes the token (web.token).", no_token: "The worker has no token, so nothing can be changed: set web.token_file.",
  reason: "Reason", value: "Raw text", bytes: "{0} bytes", no_dead_letters: "There is no dead letter.",
  no_exceptions: "No warning and no error was logged.", error: "error", warning: "warning", where: "Where",
  key: "Key", from: "From", filter_key: "Filter by key", lately: "last {0}",
};

export type Tongue = "ko" | "en";

const kept = localStorage.getItem("tongue");
let tongue: Tongue = kept === "ko" || kept === "en" ? kept : navigator.language.toLowerCase().startsWith("ko") ? "ko" : "en";

export const currentTongue = (): Tongue => tongue;

export function switchTongue(): void {
  tongue = tongue === "ko" ? "en" : "ko";
  localStorage.setItem("tongue", tongue);
}

/** A word or sentence, with values where it has {0}, {1}, … */
export function say(word: Word, ...values: string[]): string {
  const text = (tongue === "ko" ? KOREAN : ENGLISH)[word];
  return text.replace(/\{(\d)\}/g, (_, index: string) => values[Number(index)] ?? "");
}

export const number = (value: number): string =>
  value.toLocaleString(tongue, { maximumFractionDigits: Math.abs(value) < 10 ? 1 : 0 });

/** An exact amount, as the worker writes it; only its whole part gets separators. */
export function amount(exact: string): string {
  const [whole = "", ...rest] = exact.split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, ","), ...rest].join(".");
}

export const percent = (share: number): string => `${Math.round(share * 100)}%`;

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
  return `${number(value)} ${units[unit] ?? ""}`;
}

/** A duration, as coarse as people say it. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return tongue === "ko" ? `${number(ms / 1000)}초` : `${number(ms / 1000)} s`;
  const parts: [number, string, string][] = [[86400, "일", "d"], [3600, "시간", "h"], [60, "분", "min"]];
  const index = parts.findIndex(([length]) => seconds >= length);
  const [length, korean, english] = parts[index] ?? [60, "분", "min"];
  const whole = Math.floor(seconds / length);
  const next = parts[index + 1];
  const rest = next ? Math.floor((seconds % length) / next[0]) : 0;
  const text = (count: number, ko: string, en: string) => (tongue === "ko" ? `${count}${ko}` : `${count} ${en}`);
  return text(whole, korean, english) + (next && rest > 0 ? ` ${text(rest, next[1], next[2])}` : "");
}

export const clock = (ms: number): string =>
  new Date(ms).toLocaleTimeString(tongue, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
