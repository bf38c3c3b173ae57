// SPDX-License-Identifier: AGPL-3.0-or-later
// A browser that reaches our house and nothing else, and looks at every page as axe does: light
// and dark, wide and narrow.
import { readFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const shots = process.env.CONSEND_TEST_SHOTS;

/** Opens a browser; close it with close(). */
export async function open() {
  return chromium.launch({ executablePath: process.env.CONSEND_TEST_CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
}

/** One person at a browser of their own, who speaks a language. options are playwright's. */
export async function person(browser, house, language = 'en', options = {}) {
  const context = await browser.newContext({
    baseURL: house.url, locale: language === 'fr' ? 'fr-FR' : 'en-GB', acceptDownloads: true, viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...options,
  });
  const wrong = [];
  context.on('request', (q) => {
    const u = new URL(q.url());
    if (!['data:', 'blob:', 'about:'].includes(u.protocol) && u.origin !== house.url) wrong.push(`asks another host: ${q.url()}`);
  });
  context.on('console', (m) => {
    if (m.type() === 'error' && /Content Security Policy|Refused to/.test(m.text())) wrong.push(m.text());
  });
  context.on('weberror', (e) => wrong.push(`script error: ${e.error()}`));
  context.on('response', (r) => {
    if (r.status() >= 500) wrong.push(`${r.status()} at ${r.url()}`);
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  return {
    page, context, language,
    /** Looks at the page as it is now; name is for the screenshots. */
    look: (name, o) => look(page, `${language}-${name}`, o),
    async leave() {
      await context.close();
      assert.deepEqual(wrong, []);
    },
  };
}

async function look(page, name, { lang = name.slice(0, 2) } = {}) {
  const found = [];
  assert.equal(await page.locator('html').getAttribute('lang'), lang, `${name}: the page's language`);
  const before = page.viewportSize();
  // Words change no colour, and a window no more than a few: English is looked at wide, in both
  // themes, the French narrow, where its longer words break; of the narrow English only that it fits.
  // Long runs and pictures take everything.
  const all = shots || process.env.CONSEND_TEST_SOAK;
  for (const colorScheme of lang === 'en' || all ? ['light', 'dark'] : ['light']) {
    for (const width of [1280, 320]) {
      if (colorScheme === 'dark' && width === 320 && !all) continue;
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: width === 320 ? 640 : 900 });
      if (!await page.evaluate(() => 'axe' in globalThis)) await page.evaluate(axe);
      // A theme changes colours and nothing else: in the dark only they are looked at again.
      const r = (lang === 'en') !== (width === 1280) && !all ? { violations: [] } : await page.evaluate((dark) => globalThis.axe.run(document, {
        runOnly: dark ? { type: 'rule', values: ['color-contrast', 'link-in-text-block'] }
          : { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
        resultTypes: ['violations'], iframes: false, preload: false,
      }), colorScheme === 'dark');
      for (const v of r.violations) {
        found.push(`${colorScheme} ${width}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`);
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) found.push(`${colorScheme} ${width}: the page is ${wide} px wider than the window`);
      if (shots) {
        await mkdir(shots, { recursive: true });
        await page.screenshot({ path: join(shots, `${name}-${colorScheme}-${width}.png`), fullPage: true });
      }
    }
  }
  // A key of the catalogue that has no words is shown as it is.
  const bare = (await page.locator('body').innerText()).match(/(^|\s)(people|web_\w+|importer|import|segments|forms?|public|gate|once|trace|contact|consent|shell|nav|role|campaign|template)(\.[a-z_]+)+(?=$|\s)/);
  if (bare) found.push(`shows a key: ${bare[0].trim()}`);
  // Enter in a field presses a form's first button: that must be what the form is for.
  for (const w of await page.evaluate(() => [...document.forms].filter((f) => [...f.elements].some((e) => e.localName === 'input' && ['text', 'email', 'number', 'url', 'search', 'tel', 'password'].includes(e.type))).map((f) => {
    const buttons = [...f.elements].filter((e) => e.type === 'submit' && !e.disabled);
    return buttons.length > 1 && !buttons[0].matches('.btn-primary, .visually-hidden') && buttons.some((e) => e.matches('.btn-primary')) ? buttons[0].innerText : '';
  }))) if (w) found.push(`Enter in a field would press «${w}»`);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(before);
  assert.deepEqual(found, [], `${name} (${page.url()})`);
}
