// SPDX-License-Identifier: AGPL-3.0-or-later
// Takes the pictures of docs/pictures from the demo: script/pictures.sh runs it.
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as houses from './lib/house.mjs';
import * as browsers from './lib/browser.mjs';

const to = resolve(import.meta.dirname, '../../docs/pictures');
await mkdir(to, { recursive: true });
const [house, browser] = await Promise.all([houses.start('--demo'), browsers.open()]);
try {
  const p = await browsers.person(browser, house, 'en', { viewport: { width: 1200, height: 760 } });
  const { page } = p;
  const take = (name, options = {}) => page.screenshot({ path: join(to, `${name}.png`), ...options });
  const open = async (text) => { await page.locator('main').getByRole('link', { name: text }).first().click(); await page.waitForLoadState(); };

  await page.goto('/login');
  await page.fill('[name=email]', house.said().match(/\S+@\S+/)[0]);
  await page.fill('[name=password]', house.said().match(/(?:password|mot de passe) +(.*)$/m)[1]);
  await page.click('main button[type=submit]');
  await page.waitForURL((u) => u.pathname === '/');
  if (await page.locator('html').getAttribute('lang') !== 'en') await page.click('[name=language][value=en]');

  await page.goto('/contacts?sort=email');
  await take('contacts', { clip: { x: 0, y: 0, width: 1200, height: 650 } });
  await page.goto('/contacts?q=lea');
  await open('lea.marchand@jardin.example');
  await page.locator('.tabs').getByRole('link', { name: 'Consent' }).click();
  await page.waitForLoadState();
  await page.locator('.tabs').evaluate((e) => e.scrollIntoView()); // what is proved, not the buttons above
  await take('consent');
  await page.goto('/campaigns');
  await open('Ateliers d’hiver');
  await page.frameLocator('iframe').locator('body').waitFor();
  await take('campaign');
  await page.goto('/campaigns');
  await open('Sirops d’été');
  await take('report');
  await page.goto('/forms');
  await open('Inscription');
  const form = await page.locator('main a[href^="/f/"]').first().getAttribute('href');
  await page.setViewportSize({ width: 390, height: 760 });
  await page.goto(form);
  await take('form');
  await p.leave();
} finally {
  await browser.close();
  await house.stop();
}
