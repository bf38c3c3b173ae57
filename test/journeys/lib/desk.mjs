// SPDX-License-Identifier: AGPL-3.0-or-later
// What members do again and again: come in, read the built-in mailbox, press a page's own button.
import assert from 'node:assert/strict';

/** Signs the demo's owner in, and speaks the person's language. */
export async function enter(owner, house) {
  const { page } = owner;
  await page.goto('/login');
  await page.fill('[name=email]', house.said().match(/\S+@\S+/)[0]);
  await page.fill('[name=password]', house.said().match(/(?:password|mot de passe) +(.*)$/m)[1]);
  await page.click('main button[type=submit]');
  await page.waitForURL((u) => u.pathname === '/');
  if (await page.locator('html').getAttribute('lang') !== owner.language) {
    await page.click(`[name=language][value=${owner.language}]`);
    await page.waitForLoadState();
  }
}

/** The newest mail to somebody in the built-in mailbox that links somewhere: its words and links. */
export async function mail(owner, to, where = '/') {
  const { page } = owner;
  for (let left = 100; left > 0; left--) {
    await page.goto('/mailbox');
    const rows = await page.locator('main tbody tr', { hasText: to }).locator('a').evaluateAll((as) => as.map((a) => a.getAttribute('href')));
    for (const at of rows.slice(0, 6)) {
      await page.goto(at);
      const frame = page.locator('iframe').first();
      const html = await (await page.request.get(await frame.getAttribute('src'))).text();
      const links = [...html.matchAll(/href="([^"]+)"/g)].map((m) => m[1].replaceAll('&amp;', '&'));
      if (links.some((l) => l.includes(where))) return { html, text: html.replace(/<[^>]+>/g, ' '), links, raw: async () => (await page.request.get(at + '/raw')).text(), path: (to) => new URL(links.find((l) => l.includes(to))).pathname };
    }
    await new Promise((ok) => setTimeout(ok, 200));
  }
  throw new Error('no mail came for ' + to);
}

export const submit = (page) => Promise.all([page.waitForLoadState(), page.locator('main button[type=submit].btn-primary').last().click()]);

/** Waits until a page that loads itself again says something. */
export async function assertSoon(page, words) {
  for (let left = 150; ; left--) {
    if (words.test(await page.locator('main').innerText())) return;
    if (left === 0) assert.match(await page.locator('main').innerText(), words);
    await page.waitForTimeout(200);
    await page.reload();
  }
}

/** Chooses one of several cards by its words. */
export const pick = async (page, name, value) => page.locator(`label[for="${await page.locator(`[name="${name}"][value="${value}"]`).getAttribute('id')}"]`).click();
