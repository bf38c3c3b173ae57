// SPDX-License-Identifier: AGPL-3.0-or-later
// From another tool: its export is uploaded as it is, and what it knew of each yes stands on the person's page,
// in a proof that is checked offline; who left there is written to no more here.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as houses from './lib/house.mjs';
import * as browsers from './lib/browser.mjs';
import { enter, submit, pick, assertSoon } from './lib/desk.mjs';

let house, browser;
before(async () => { [house, browser] = await Promise.all([houses.start('--demo'), browsers.open()]); });
after(async () => { await browser?.close(); await house?.stop(); });

// Columns as these tools write them; the people are ours.
const mailchimp = 'Email Address,First Name,Last Name,Phone Number,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS,SOURCE';
const exports = {
  en: {
    tool: 'Mailchimp', name: 'subscribed_members_export_8d2f1a.csv', text: mailchimp + '\n'
      + 'ruth@quarry.example,Ruth,Quarry,,4,"2024-03-05 09:12:41",203.0.113.14,"2024-03-05 09:15:02",203.0.113.15,51.5,-0.12,0,1,Europe/London,GB,ENG,"2024-06-01 08:00:00",381230001,0a1b2c3d4e,,"""spring"",""market""",https://quarry.example/letter\n'
      + 'sam@quarry.example,Sam,Öztürk,,2,"2024-03-06 10:00:00",203.0.113.16,"2024-03-06 10:02:00",203.0.113.16,,,,,,DE,,"2024-06-01 08:00:00",381230002,0a1b2c3d4f,,,https://quarry.example/letter\n',
    person: 'ruth@quarry.example', sees: [/5\s+March\s+2024, 09:12:41/, /09:15:02/, /203\.0\.113\.15/, /quarry\.example\/letter/, /Documented per person/, /\bB\b/],
    gone: { name: 'unsubscribed_members_export_8d2f1a.csv', text: mailchimp.replace(',LEID', ',UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,LEID') + '\n'
      + 'theo@quarry.example,Theo,Marsh,,2,"2023-01-10 12:00:00",203.0.113.20,"2023-01-10 12:01:00",203.0.113.20,,,,,,GB,,"2024-02-01 08:00:00","2024-02-01 07:59:58","January news",a1b2c3,"NORMAL: I no longer want to receive these emails",,381230003,0a1b2c3d50,,,https://quarry.example/letter\n' },
    left: 'theo@quarry.example',
  },
  fr: {
    tool: 'Brevo', name: 'contacts_export.csv', text: 'CONTACT ID;EMAIL;PRENOM;NOM;SMS;DOUBLE_OPT-IN;OPT_IN;OPTIN_TIME;OPTIN_IP;SOURCE;EMAIL_BLACKLISTED;SMS_BLACKLISTED;LIST_IDS;ADDED_TIME;MODIFIED_TIME\n'
      + '41;renee@carriere.example;Renée;Carrière;;Yes;true;2024-03-05 09:12:41;203.0.113.24;Formulaire « La lettre »;No;No;3;05-03-2024 09:12:41;05-03-2024 09:15:02\n'
      + '42;sami@carriere.example;Sami;Haddad;;Yes;true;2024-03-06 10:00:00;203.0.113.26;Formulaire « La lettre »;No;No;3;06-03-2024 10:00:00;06-03-2024 10:02:00\n'
      + '43;theo@carriere.example;Théo;Marais;;Yes;true;2023-01-10 12:00:00;203.0.113.27;Formulaire « La lettre »;Yes;No;3;10-01-2023 12:00:00;01-02-2024 08:00:00\n',
    person: 'renee@carriere.example', sees: [/5\s+mars\s+2024/, /09:12:41/, /203\.0\.113\.24/, /La lettre/, /Documenté par personne/, /\bB\b/],
    left: 'theo@carriere.example',
  },
};

