// A browser that a test drives: reads one JSON command a line from stdin, answers with one JSON line.
// Started by real_lab.py with the folder of playwright-core and the path of a Chromium.
const path = require("path");
const readline = require("readline");
const [modules, executablePath] = process.argv.slice(2);
const latency = require("./latency.js");
const { chromium } = require(path.join(modules, "playwright-core"));
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];
const WAIT_MS = 60000;

let browser, context, page, other = null, at = { x: 0, y: 0 }, errors = [];
const figure = (view = 0) => page.locator(".cpm-figure:visible").nth(view);
const named = (name, view) => figure(view).locator(`[data-name="${name}"]`);

// What a view shows: words, a fingerprint of the canvas, and what can be moved.
function look(root) {
  const canvas = root.querySelector("canvas"), context = canvas.getContext("2d");
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let hash = 0, painted = 0;
  for (let i = 0; i < data.length; i += 4) {
    hash = (Math.imul(hash, 31) + data[i] + (data[i + 1] << 8) + (data[i + 2] << 16)) | 0;
    if (data[i] + data[i + 1] + data[i + 2] < 740) painted += 1;
  }
  const of = (node, names) => Object.fromEntries(names.map((n) => [n, node.getAttribute(n)]));
  return {
    status: root.querySelector(".cpm-status").textContent, wrong: Boolean(root.querySelector(".cpm-wrong")),
    dimmed: Boolean(root.querySelector(".cpm-dimmed")), pixels: hash, painted: painted / (data.length / 4),
    width: canvas.getBoundingClientRect().width, room: root.clientWidth, scrolls: root.scrollWidth > root.clientWidth + 1,
    handles: [...root.querySelectorAll(".cpm-handle")].map((n) => ({ name: n.dataset.name, ...of(n, ["aria-label", "aria-valuetext", "aria-valuenow", "role"]) })),
    controls: [...root.querySelectorAll("input, select, button")].map((n) => ({ name: n.dataset.name, kind: n.type, text: n.textContent, value: n.type === "checkbox" ? n.checked : n.value, label: n.labels?.[0]?.textContent ?? n.textContent })),
    focused: document.activeElement?.dataset?.name ?? null, background: getComputedStyle(root).backgroundColor,
  };
}

async function fresh(url) {
  const opened = await context.newPage();
  opened.setDefaultTimeout(WAIT_MS);
  opened.on("console", (m) => { if (m.type() === "error") errors.push(m.text()); });
  opened.on("pageerror", (e) => errors.push(`${e}`));
  await opened.goto(url, { waitUntil: "domcontentloaded" });
  return opened;
}

