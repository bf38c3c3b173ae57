// SPDX-License-Identifier: AGPL-3.0-or-later
// Everybody who is written to, in a browser that runs no script: sign up, confirm, look at the receipt, choose,
// move, answer the one question, leave, check a proof, read the help. And the work a form may ask of a browser.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as houses from './lib/house.mjs';
import * as browsers from './lib/browser.mjs';
import { enter, mail, submit } from './lib/desk.mjs';

let house, browser, owner, slug;
before(async () => {
  [house, browser] = await Promise.all([houses.start('--demo'), browsers.open()]);
  owner = await browsers.person(browser, house, 'en');
  await enter(owner, house);
  const { page } = owner;
  await page.goto('/forms');
  await page.locator('main').getByRole('link', { name: 'Inscription' }).first().click();
  slug = await page.locator('main a[href^="/f/"]').first().getAttribute('href');
  // A campaign, which leaves in a minute: its mails carry the links that leave.
  await page.goto('/campaigns');
  await page.locator('main').getByRole('link', { name: 'Ateliers d’hiver' }).first().click();
  await page.waitForURL(/campaigns\/\d+$/);
  await page.goto(page.url() + '/send');
  await submit(page);
  // Whom the owner has only a claim of are asked once: all of the list.
  await page.goto('/lists');
  const lists = await page.locator('main a').evaluateAll((as) => as.map((a) => a.getAttribute('href')).filter((h) => /^\/lists\/\d+$/.test(h)));
  for (const at of lists) {
    await page.goto(at.replace('/lists/', '/once/ask/') + '?count=1');
    if (await page.locator('main form.confirm').count()) break;
  }
  await page.locator('main form.confirm button.btn-primary').click();
  await page.waitForLoadState();
});
after(async () => { await owner?.leave(); await browser?.close(); await house?.stop(); });

/** A contact's page as the owner sees it. */
async function known(email, tab = '') {
  const { page } = owner;
  await page.goto('/contacts?q=' + encodeURIComponent(email));
  await page.locator('main tbody a').first().click();
  await page.waitForURL(/contacts\/\d+$/);
  if (tab) await page.goto(page.url() + tab);
  return page.locator('main').innerText();
}