for (const [language, x] of Object.entries(exports)) {
  test(`an export of ${x.tool} comes with its proofs`, async () => {
    const fr = language === 'fr';
    const p = await browsers.person(browser, house, language), { page } = p;
    await enter(p, house);
    const upload = async (f, aim) => {
      await page.goto('/import/new');
      await pick(page, 'aim', aim);
      await page.setInputFiles('[name=file]', { name: f.name, mimeType: 'text/csv', buffer: Buffer.from(f.text) });
      await submit(page);
      assert.match(await page.locator('main').innerText(), new RegExp(x.tool)); // it is recognised
      await submit(page); // check
    };
    await upload(x, 'people');
    await submit(page); // map
    // Where it comes from is known from its columns: only the days are asked.
    assert.equal(await page.inputValue('[name="where.tool"]'), x.tool);
    for (const [name, day] of [['from', '2023-01-01'], ['to', '2024-06-01']]) await page.fill(`[name=${name}]`, day);
    await submit(page);
    await page.selectOption('[name=list]', { index: 1 });
    await pick(page, 'existing', 'fill'); // and nobody gives their word: every row has its proof
    await submit(page);
    await p.look('export-forecast');
    await submit(page);
    await page.waitForURL(/import\/\d+$/);
    await assertSoon(page, /B\s2/);

    // What the tool knew stands on the person's page.
    const open = async (email) => {
      await page.goto('/contacts?q=' + encodeURIComponent(email));
      await page.locator('main tbody a').first().click();
      await page.waitForURL(/contacts\/\d+$/);
      return page.url();
    };
    const at = await open(x.person);
    await page.goto(at + '/consent');
    await p.look('export-consent');
    for (const d of await page.locator('main details:not([open]) > summary').all()) await d.click();
    const seen = await page.locator('main').innerText();
    for (const want of x.sees) assert.match(seen, want);
    assert.doesNotMatch(seen, /\bpeople\.\w+/); // a key is no word

    // The proof leaves the house by the page's own link, and holds without it; a changed moment does not.
    await page.goto(at + '/proof');
    await p.look('export-proof');
    const [file] = await Promise.all([page.waitForEvent('download'), page.locator('main a[href$="/proof.json"]').first().click()]);
    const proof = join(house.dir, `${language}.json`), key = join(house.dir, 'log.key');
    await file.saveAs(proof);
    await writeFile(key, (await house.command('trace', 'key')).stdout);
    const verdict = (await house.verify(proof, '--key', key)).stdout;
    assert.match(verdict, /ALL HOLDS/);
    const body = await (await page.request.get(at + '/proof.json')).text();
    assert.match(body, /2024-03-05T0[789]:12:41/);
    for (const ip of x.text.match(/203\.0\.113\.\d+/g).slice(0, fr ? 1 : 2)) assert.ok(body.includes(ip), ip);
    await writeFile(proof, body.replaceAll('2024-03-05', '2024-04-05'));
    await assert.rejects(house.verify(proof, '--key', key), { code: 1 });

    // Who left there: on the do-not-mail list, whether the export names them in the same file or in one of its own.
    if (x.gone) {
      await upload(x.gone, 'refusals');
      await submit(page); // map
      await pick(page, 'cause', 'unsubscribe');
      await page.selectOption('[name=scope]', 'all');
      await submit(page);
      await submit(page); // the summary
      await page.waitForURL(/import\/\d+$/);
      await page.waitForFunction(() => !document.querySelector('meta[name=consend-refresh]'));
    }
    await page.goto('/suppressions');
    await page.goto('/suppressions?q=' + encodeURIComponent(x.left));
    const rows = page.locator('main tbody tr');
    assert.equal(await rows.count(), 1);
    // An address that is no contact here is found, and kept as a hash alone.
    assert.match(await rows.first().innerText(), x.gone ? /hash only[\s\S]*Unsubscribed[\s\S]*Everything[\s\S]*1\sFeb\s2024/ : new RegExp(x.left));
    await p.leave();
  });
}
