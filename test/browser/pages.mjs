// SPDX-License-Identifier: Apache-2.0
// pages.mjs URL DIR: the pages of a daemon with the users admin and reader (both with $PASSWORD). Screenshots go to DIR.
import { check, demand, finish, open, quiet, watched } from './browser.mjs';

const [base, shots] = process.argv.slice(2);
const password = process.env.PASSWORD;
const browser = await open();
const shot = (page, name) => page.screenshot({ path: `${shots}/${name}.png` });

// operation opens an operation in Swagger UI, fills what is given and executes it; it gives status and body of the answer.
async function operation(page, id, { body } = {}) {
  const block = page.locator(`.opblock[id$="-${id}"]`);
  await block.scrollIntoViewIfNeeded();
  if (!(await block.evaluate((e) => e.classList.contains('is-open')))) await block.locator('.opblock-summary-control').click();
  const trial = block.locator('button.try-out__btn:not(.cancel)');
  if (await trial.count()) await trial.click();
  if (body) await block.locator('textarea.body-param__text').fill(JSON.stringify(body));
  const answered = page.waitForResponse((r) => r.request().resourceType() === 'fetch' || r.request().resourceType() === 'xhr');
  await block.locator('button.execute').click();
  const answer = await answered;
  await block.locator('.live-responses-table .response').waitFor();
  return { status: answer.status(), text: await answer.text(), block };
}

await check('Swagger UI: refused without a login, logs in, authorizes, tries a route, sees the answer', async () => {
  const page = await watched(await browser.newContext({ viewport: { width: 1280, height: 1000 } }), base, [401]);
  await page.goto(`${base}/docs`);
  await page.locator('.swagger-ui .opblock').first().waitFor();
  const refused = await operation(page, 'list-servers');
  demand(refused.status === 401, `without a login: ${refused.status}`);
  const wrong = await operation(page, 'login', { body: { username: 'admin', password: 'not this' } });
  demand(wrong.status === 401, `wrong password: ${wrong.status}`);
  const login = await operation(page, 'login', { body: { username: 'admin', password } });
  demand(login.status === 200, `login: ${login.status} ${login.text}`);
  const token = JSON.parse(login.text).access_token;
  await page.locator('.auth-wrapper button.authorize').first().click();
  await page.locator('.modal-ux input').first().fill(token);
  await page.locator('.modal-ux button.authorize').first().click();
  await page.locator('.modal-ux button.btn-done').first().click();
  const servers = await operation(page, 'list-servers');
  demand(servers.status === 200, `with the token: ${servers.status} ${servers.text}`);
  demand((await servers.block.locator('.live-responses-table').innerText()).includes('pulp1.example.com'), 'the answer is not shown');
  await shot(page, 'swagger');
  quiet(page);
});

await check('ReDoc shows every operation, offline', async () => {
  const page = await watched(await browser.newContext({ viewport: { width: 1280, height: 1000 } }), base);
  await page.goto(`${base}/redoc`);
  await page.getByRole('heading', { name: 'servers' }).first().waitFor(); // what is further down is made when it is scrolled to
  await page.getByText('tasks', { exact: true }).filter({ visible: true }).first().click();
  await page.getByText('Cancel a task').filter({ visible: true }).first().click();
  await page.getByText('is the only state a task can be moved to').filter({ visible: true }).first().waitFor();
  const document = await (await page.request.get(`${base}/openapi.json`)).json();
  const operations = Object.values(document.paths).flatMap((p) => Object.values(p)).filter((o) => o.operationId);
  demand(operations.length >= 20, `only ${operations.length} operations`);
  await shot(page, 'redoc');
  page.complaints = page.complaints.filter((c) => !c.includes('cdn.redoc.ly')); // its makers' logo, which our policy keeps it from asking for
  quiet(page);
});

await check('login page: a wrong password is told, a right one leads where one wanted to go', async () => {
  const context = await browser.newContext({ viewport: { width: 360, height: 700 }, colorScheme: 'dark' });
  const page = await watched(context, base, [401]);
  await page.goto(`${base}/jobs/`);
  demand(new URL(page.url()).pathname === '/login', `not sent to the login: ${page.url()}`);
  await page.fill('input[name=username]', 'admin');
  await page.fill('input[name=password]', 'wrong');
  await page.keyboard.press('Enter');
  await page.locator('[role=alert]').waitFor();
  await shot(page, 'login-refused');
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  demand(width <= 360, `the page is ${width} px wide on 360`);
  await page.fill('input[name=username]', 'admin');
  await page.fill('input[name=password]', password);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${base}/jobs/**`);
  const cookie = (await context.cookies()).find((c) => c.name.endsWith('pulp_manager_session'));
  demand(cookie?.httpOnly && cookie.sameSite !== 'None', `the cookie: ${JSON.stringify({ ...cookie, value: '…' })}`);
  quiet(page);
});

await check("River's pages show jobs to an admin, and change nothing", async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await watched(context, base, [401]);
  await page.goto(`${base}/login?next=/jobs/`);
  await page.fill('input[name=username]', 'admin');
  await page.fill('input[name=password]', password);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${base}/jobs/**`);
  await page.getByText('Running', { exact: true }).filter({ visible: true }).first().waitFor();
  await shot(page, 'jobs');
  const write = await page.request.post(`${base}/jobs/api/jobs/cancel`, { data: { ids: [1] } });
  demand([403, 405].includes(write.status()), `a write is answered ${write.status()}`);
  demand((await write.text()).includes('/v1/tasks'), 'the refusal does not say where to go');
  quiet(page);
});

await check('a reader sees no jobs page, and nothing without a login', async () => {
  const context = await browser.newContext();
  const page = await watched(context, base, [401, 403]);
  await page.goto(`${base}/login`);
  await page.fill('input[name=username]', 'reader');
  await page.fill('input[name=password]', password);
  await page.keyboard.press('Enter');
  await page.waitForURL((u) => u.pathname !== '/login');
  const jobs = await page.request.get(`${base}/jobs/`, { maxRedirects: 0 });
  demand(jobs.status() === 403, `a reader gets ${jobs.status()} for /jobs/`);
  const api = await page.request.get(`${base}/v1/pulp_servers/`);
  demand(api.status() === 200, `a reader with a cookie gets ${api.status()}`);
  const anonymous = await (await browser.newContext()).request.get(`${base}/v1/pulp_servers/`);
  demand(anonymous.status() === 401, `nobody gets ${anonymous.status()}`);
});

await browser.close();
finish();
