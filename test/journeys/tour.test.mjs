// SPDX-License-Identifier: AGPL-3.0-or-later
// A walk through every page that a link leads to, in the demo's house, in both languages: each
// kind of page (ids and tokens aside) is looked at once.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import * as houses from './lib/house.mjs';
import * as browsers from './lib/browser.mjs';

let house, browser;
before(async () => { [house, browser] = await Promise.all([houses.start('--demo'), browsers.open()]); });
after(async () => { await browser?.close(); await house?.stop(); });

/** The kind of page an address shows: ids, slugs, tokens and rules are stars; of the question its name stays, or that it has several. */
function kind(url) {
  const path = url.pathname.replace(/\/(sending\/new|settings\/rules)\/[\w.]+$/, '/$1/*').split('/').map((s) => (/^\d+$/.test(s) || /-[a-z2-9]{4}$/.test(s) || s.length > 30 ? '*' : s)).join('/');
  const asked = [...new Set(url.searchParams.keys())].filter((k) => k !== 'lang' && k !== 'sort' && k !== 'after').sort();
  return path + (asked.length > 1 && path !== '/search' ? '?several' : asked.map((k) => `?${k}`).join(''));
}

// What is no page: files, pictures, mail shown in a frame.
const noPage = /\.(csv|svg|png|json|zip)$|\/raw$|\/html$|\/mail$|\/evidence\/\d+$|\/assets\/|\/\.well-known\//;

for (const language of ['en', 'fr']) {
  test(`every page that can be reached is in order, in ${language}`, async () => {
    const p = await browsers.person(browser, house, language);
    const [email, password] = [house.said().match(/\S+@\S+/)[0], house.said().match(/(?:password|mot de passe) +(.*)$/m)[1]];
    await p.page.goto('/login');
    await p.look('login');
    await p.page.fill('[name=email]', email);
    await p.page.fill('[name=password]', password);
    await p.page.click('main button[type=submit]');
    await p.page.waitForURL((u) => u.pathname === '/');
    // The owner speaks French, or the browser's language: choose.
    if (await p.page.locator('html').getAttribute('lang') !== language) {
      await p.page.click(`[name=language][value=${language}]`);
    }
    const seen = new Set(), wrong = [];
    await p.page.setViewportSize({ width: 1280, height: 700 });
    await p.page.goto('/settings/rules'); // a long page: the way on stays in sight
    assert.deepEqual(await p.page.evaluate(() => { scrollTo(0, 500); return [scrollY, document.querySelector('.side').getBoundingClientRect().top]; }), [500, 0]);
    const todo = ['/', '/search', '/search?q=ma', '/search?q=ma&kind=contacts', '/search?q=xyzzy'];
    while (todo.length > 0) {
      const at = todo.shift();
      const answer = await p.page.goto(at);
      if (answer.status() !== 200) {
        wrong.push(`${at} answers ${answer.status()}`);
        continue;
      }
      const here = new URL(p.page.url());
      try {
        await p.look(kind(here).replace(/[^a-z0-9*]+/gi, '-').replaceAll('*', 'n') || 'home', { lang: await p.page.locator('html').getAttribute('lang') });
      } catch (e) {
        wrong.push(String(e.message).slice(0, 1500));
      }
      if (await p.page.locator('.side').count() && !await p.page.locator('.side .is-active').count() && !/^\/(me|search|help|jobs)\b/.test(here.pathname)) wrong.push(`the menu marks nothing at ${here.pathname}`);
      for (const href of await p.page.locator('a[href]').evaluateAll((as) => as.map((a) => a.href))) {
        const u = new URL(href);
        u.hash = '';
        u.searchParams.delete('lang');
        if (u.origin !== house.url || noPage.test(u.pathname)) continue;
        const k = kind(u);
        if (seen.has(k)) continue;
        seen.add(k);
        todo.push(u.pathname + u.search);
      }
    }
    assert.ok(seen.size > 30, `only ${seen.size} kinds of page were found`);
    if (process.env.CONSEND_TEST_SHOTS) console.log([...seen].sort().join('\n'));
    assert.deepEqual(wrong, []);
    await p.leave();
  });
}
