// SPDX-License-Identifier: AGPL-3.0-or-later
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import * as houses from './lib/house.mjs';
import * as browsers from './lib/browser.mjs';

let house, browser;
before(async () => { [house, browser] = await Promise.all([houses.start(), browsers.open()]); });
after(async () => { await browser?.close(); await house?.stop(); });

for (const [language, words] of [['en', 'nothing'], ['fr', 'introuvable']]) {
  test(`a page that does not exist says so, in ${language}`, async () => {
    const p = await browsers.person(browser, house, language);
    const r = await p.page.goto('/no/such/page');
    assert.equal(r.status(), 404);
    assert.match(await p.page.locator('main').innerText(), new RegExp(words, 'i'));
    await p.look('missing');
    await p.leave();
  });
}