const commands = {
  async open({ url, width = 1280, height = 900, options = {} }) {
    await context?.close();
    browser ??= await chromium.launch({ executablePath, args: ARGS });
    context = await browser.newContext({ viewport: { width, height }, ...options });
    page = await fresh(url);
  },
  // The same workspace loaded anew, with the notebook opened but not run; as another tab, or in place.
  async reopen({ file }) {
    await page.goto(page.url(), { waitUntil: "domcontentloaded" });
    await commands.show({ file });
  },
  async tab({ file }) {
    other = page;
    page = await fresh(`${new URL(page.url()).origin}/lab/workspaces/tab${Date.now()}?reset`);
    await commands.show({ file });
  },
  async switch() { [page, other] = [other, page]; await page.bringToFront(); },
  async notebook({ file }) {
    await commands.show({ file });
    await commands.run();
  },
  // A notebook of Lab: opened, its kernel ready.
  async show({ file }) {
    await page.waitForFunction(() => window.jupyterapp?.shell, null, { timeout: WAIT_MS });
    await page.evaluate(async (file) => {
      await window.jupyterapp.restored;
      const widget = await window.jupyterapp.commands.execute("docmanager:open", { path: file, factory: "Notebook" });
      await widget.context.ready; await widget.sessionContext.ready;
      window.jupyterapp.shell.activateById(widget.id);
      window.shown = widget;
    }, file);
  },
  async run() {
    await page.evaluate(() => window.jupyterapp.commands.execute("notebook:run-all-cells"));
  },
  async lab({ id, args = {} }) { await page.evaluate(([id, args]) => { window.jupyterapp.commands.execute(id, args); }, [id, args]); },
  async accept() { await page.locator(".jp-Dialog .jp-mod-accept").click(); },
  async restart() { await page.evaluate(() => { window.shown.sessionContext.session.kernel.restart(); }); },
  async close() {
    await page.evaluate(async () => {
      const widget = window.shown;
      await widget.context.save(); await widget.sessionContext.shutdown(); widget.dispose();
    });
  },
  async wait({ count = 1, timeout = WAIT_MS }) {
    await page.waitForFunction((count) => {
      const seen = [...document.querySelectorAll(".cpm-figure")].filter((n) => n.checkVisibility());
      return seen.length >= count && seen.every((n) => n.querySelector("canvas").dots && !n.textContent.includes("Waiting for the first picture"));
    }, count, { timeout });
    await figure(0).scrollIntoViewIfNeeded();
  },
  async read({ view = 0 }) { return figure(view).evaluate(look); },
  // Waits until a view's words, canvas or any of both differ from what was read before.
  async changed({ view = 0, was, what, timeout = 10000 }) {
    const end = Date.now() + timeout;
    for (;;) {
      const now = await figure(view).evaluate(look);
      if (what.every((key) => now[key] !== was[key]) || Date.now() > end) return now;
      await page.waitForTimeout(30);
    }
  },
  async drag({ name, dx, dy, view = 0, steps = 6, release = true }) {
    await named(name, view).scrollIntoViewIfNeeded();
    const box = await named(name, view).boundingBox(), x = box.x + box.width / 2, y = box.y + box.height / 2;
    await page.mouse.move(x, y); await page.mouse.down();
    for (let k = 1; k <= steps; k++) { await page.mouse.move(x + dx * k / steps, y + dy * k / steps); await page.waitForTimeout(15); }
    at = { x: x + dx, y: y + dy };
    if (release) await page.mouse.up();
  },
  async move({ dx, dy }) { at = { x: at.x + dx, y: at.y + dy }; await page.mouse.move(at.x, at.y); },
  async release() { await page.mouse.up(); },
  async touch({ name, dx, dy, view = 0 }) {
    await named(name, view).scrollIntoViewIfNeeded();
    const box = await named(name, view).boundingBox(), x = box.x + box.width / 2, y = box.y + box.height / 2;
    const session = await context.newCDPSession(page);
    const touch = (type, points) => session.send("Input.dispatchTouchEvent", { type, touchPoints: points });
    await touch("touchStart", [{ x, y }]);
    for (let k = 1; k <= 5; k++) await touch("touchMove", [{ x: x + dx * k / 5, y: y + dy * k / 5 }]);
    await touch("touchEnd", []);
  },
  async latency({ name, view = 0, ...options }) {
    await named(name, view).scrollIntoViewIfNeeded();
    return latency(page, named(name, view), options);
  },
  async slide({ name, share, view = 0 }) {
    await named(name, view).scrollIntoViewIfNeeded();
    const box = await named(name, view).boundingBox();
    await page.mouse.click(box.x + 8 + (box.width - 16) * share, box.y + box.height / 2);
  },
  async click({ name, view = 0 }) { await named(name, view).click(); },
  async choose({ name, value, view = 0 }) { await named(name, view).selectOption(value); },
  async press({ name, keys, view = 0 }) {
    if (name) await named(name, view).focus();
    for (const key of keys) await page.keyboard.press(key);
  },
  async upload({ name, files, view = 0 }) { await named(name, view).setInputFiles(files); },
  async evaluate({ code }) { return page.evaluate(code); },
  async inside({ code, view = 0 }) { return figure(view).evaluate(new Function("root", code)); },
  async resize({ width, height = 900 }) { await page.setViewportSize({ width, height }); await page.waitForTimeout(300); },
  async axe({ include }) {
    await page.addScriptTag({ path: path.join(modules, "axe-core", "axe.min.js") });
    return page.evaluate(async (include) => (await window.axe.run(include)).violations.map((v) => ({ id: v.id, impact: v.impact, nodes: v.nodes.map((n) => n.html.slice(0, 200)) })), include);
  },
  async screenshot({ file, whole = true, view = 0 }) { await (whole ? page : figure(view)).screenshot({ path: file }); },
  async errors() { const found = errors; errors = []; return found; },
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { command, ...options } = JSON.parse(line);
    try {
      console.log(JSON.stringify({ result: (await commands[command](options)) ?? null }));
    } catch (error) {
      console.log(JSON.stringify({ error: `${error}`.slice(0, 1500) }));
    }
  }
  await browser?.close();
})();
