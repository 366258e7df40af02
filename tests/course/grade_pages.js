// node grade_pages.js MODULES CHROMIUM FOLDER: opens the pages of a graded class as an instructor does, tells as json.
const [modules, executablePath, folder] = process.argv.slice(2);
const { chromium } = require(`${modules}/playwright-core`);
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"];

(async () => {
  const browser = await chromium.launch({ executablePath, args: ARGS });
  const told = { axe: [], errors: [], wide: [], asked: [] };
  for (const name of ["class_summary", "answers", "feedback"]) {
    for (const [width, colorScheme] of [[1280, "light"], [390, "light"], [1280, "dark"]]) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
      const page = await context.newPage();
      await page.goto(`file://${folder}/${name}.html`);
      await page.addScriptTag({ path: `${modules}/axe-core/axe.min.js` });
      const { violations } = await page.evaluate(() => window.axe.run());
      told.axe.push(...violations.map((v) => `${name} ${width} ${colorScheme}: ${v.id} ${v.nodes[0].html.slice(0, 200)}`));
      if (await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth)) told.wide.push(`${name} ${width}`);
      await context.close();
    }
  }
  const context = await browser.newContext({ acceptDownloads: true });
  const page = await context.newPage();
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && told.errors.push(m.text()));
  page.on("pageerror", (e) => told.errors.push(`${e}`));
  page.on("dialog", (d) => { told.errors.push(`a dialog: ${d.message()}`); d.dismiss(); });
  page.on("requestfinished", (r) => !r.url().startsWith("file:") && !r.url().startsWith("data:") && !r.url().startsWith("blob:") && told.asked.push(r.url()));

  await page.goto(`file://${folder}/feedback.html`);
  told.hints = await page.locator("details >> visible=true").count();
  await page.goto(`file://${folder}/class_summary.html`);
  const names = () => page.locator("#students tbody tr:visible th").allInnerTexts();
  told.first = await names();
  const head = page.locator("#students thead button").last();
  await head.focus();
  await page.keyboard.press("Enter");
  told.most_points_first = [await names(), await page.locator("#students thead th").last().getAttribute("aria-sort")];
  await page.keyboard.press("Enter");
  told.fewest_points_first = await names();
  await page.locator("#students thead button").first().click();
  told.by_name = await names();
  await page.locator("input.find").fill("BEN");
  told.found = [await names(), await page.locator("#found").innerText()];

  // An inline script of a student's would have run by now; one that is added is refused by the policy.
  told.injected = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.injected = true";
    document.body.append(script);
    const image = document.createElement("img");
    image.src = "https://example.org/x.png";
    document.body.append(image);
    return Boolean(window.injected);
  });
  told.refused = told.errors.splice(0).length;

  await page.goto(`file://${folder}/answers.html`);
  await page.locator("input.points").first().fill("2.5");
  await page.locator("input.comment").first().fill('=1+1, "well"');
  told.count = await page.locator("#told").innerText();
  await page.reload();
  told.kept = await page.locator("input.points").first().inputValue();
  await page.locator("#anonymous").check();
  told.hidden = await page.locator(".who").first().isHidden();
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#save").click()]);
  await download.saveAs(`${folder}/saved.csv`);
  told.file = download.suggestedFilename();
  await browser.close();
  process.stdout.write(JSON.stringify(told));
})();
