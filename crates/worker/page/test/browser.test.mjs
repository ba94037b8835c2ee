// The page in a real Chromium, on a worker that reads a real Kafka and keeps its state on disk.

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { Pipeline, TOKEN, eventually, given } from "./worker.mjs";

const PATIENCE_MS = 20_000;
const pictures = given("CDC_TEST_PICTURES");
let browser, pipeline, nothing;

before(async () => {
  mkdirSync(pictures, { recursive: true });
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath: given("CDC_TEST_CHROMIUM"), args });
  [pipeline, nothing] = [await Pipeline.make(), await Pipeline.make()];
  pipeline.feed(400);
  await pipeline.run();
});

after(async () => {
  await browser?.close();
  await Pipeline.clean(...[pipeline, nothing].filter(Boolean));
});

/** A page in a context of its own, which fails its test if a script fails, something is blocked, or another host is asked. */
async function opened(at, path, { expected = /^$/, ...options }, steps) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-US", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const wrong = [];
  page.on("pageerror", error => wrong.push(`error: ${error}`));
  page.on("console", message => {
    // A worker that is gone, or that wants a token, shows in the console too; the page's own words are tested.
    if (message.type() === "error" && !/Failed to load resource|net::ERR_/.test(message.text())) wrong.push(`console: ${message.text()}`);
  });
  page.on("request", request => {
    if (!request.url().startsWith(`${at.address}/`) && !request.url().startsWith("data:")) wrong.push(`asks elsewhere: ${request.url()}`);
  });
  try {
    await page.goto(at.address + path, { waitUntil: "load" });
    await steps(page);
    assert.deepEqual(wrong.filter(line => !expected.test(line)), []);
  } finally {
    await context.close();
  }
}

const picture = (page, name) => page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
const tile = (page, name) => page.locator(`[data-tile="${name}"]`);
const consumed = async page => Number((await tile(page, "rate").locator(".quiet").innerText()).replace(/\D/g, ""));
const rows = page => page.locator("#list tbody tr");

test("the page shows that all is well, and numbers that move", { timeout: 60_000 }, () => opened(pipeline, "/", {}, async page => {
  await page.locator("#state.good").waitFor();
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  assert.ok(paint < 1_000, `first paint after ${paint} ms`);
  await eventually("a checkpoint is shown", async () => /ago/.test(await tile(page, "last_checkpoint").innerText()));
  const first = await consumed(page);
  await eventually("more is read", async () => await consumed(page) > first + 300);
  await eventually("the chart has a line", async () => (await page.locator(".line.first").first().getAttribute("d"))?.includes("L"));
  assert.equal(await page.locator(".stage").count(), 3);
  const counts = await pipeline.ask("/api/v1/accounting");
  assert.ok(counts.consumed >= first, "the page is not ahead of the worker");
  await page.waitForTimeout(5_000);
  await picture(page, "overview-light-en");
}));

test("windows fill", { timeout: 60_000 }, () => opened(pipeline, "/#windows", {}, async page => {
  await eventually("there are symbols", async () => await rows(page).count() >= 5);
  const fill = () => page.locator("#list progress").first().getAttribute("value").then(Number);
  const before = await fill();
  await eventually("it moves", async () => await fill() !== before);
  await picture(page, "windows-light-en");
}));

test("alerts are filtered by rule and by symbol", { timeout: 60_000 }, () => opened(pipeline, "/#alerts", {}, async page => {
  await eventually("there are alerts", async () => await rows(page).count() > 3);
  const symbol = await rows(page).first().locator("td").nth(2).innerText();
  await page.locator("#rule").selectOption("RAPID_ORDERS");
  const column = async number => [...new Set(await rows(page).locator(`td:nth-child(${number})`).allInnerTexts())];
  await eventually("one rule is left", async () => (await column(2)).join() === "Rapid orders");
  await page.locator("#rule").selectOption("");
  await page.locator("#symbol").fill(symbol);
  await eventually("one symbol is left", async () => (await column(3)).join() === symbol);
  await picture(page, "alerts-light-en");
  await page.locator("#symbol").fill("NO-SUCH-SYMBOL");
  await page.getByText("No alert has fired.").waitFor();
}));

