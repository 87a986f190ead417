// A browser against a running server: the GraphiQL page as a parent meets it.
//
//   node web/test/graphiql.mjs <base-url> <identifier> <password> [<screenshot.png>]
//
// Needs `npm ci` in web/ and a Chromium (CHROMIUM=/path to it, if it is not where Debian has it).
// Exits with 0 if all holds, with 1 otherwise; never runs longer than two minutes.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [base, identifier, password, screenshot] = process.argv.slice(2);
if (!password) {
  console.error('usage: node web/test/graphiql.mjs <base-url> <identifier> <password> [<screenshot.png>]');
  process.exit(2);
}
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  .find((path) => path && existsSync(path));
if (!executablePath) {
  console.error('graphiql: no Chromium found; set CHROMIUM to its path');
  process.exit(1);
}

// Whatever hangs, this ends; the browser goes with this process.
setTimeout(() => {
  console.error('graphiql: FAILED: not done within two minutes');
  process.exit(1);
}, 120_000).unref();

const problems = [];
const browser = await chromium.launch({
  executablePath,
  timeout: 30_000,
  // As root there is no sandbox, and containers have a small /dev/shm; the page is our own.
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(15_000);
  // Violations of the Content-Security-Policy arrive as console errors.
  page.on('console', (message) => message.type() === 'error' && problems.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== 'data:' && origin !== new URL(base).origin) problems.push(`a request elsewhere: ${request.url()}`);
  });

  await step('opens, titled Rollcall, under a Content-Security-Policy without inline scripts', async () => {
    const response = await page.goto(new URL('/graphiql', base).href);
    expect(response.status() === 200, `status ${response.status()}`);
    expect((await page.title()) === 'Rollcall', `title ${await page.title()}`);
    const policy = response.headers()['content-security-policy'] ?? '';
    expect(/script-src 'self'(;|$)/.test(policy), `policy: ${policy || 'none'}`);
  });

  await step('reads the schema', async () => {
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.locator('.graphiql-doc-explorer-content').getByText('Query', { exact: true }).first().waitFor();
  });

  await step('opens its settings', async () => {
    await page.getByRole('button', { name: 'Open settings dialog' }).click();
    await page.getByRole('dialog').getByText('Theme', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  await step(`signs in as ${identifier} through the form`, async () => {
    await page.getByLabel('E-mail or phone').fill(identifier);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    const who = await page.locator('#who').innerText();
    expect(who.includes('PARENT'), `the bar says: ${who}`);
    const visible = await page.evaluate('document.cookie');
    expect(visible === '', 'the session cookie is readable by scripts');
  });

  await step('shows the schema as the parent sees it', async () => {
    const docs = page.locator('.graphiql-doc-explorer-content');
    await docs.getByText('Mutation', { exact: true }).first().click();
    await docs.getByText('requestLeave', { exact: true }).waitFor();
    const shown = await docs.innerText();
    expect(!shown.includes('createCourse'), `what a parent cannot do is shown: ${shown}`);
  });

  await step('runs the query "My children", which answers with a percentage', async () => {
    await page.getByRole('tab', { name: 'MyChildren' }).click();
    await page.getByRole('button', { name: /^Execute query/ }).click();
    await page.waitForFunction(() => /"(percentage|errors)":/.test(document.querySelector('.graphiql-response .result-window')?.innerText));
    const answer = await page.locator('.graphiql-response .result-window').innerText();
    expect(/"percentage":\s*\d/.test(answer) && !answer.includes('"errors":'), `the answer: ${answer}`);
  });
  if (screenshot) await page.screenshot({ path: screenshot });

  await step('signs out, and the answer is gone', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('Not signed in').waitFor();
    await page.getByRole('button', { name: /^Execute query/ }).waitFor();
    const left = await page.locator('.graphiql-response').innerText();
    expect(!left.includes('percentage'), `still shown: ${left}`);
  });

  await step('without a console error, an exception or a request elsewhere', async () => {
    expect(problems.length === 0, problems.join('\n  '));
  });
  console.log('graphiql: ok');
} catch (error) {
  console.error(`graphiql: FAILED: ${error.message}`);
  for (const problem of problems) console.error(`  ${problem}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}

async function step(name, work) {
  try {
    await work();
  } catch (error) {
    throw new Error(`${name}: ${error.message}`);
  }
  console.log(`graphiql: ${name}`);
}

function expect(truth, otherwise) {
  if (!truth) throw new Error(otherwise);
}
