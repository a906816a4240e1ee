// SPDX-License-Identifier: Apache-2.0
// What the browser tests share: a headless Chromium that tells every error of a page, and checks that are counted.
import { chromium } from 'playwright-core';

export async function open() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

// watched makes a page of which each complaint of the browser (blocked by the policy, missing file, exception) and each request to
// another host is kept in page.complaints. Statuses in allowed are expected.
export async function watched(context, base, allowed = []) {
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.complaints = [];
  page.allowed = new Set(allowed);
  page.on('console', (m) => {
    if (m.type() !== 'error') return;
    const status = /status of (\d+)/.exec(m.text())?.[1];
    if (status && page.allowed.has(Number(status))) return;
    page.complaints.push(`console: ${m.text()}`);
  });
  page.on('pageerror', (e) => page.complaints.push(`exception: ${e.message}`));
  page.on('request', (r) => {
    const u = new URL(r.url());
    if (['http:', 'https:'].includes(u.protocol) && u.origin !== base) page.complaints.push(`asks another host: ${r.url()}`);
  });
  return page;
}

const results = { passed: 0, failed: 0 };

// check runs one check and goes on after a failure, so that one run tells everything.
export async function check(name, run) {
  const start = Date.now();
  try {
    await run();
    results.passed++;
    console.log(`-- ${name}\n   ok (${Date.now() - start} ms)`);
  } catch (e) {
    results.failed++;
    console.log(`-- ${name}\n   FAILED: ${e.message}`);
  }
}

export function demand(condition, message) {
  if (!condition) throw new Error(message);
}

export function quiet(page) {
  demand(page.complaints.length === 0, `the browser complains: ${page.complaints.join(' | ')}`);
}

export function finish() {
  console.log(`browser: ${results.passed} passed, ${results.failed} failed`);
  process.exitCode = results.failed === 0 && results.passed > 0 ? 0 : 1;
}
