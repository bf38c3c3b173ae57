// SPDX-License-Identifier: AGPL-3.0-or-later
// The whole main job, as a newcomer does it in a browser: set up, publish, sign up, confirm, import,
// send, leave, prove. What people read is read in their language.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as houses from './house.mjs';
import * as browsers from './browser.mjs';
import { mail, submit, pick, assertSoon } from './desk.mjs';

const password = 'a pass phrase nobody guesses';

async function assertSoonAt(page, at, words) {
  for (let left = 450; ; left--) {
    await page.goto(at);
    if (words.test(await page.locator('main h1, main .page-head, main .badge').allInnerTexts().then((t) => t.join(' ')))) return;
    if (left === 0) assert.match(await page.locator('main').innerText(), words);
    await page.waitForTimeout(200);
  }
}

export async function mainJob(language) {
  const fr = language === 'fr';
  const [house, browser] = await Promise.all([houses.start(), browsers.open()]);
  try {
    // The start prints a link; one page of set-up.
    const owner = await browsers.person(browser, house, language);
    const { page } = owner;
    const link = house.said().match(/http\S+\/setup\/\S+/)[0];
    await page.goto(new URL(link).pathname);
    await owner.look('setup');
    await page.fill('[name=name]', 'Maison Exemple');
    await page.fill('[name=postal]', '1 rue de l’Exemple\n69001 Lyon');
    await page.selectOption('[name=country]', 'FR');
    await page.check('[name=who][value=us]');
    await page.check('[name=sending][value=mailbox]');
    await page.fill('[name=owner]', 'Camille Martin');
    await page.fill('[name=email]', 'camille@maison.example');
    for (const field of await page.locator('[type=password]').all()) await field.fill(password);
    await submit(page);
    await page.waitForURL((u) => u.pathname === '/');
    if (await page.locator('html').getAttribute('lang') !== language) await page.click(`[name=language][value=${language}]`);
    await owner.look('home-new');

    // Everything is there as a draft: publish the form.
    await page.goto('/forms');
    await page.locator('main tbody a').first().click();
    await owner.look('form-draft');
    await page.locator('form[action$="/publish"] button').click();
    await page.waitForLoadState();
    await page.waitForURL(/share$/);
    await owner.look('form-share');
    const slug = (await page.content()).match(/\/f\/[a-z0-9-]+/)[0];

    // A visitor without script signs up; nobody is on the list before the mailbox answers.
    const visitor = await browsers.person(browser, house, language, { javaScriptEnabled: false });
    await visitor.page.goto(slug);
    await visitor.page.waitForTimeout(1600); // nobody fills in a form faster
    await visitor.page.fill('[name=email]', 'zoé@visiteur.example'.replace('é', 'e'));
    await visitor.page.locator('form button[type=submit]').first().click();
    await visitor.page.waitForURL(/sent/);
    await page.goto(slug);
    await owner.look('public-form');
    const confirm = (await mail(owner, 'zoe@visiteur.example', '/c/')).path('/c/');
    await page.goto(confirm);
    await owner.look('public-confirm');
    await visitor.page.goto(confirm);
    await visitor.page.locator('form button[type=submit]').first().click();
    await visitor.page.waitForLoadState();
    assert.match(await visitor.page.locator('main').innerText(), fr ? /inscri/i : /subscribed/i);
    await page.goto(confirm); // once more, by somebody in a hurry
    await owner.look('public-confirmed');
    await page.goto((await mail(owner, 'zoe@visiteur.example', '/p/')).path('/p/'));
    await owner.look('public-preferences');
    await page.goto(await page.locator('a[href*="/r/"]').first().getAttribute('href'));
    await owner.look('public-receipt');

    // People from elsewhere: a file with its origin, one of them without an address.
    await page.goto('/import/new');
    await page.setInputFiles('[name=file]', { name: 'clients.csv', mimeType: 'text/csv', buffer: Buffer.from(
      'email;prénom;ville\nines@import.example;Inès;Lyon\nmarc@import.example;Marc;Nîmes\npas une adresse;Jean;Brest\n', 'latin1') });
    await submit(page);
    await submit(page); // check
    await owner.look('import-map');
    await submit(page); // map
    await pick(page, 'kind', 'paper');
    await submit(page);
    await owner.look('import-origin');
    await page.fill('[name="where.paper"]', 'Salon des jardins, Lyon');
    await page.fill('[name=from]', '2025-05-02');
    await page.fill('[name=to]', '2025-05-04');
    await submit(page);
    await page.selectOption('[name=list]', { index: 1 });
    await pick(page, 'existing', 'fill');
    await pick(page, 'declare', '1');
    await submit(page);
    await owner.look('import-summary');
    await submit(page);
    await page.waitForURL(/import\/\d+$/);
    await assertSoon(page, fr ? /refusées\s+1\b/ : /Refused rows\s+1\b/);
    assert.match(await page.locator('main').innerText(), fr ? /parole/i : /your word/i);
    await owner.look('import-report');

    // Write, look at who receives and who is left out, send.
    await page.goto('/campaigns/new');
    await page.fill('[name=name]', 'Mars');
    await pick(page, 'kind', 'markdown');
    await submit(page);
    await page.waitForURL(/campaigns\/\d+/);
    const campaign = page.url();
    await page.goto('/settings/senders/new');
    await page.fill('[name=name]', 'Maison Exemple');
    await page.fill('[name=email]', 'lettre@maison.example');
    await submit(page);
    await page.goto(campaign + '/sender');
    await page.locator('main label').first().click();
    await submit(page);
    await page.goto(campaign + '/lists');
    await page.locator('main label.form-check-label, main label').filter({ hasText: 'Lettre' }).first().click();
    await submit(page);
    await page.goto(campaign + '/subject');
    await page.fill('[name=subject]', 'Le printemps');
    await submit(page);
    await page.goto(campaign + '/design');
    await page.fill('[name=body]', '# Bonjour {{ contact.FIRSTNAME|default:"à vous" }}\n\nLe printemps est là.\n\n[Lire](https://maison.example/printemps "button")');
    await submit(page);
    await page.goto(campaign);
    await owner.look('campaign-draft');
    await page.goto(campaign + '/check');
    await owner.look('campaign-check');
    await page.goto(campaign + '/send');
    assert.match(await page.locator('main').innerText(), /3/);
    await owner.look('campaign-send');
    await submit(page);
    await owner.look('campaign-queued'); // a minute to think again

    // Somebody calls within that minute and says no: the campaign leaves them out.
    await page.goto('/contacts?q=marc');
    await page.locator('main tbody a').first().click();
    const marc = page.url();
    await page.goto(marc + '/withdraw');
    for (const group of await page.locator('main fieldset:has(input[type=radio])').all()) {
      await group.locator('label').first().click();
    }
    await submit(page);
    await page.waitForURL((u) => !u.pathname.endsWith('/withdraw'));

    // The mail comes; one click in it leaves, and nobody leaves by looking at a link.
    await assertSoonAt(page, campaign, fr ? /Terminée|Envoyée/i : /Sent|Done/i);
    await owner.look('campaign-report');
    assert.match(await page.locator('main').innerText(), /2/);
    await page.goto(campaign + '/recipients');
    await owner.look('campaign-recipients');
    const got = await mail(owner, 'zoe@visiteur.example', '/u/');
    assert.match(got.text, /Le printemps/);
    const leave = got.path('/u/');
    await visitor.page.goto(leave);
    await page.goto(leave);
    await owner.look('public-leave');
    const zoe = async () => {
      await page.goto('/contacts?q=zoe');
      await page.locator('main tbody a').first().click();
      await page.waitForURL(/contacts\/\d+$/);
      return page.locator('main').innerText();
    };
    assert.match(await zoe(), fr ? /Inscrit/ : /Subscribed/);
    // RFC 8058: the mailbox's own button, from another site, without cookies.
    const one = await fetch(house.url + leave, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'List-Unsubscribe=One-Click' });
    assert.equal(one.status, 200);
    assert.match(await zoe(), fr ? /Désinscrit/ : /Unsubscribed/);

    // The proof: shown, downloaded, checked offline; a changed byte is refused.
    const person = page.url();
    await page.goto(person + '/consent');
    await owner.look('contact-consent');
    await page.goto(person + '/proof');
    await owner.look('contact-proof');
    const proof = await (await page.request.get(person + '/proof.json')).body();
    const file = join(house.dir, 'proof.json'), key = join(house.dir, 'log.key');
    await writeFile(file, proof);
    await writeFile(key, (await house.command('trace', 'key')).stdout);
    const verdict = await house.verify(file, '--key', key);
    assert.match(verdict.stdout, /ALL HOLDS/);
    await writeFile(file, proof.toString().replace('zoe@', 'zoa@'));
    await assert.rejects(house.verify(file, '--key', key), { code: 1 });
    assert.match((await house.command('trace', 'verify')).stdout, /\d/);
    await visitor.leave();
    await owner.leave();
  } finally {
    await browser.close();
    await house.stop();
  }
}