for (const language of ['en', 'fr']) {
  test(`every public page works without JavaScript, in ${language}`, async () => {
    const v = await browsers.person(browser, house, language, { javaScriptEnabled: false, viewport: { width: 360, height: 740 } });
    const { page } = v, fr = language === 'fr';
    const says = (en, inFr) => page.locator('main').innerText().then((t) => assert.match(t, fr ? inFr : en));
    const press = async (where) => { await page.locator(where).first().click(); await page.waitForLoadState(); await fits(page); };
    const go = async (at) => { await page.goto(at); await fits(page); };
    const email = `lou.${language}@strangers.example`, moved = `lou.new.${language}@strangers.example`;

    // The form: what is wrong is said, and what was typed stays.
    await go(`${slug}?lang=${language}`);
    await page.fill('[name=email]', email);
    await press('main form button[type=submit]');
    await says(/Choose at least one thing/, /Choisissez au moins une chose/);
    assert.equal(await page.inputValue('[name=email]'), email);
    await page.locator('main .choice label').first().click();
    await press('main form button[type=submit]'); // nobody fills in a form that fast
    if (!/\/sent\?/.test(page.url())) { // on a slow machine it was not fast
      await says(/very quick/, /très rapide/);
      assert.deepEqual([await page.inputValue('[name=email]'), await page.locator('[name=list]').first().isChecked()], [email, true]);
      await page.waitForTimeout(1600);
      await press('main form button[type=submit]');
    }
    assert.match(page.url(), /\/sent\?/);
    await says(/subject/i, /objet/i);
    assert.match(await known(email), /To be confirmed/);

    // Confirm: a look changes nothing, the button does.
    const confirm = (await mail(owner, email, '/c/')).path('/c/');
    await go(confirm);
    assert.match(await known(email), /To be confirmed/);
    await press('main form button.btn-primary');
    await says(/subscribed/i, /inscri/i);
    assert.match(await known(email), /Subscribed/);

    // The receipt: the proof is one's own, and anybody may have it checked.
    const choices = (await mail(owner, email, '/p/')).path('/p/');
    await go(choices);
    await press('main a[href*="/r/"]');
    await says(/proof/i, /preuve/i);
    await press('main form button[type=submit]');
    await says(/on its way/, /parti/);
    const eml = await (await mail(owner, email, '/verify?')).raw();
    const part = /filename="?[^"\r\n]+\.json"?[^]*?\r?\n\r?\n([A-Za-z0-9+/=\r\n]+)/.exec(eml);
    const proof = join(house.dir, `receipt-${language}.json`);
    await writeFile(proof, Buffer.from(part[1], 'base64'));
    const key = join(house.dir, 'log.key');
    await writeFile(key, (await house.command('trace', 'key')).stdout);
    assert.match((await house.verify(proof, '--key', key)).stdout, /ALL HOLDS/);
    await go(`/verify?lang=${language}`);
    await page.setInputFiles('[name=file]', proof);
    await press('main form button[type=submit]');
    await says(/All holds/, /Tout concorde/);
    assert.doesNotMatch(await page.locator('main').innerText(), /List[e]? \d+\D\d{3}\b|(entry|entrée) \d+\D\d{3}\b/); // a number that names something is no count
    await go(`/verify?lang=${language}`);
    await page.setInputFiles('[name=file]', { name: 'changed.json', mimeType: 'application/json', buffer: Buffer.from((await readFile(proof, 'utf8')).replaceAll(email, 'x' + email.slice(1))) });
    await press('main form button[type=submit]');
    await says(/forged/, /falsifi/);

    // Choices: pause, pace, language.
    await go(choices);
    await press('[name=months][value="3"]');
    assert.match(await page.locator('[role=status]').innerText(), /\S/);
    assert.match(await known(email), /Asked for a pause\s+until/);
    await press('[name=do][value=resume]');
    assert.doesNotMatch(await known(email), /Asked for a pause/);
    await press('[name=pace]:not([disabled])');
    assert.match(await known(email), /at most/i);
    const other = fr ? 'en' : 'fr';
    await press(`[name=language][value=${other}]`);
    assert.equal(await page.locator('html').getAttribute('lang'), other);
    await press(`[name=language][value=${language}]`);
    assert.equal(await page.locator('html').getAttribute('lang'), language);
    await press('[name=what][value=opens] ~ [name=do][value=agree]');
    assert.match(await known(email, '/consent'), /ouvertures/i);

    // Another address: both mailboxes answer.
    await go(choices + '/address');
    await page.fill('[name=address]', email);
    await press('main form button[type=submit]');
    assert.equal(await page.inputValue('[name=address]'), email); // the same address: said, and kept
    await page.fill('[name=address]', moved);
    await press('main form button[type=submit]');
    await says(/both/i, /deux/i);
    for (const to of [email, moved]) {
      await go((await mail(owner, to, '/a/')).path('/a/'));
      await press('[name=do][value=yes]');
    }
    assert.match(await known(moved), new RegExp(moved));

    // Stop everything.
    await go(choices);
    await press('[name=do][value=all]');
    assert.match(await page.locator('[role=status]').innerText(), /\S/);
    assert.match(await known(moved), /Said no to marketing|Do-not-mail|Unsubscribed/);
    await v.leave();
  });

  test(`who is asked once answers without JavaScript, in ${language}`, async () => {
    const v = await browsers.person(browser, house, language, { javaScriptEnabled: false, viewport: { width: 360, height: 740 } });
    const { page } = v, fr = language === 'fr';
    const spoken = () => page.locator('html').getAttribute('lang'); // that of the mail, whose words the answer rests on
    const says = async (en, inFr) => assert.match(await page.locator('main').innerText(), await spoken() === 'fr' ? inFr : en);
    const press = async (where) => { await page.locator(where).first().click(); await page.waitForLoadState(); await fits(page); };
    const email = fr ? 'amelie.dubois@verger.example' : 'greta.klein@kraeuter.example';
    const asked = (await mail(owner, email, '/q/')).path('/q/');
    await page.goto(`${asked}?lang=${language}`);
    await fits(page);
    const said = await spoken();
    await page.goto(`${asked}?lang=${fr ? 'en' : 'fr'}`);
    assert.equal(await spoken(), said);
    assert.doesNotMatch(await known(email, '/consent'), /Seen by Consend/);
    await press('[name=do][value=yes]');
    await says(/thank|noted/i, /merci|noté/i);
    assert.match(await known(email, '/consent'), /Seen by Consend/);
    await page.goto(`${asked}?lang=${language}`); // and take it back
    await press('[name=do][value=no]');
    await says(/understood|no longer/i, /entendu|compris|n’écri|ne vous/i);
    assert.match(await known(email), /Unsubscribed|Said no/);
    // Help: searched and read.
    await page.goto(`/help?lang=${language}`);
    await fits(page);
    await page.fill('main [name=q]', fr ? 'preuve' : 'proof');
    await press('main form button');
    await press('main .help-list a');
    assert.equal(await page.locator('main h1').count(), 1);
    assert.equal(await page.locator('html').getAttribute('lang'), language);
    await v.leave();
  });
}

