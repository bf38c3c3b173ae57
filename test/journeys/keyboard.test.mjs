// SPDX-License-Identifier: AGPL-3.0-or-later
// A day of somebody who uses no mouse: find and correct a person, import by paste, describe a segment,
// publish a form. Every stop of the focus is looked at (lib/keys.mjs).
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import * as houses from './lib/house.mjs';
import * as browsers from './lib/browser.mjs';
import { hands } from './lib/keys.mjs';

let house, browser;
before(async () => { [house, browser] = await Promise.all([houses.start('--demo'), browsers.open()]); });
after(async () => { await browser?.close(); await house?.stop(); });

// One language is enough: the French has the longer words, and its bars are higher.
for (const language of process.env.CONSEND_TEST_SOAK ? ['fr', 'en'] : ['fr']) {
  test(`a day's work by keyboard alone, in ${language}`, async () => {
    const fr = language === 'fr';
    const p = await browsers.person(browser, house, language), h = hands(p), { page } = p;
    const path = () => new URL(page.url()).pathname;

    await page.goto('/login');
    await h.fill('email', house.said().match(/\S+@\S+/)[0]);
    await h.fill('password', house.said().match(/(?:password|mot de passe) +(.*)$/m)[1]);
    await h.enter();
    assert.equal(path(), '/');
    if (await page.locator('html').getAttribute('lang') !== language) {
      await h.to(h.field('language', language));
      await h.enter();
    }
    await h.through();

    // One key goes to the search; what it finds opens.
    await h.press('/');
    assert.equal((await h.focus()).key, 'q');
    await h.type(fr ? 'mehmet' : 'greta');
    await h.enter();
    await h.skip();
    await h.to(h.leads(/^\/contacts\/\d+$/));
    await h.enter();
    const person = path();
    await h.through();

    // Correct, and hear that it is done.
    await h.skip();
    await h.to(h.leads(person + '/correct'));
    await h.enter();
    await h.skip();
    await h.select('country', fr ? 'Belgique' : 'Belgium');
    await h.submit();
    assert.equal(path(), person + '/activity'); // before and after
    await h.told(fr ? /enregistr|corrig/i : /saved|corrected/i);
    assert.match(await page.locator('main').innerText(), fr ? /Belgique/ : /Belgium/);

    // A few people from a piece of paper.
    await h.to(h.leads('/import'));
    await h.enter();
    await h.skip();
    await h.to(h.leads('/import/new'));
    await h.enter();
    await h.skip();
    await h.to(h.leads('/import/new?by=paste'));
    await h.enter();
    await h.skip();
    await h.choose('aim', 'people');
    await h.to(h.field('paste'));
    await h.type(`email;name\none.${language}@paper.example;One\ntwo.${language}@paper.example;Two\nnobody at all;Three`);
    await h.submit();
    await h.skip();
    await h.submit(); // check
    await h.skip();
    await h.submit(); // map
    await h.skip();
    await h.choose('kind', 'paper');
    await h.submit();
    await h.skip();
    await h.fill('where.paper', 'Salon des jardins, Lyon');
    await h.to(h.field('from'));
    await h.type('03032025'); // the browser's own field takes day, month and year one after another
    await h.to(h.field('to'));
    await h.type('04042025');
    await h.submit();
    await h.skip();
    await h.select('list', 'Lettre');
    await h.choose('existing', 'fill');
    await h.to(h.field('declare'));
    await h.press('Space');
    await h.submit();
    await h.through(); // what it would do
    await h.skip();
    await h.submit();
    assert.match(path(), /^\/import\/\d+$/);
    await page.waitForFunction(() => !document.querySelector('meta[name=consend-refresh]'));
    assert.match(await page.locator('main').innerText(), fr ? /refusées\s+1\b/ : /Refused rows\s+1\b/);
    await h.through();

    // Two conditions. Each press goes on where it led; Enter in the name keeps the segment.
    await h.to(h.leads('/segments'));
    await h.enter();
    await h.skip();
    await h.to(h.leads('/segments/new'));
    await h.enter();
    await h.skip();
    for (const [n, what, value] of [[1, fr ? 'Langue' : 'Language', 'en'], [2, fr ? 'Pays' : 'Country', 'BE']]) {
      await h.select('add0', what);
      await h.to(h.field('do', 'add.0'));
      await h.enter();
      assert.equal((await h.focus()).key, `c${n}`);
      if (n === 2) { // what is wrong has the focus and leads to its field
        await h.fill('name', `Belgique ${language}`);
        await h.enter();
        assert.equal((await h.focus()).id, 'errors', await page.locator('main').innerText());
        await h.tab();
        await h.press('Enter');
        assert.equal((await h.focus()).key, 'c2');
      }
      await h.fill(`v${n}`, value);
    }
    await page.waitForFunction(() => /\d/.test(document.querySelector('[data-live=people]').innerText)); // counted while it is typed
    await h.to(h.field('do', 'count'));
    await h.enter();
    await h.told(/\d/);
    await h.through();
    await h.skip();
    await h.to(h.field('name'));
    await h.enter();
    assert.match(path(), /^\/segments\/\d+$/);
    await h.told(fr ? /enregistr/i : /saved/i);
    assert.equal(await page.locator('[name=c2]').count(), 1);

    // A form, from nothing to the page of strangers.
    await h.to(h.leads('/forms'));
    await h.enter();
    await h.skip();
    await h.to(h.leads('/forms/new'));
    await h.enter();
    await h.skip();
    await h.fill('name', `Clavier ${language}`);
    await h.to(h.field('list'));
    await h.press('Space');
    await h.submit();
    assert.match(path(), /^\/forms\/\d+$/);
    await h.through();
    await page.setViewportSize({ width: 640, height: 450 }); // enlarged to 200 %: the bars take more of what is seen
    await h.skip();
    await h.through();
    await page.setViewportSize({ width: 1280, height: 900 });
    await h.skip();
    await h.submit(); // publish
    assert.match(path(), /share$/);
    await h.told(fr ? /publi|en ligne/i : /published|online/i);
    await page.goto((await page.content()).match(/\/f\/[a-z0-9-]+/)[0]);
    await h.through();
    await p.leave();
    h.done();
  });
}
