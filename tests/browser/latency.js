// Times of a drag, taken in the page: from a pointer event to the canvas painted from the kernel's answer.
// The canvas is only painted when a new frame has come, so its first fillRect after an event marks the answer.
module.exports = async function latency(page, node, { trials, radius }) {
  await node.evaluate((handle) => {
    const canvas = handle.closest(".cpm-figure").querySelector("canvas");
    const context = canvas.getContext("2d"), log = (window.latencyLog = []), fill = context.fillRect;
    context.fillRect = function (...box) {
      // After the painting is done and before the browser shows it: the end of this task.
      if (box[2] === canvas.width && box[3] === canvas.height) queueMicrotask(() => log.push(["painted", performance.now()]));
      return fill.apply(this, box);
    };
    window.addEventListener("pointermove", () => log.push(["event", performance.now()]), { capture: true });
  });
  const box = await node.boundingBox(), x = box.x + box.width / 2, y = box.y + box.height / 2;
  const step = (k) => page.mouse.move(x + radius * Math.sin(k * 0.7), y + radius * (1 - Math.cos(k * 0.7)));
  await page.mouse.move(x, y); await page.mouse.down(); await page.waitForTimeout(300);
  const times = [];
  for (let k = 1; k <= trials; k++) {
    const time = page.evaluate(() => new Promise((done) => {
      const log = window.latencyLog, end = performance.now() + 1500;
      log.length = 0;
      const look = () => {
        const from = log.find(([kind]) => kind === "event"), to = from && log.find(([kind, at]) => kind === "painted" && at > from[1]);
        if (to) done(to[1] - from[1]); else if (performance.now() > end) done(null); else setTimeout(look, 4);
      };
      look();
    }));
    await page.waitForTimeout(20);
    await step(k);
    const taken = await time;
    if (taken !== null) times.push(taken);
    await page.waitForTimeout(40);
  }
  await page.evaluate(() => { window.latencyLog.length = 0; });
  const events = 90;
  for (let k = 0; k < events; k++) { await step(trials + k); await page.waitForTimeout(10); }
  await page.waitForTimeout(2000);
  await page.mouse.up();
  const log = await page.evaluate(() => window.latencyLog);
  const sent = log.filter(([kind]) => kind === "event").map(([, at]) => at), painted = log.filter(([kind]) => kind === "painted").map(([, at]) => at);
  const last = painted.at(-1) ?? Infinity, span = (Math.max(last, sent.at(-1)) - sent[0]) / 1000;
  return { times, frames: painted.length / span, lag: Math.max(0, last - sent.at(-1)) };
};
