// node axe.js MODULES CHROMIUM PAGE...: what axe-core finds on each page, as json on stdout.
const [modules, chromium, ...files] = process.argv.slice(2);
const { chromium: browsers } = require(`${modules}/playwright-core`);

const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"];

async function look(browser, file, colorScheme) {
  const page = await browser.newPage({ colorScheme });
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(`file://${file}`);
  const own = [...errors];
  await page.addScriptTag({ path: `${modules}/axe-core/axe.min.js` });
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"], preload: false }));
  await page.close();
  const shown = ({ html, target }) => `${target.join(" ")}: ${html.slice(0, 200)}`;
  const found = violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.map(shown) }));
  return { file, colorScheme, found, errors: own };
}

(async () => {
  const browser = await browsers.launch({ executablePath: chromium, args: ARGUMENTS });
  const results = [];
  for (const file of files) for (const scheme of ["light", "dark"]) results.push(await look(browser, file, scheme));
  await browser.close();
  process.stdout.write(JSON.stringify(results));
})();