test('a form that asks a little work: a browser solves it, and who runs no script is told what to do', async () => {
  const { page } = owner;
  await page.goto('/forms/new');
  await page.fill('[name=name]', 'With a little work');
  await page.locator('main .choice label').first().click();
  await page.locator('main button[type=submit].btn-primary').click();
  await page.waitForURL(/forms\/\d+$/);
  await page.locator('label[for=f-puzzle]').click();
  await page.waitForFunction(() => document.querySelector('[data-autosaved]').textContent !== ''); // it saves itself
  // Who presses a button while that is on its way, or about to begin, loses nothing and is told of no conflict.
  const slow = (r) => setTimeout(() => r.continue(), /quiet=1/.test(r.request().postData() ?? '') ? 700 : 0);
  await page.route(/\/forms\/\d+$/, slow);
  const build = page.url(), open = () => page.evaluate(() => document.querySelectorAll('.builder-form details').forEach((d) => { d.open = true; }));
  await open();
  await page.fill('[name="title.fr"]', 'Dit en premier');
  await page.locator('[name="title.en"]').focus();
  await page.waitForTimeout(400); // it is being saved
  await page.fill('[name="title.en"]', 'Said in between');
  await Promise.all([page.waitForEvent('load'), page.locator('.builder-save button[type=submit]').click()]); // once what was on its way is saved
  assert.equal(await page.inputValue('[name="title.fr"]'), 'Dit en premier');
  assert.equal(await page.inputValue('[name="title.en"]'), 'Said in between');
  await open();
  await page.fill('[name="title.en"]', 'Said last');
  await page.locator('form[action$="/publish"] button').click();
  await page.waitForURL(/share$/);
  await page.unroute(/\/forms\/\d+$/, slow);
  const at = (await page.content()).match(/\/f\/[a-z0-9-]+/)[0];
  await page.goto(at + '?lang=en');
  assert.equal(await page.locator('h1').innerText(), 'Said last');
  await page.goto(build);

  const plain = await browsers.person(browser, house, 'fr', { javaScriptEnabled: false });
  let told;
  for (let n = 0; n <= 10 && !told; n++) { // from one network ten an hour go without
    await plain.page.goto(at + '?lang=fr');
    if (n === 0) {
      assert.match(await plain.page.locator('main').innerText(), /n’exécute pas JavaScript/);
      await plain.page.waitForTimeout(1600);
    }
    // Filled in at a person's pace by the first; the others say nothing of when the page was shown, as a copy on another site does.
    if (n > 0) await plain.page.locator('[name=t]').evaluate((e) => { e.value = ''; });
    await plain.page.fill('[name=email]', `plain${n}@strangers.example`);
    await plain.page.locator('main form button[type=submit]').click();
    await plain.page.waitForLoadState();
    if (!/\/sent\?/.test(plain.page.url())) told = await plain.page.locator('main').innerText();
    if (n === 0) assert.match(await known('plain0@strangers.example'), /To be confirmed/);
  }
  assert.match(told ?? '', /Activez JavaScript/);
  assert.equal(await plain.page.inputValue('[name=email]'), 'plain10@strangers.example');
  await plain.leave();

  // The same network, a browser that works: the solution is what lets it through.
  const able = await browsers.person(browser, house, 'fr');
  await able.page.goto(at + '?lang=fr');
  assert.doesNotMatch(await able.page.locator('main').innerText(), /n’exécute pas JavaScript/);
  await able.page.waitForFunction(() => document.querySelector('input[data-puzzle]').value !== '', null, { timeout: 30_000 });
  await able.page.waitForTimeout(1600);
  await able.page.fill('[name=email]', 'able@strangers.example');
  const [q] = await Promise.all([able.page.waitForRequest((r) => r.method() === 'POST'), able.page.locator('main form button[type=submit]').click()]);
  const sent = JSON.parse(Buffer.from(new URLSearchParams(q.postData()).get('altcha'), 'base64').toString());
  assert.equal(sent.algorithm, 'SHA-256');
  await able.page.waitForURL(/\/sent\?/);
  await able.page.goto((await mail(owner, 'able@strangers.example', '/c/')).path('/c/'));
  await able.page.locator('main form button.btn-primary').click();
  await able.page.waitForLoadState();
  assert.match(await known('able@strangers.example'), /Subscribed/);
  await able.leave();
});

for (const language of ['en', 'fr']) {
  test(`a link in a mail leaves without JavaScript, in ${language}`, async () => {
    const v = await browsers.person(browser, house, language, { javaScriptEnabled: false, viewport: { width: 360, height: 740 } });
    const { page } = v, fr = language === 'fr';
    const says = (en, inFr) => page.locator('main').innerText().then((t) => assert.match(t, fr ? inFr : en));
    const press = async (where) => { await page.locator(where).first().click(); await page.waitForLoadState(); await fits(page); };
    const email = fr ? 'lea.marchand@jardin.example' : 'oliver.hart@harbour.example';
    const leave = (await mail(owner, email, '/u/')).path('/u/');
    await page.goto(leave);
    await fits(page);
    assert.match(await known(email), /Subscribed/); // a look leaves nothing
    await press('[name=do][value=leave]');
    await says(/unsubscribed|no longer/i, /désinscri|n’écri|ne vous/i);
    assert.match(await known(email), /Unsubscribed/);
    await page.goto(leave); // once more, by a thumb in a hurry
    await says(/done already/, /déjà fait/);
    assert.equal(await page.locator('[name=do][value=leave]').count(), 0);
    await press('[name=do][value=all]');
    await says(/no more news or offers of any kind/, /plus/);
    await press('main a[href*="/p/"]');
    await says(/choices|stop|get/i, /choix|recevez/i);
    assert.match(await known(email), /Said no to marketing|do-not-mail/i);
    await v.leave();
  });
}

/** No page is wider than a telephone, and each has one heading. */
async function fits(page) {
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, page.url());
  assert.equal(await page.locator('h1').count(), 1, page.url());
}