test("a savepoint is made, for those who have the token", { timeout: 60_000 }, () => opened(pipeline, "/#checkpoints", {}, async page => {
  await eventually("checkpoints are listed", async () => await rows(page).count() > 0);
  await page.locator("#savepoint").click();
  await page.getByText("Changing anything takes the token").waitFor();
  await page.locator("#token").fill("wrong");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("This is not the token.").waitFor();
  await page.locator("#token").fill(TOKEN);
  await page.getByRole("button", { name: "Open" }).click();
  const told = page.locator("#told", { hasText: "done:" });
  await told.waitFor();
  const place = (await told.innerText()).replace(/^done: /, "");
  assert.ok(existsSync(join(pipeline.folder, place)), `${place} is there`);
  await eventually("it is listed", async () => (await page.locator("#list").innerText()).includes(place));
  await page.locator("#checkpoint").click();
  await page.locator("#told", { hasText: "chk-" }).waitFor();
  await picture(page, "checkpoints-light-en");
}));

test("a worker that is gone is said to be gone, and found again", { timeout: 90_000 }, () => opened(pipeline, "/", {}, async page => {
  await page.locator("#state.good").waitFor();
  await pipeline.kill();
  await page.locator("#banner", { hasText: "The worker does not answer" }).waitFor();
  assert.equal(await page.locator("#state").innerText(), "not answering");
  assert.match(await page.title(), /^not answering/);
  await picture(page, "gone-light-en");
  await pipeline.run();
  await page.locator("#state.good").waitFor();
  assert.ok(await page.locator("#banner").isHidden());
  const first = await consumed(page);
  await eventually("numbers move again", async () => await consumed(page) > first);
}));

test("Korean, dark, on a phone, by keyboard", { timeout: 90_000 }, async () => {
  const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, locale: "ko-KR", colorScheme: "dark" };
  await opened(pipeline, "/", phone, async page => {
    await page.locator("#state.good", { hasText: "정상" }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "ko");
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(17, 21, 27)");
    for (const view of ["overview", "windows", "alerts", "checkpoints", "dead_letters", "exceptions", "configuration"]) {
      await page.goto(`${pipeline.address}/#${view}`);
      await page.locator(`nav a[href="#${view}"][aria-current]`).waitFor();
      await page.locator("#list > *").first().waitFor();
      await page.waitForTimeout(1_200);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${view} is ${wide} pixels wider than the phone`);
      await picture(page, `${view}-dark-ko-phone`);
    }
  });
  await opened(pipeline, "/", { locale: "ko-KR", colorScheme: "dark" }, async page => {
    await page.locator("#state.good").waitFor();
    await page.waitForTimeout(3_000);
    await picture(page, "overview-dark-ko");
    // Past the link to the content, language and theme, to the second view.
    for (let presses = 0; presses < 5; presses += 1) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator('nav a[href="#windows"][aria-current]').waitFor();
    await page.locator("#tongue").click();
    await page.locator('nav a[href="#windows"]', { hasText: "Windows" }).waitFor();
    await page.locator("#theme").click();
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(245, 246, 248)");
  });
});

test("dead letters are shown with reason and raw text; nothing of them becomes markup", { timeout: 60_000 }, async () => {
  await nothing.demo();
  await opened(nothing, "/#dead_letters", {}, async page => {
    const one = page.locator("#list details").first();
    await one.waitFor();
    await one.locator("summary").click();
    const text = await eventually("the raw text", async () => (await page.locator("#list details[open] pre").first().innerText().catch(() => "")) || null);
    assert.match(text, /"quantity":/);
    assert.match(await page.locator("#list details summary").first().innerText(), /shares/);
    assert.equal(await page.locator("#list pre *").count(), 0);
    await picture(page, "dead-letters-light-en");
  });
});

test("no script runs that is not the page's own", { timeout: 30_000 }, () => opened(pipeline, "/", { expected: /Content Security Policy/ }, async page => {
  await page.locator("#state.good").waitFor();
  const refused = page.waitForEvent("console", message => message.text().includes("Content Security Policy"));
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'injected'";
    document.body.append(script);
  });
  await refused;
  assert.notEqual(await page.title(), "injected");
}));
