// SPDX-License-Identifier: AGPL-3.0-or-later
// Hands on the keyboard and none on the mouse: each stop of the focus is looked at as WCAG 2.2
// does: seen (2.4.7), not hidden under a bar (2.4.11), in the order of the page (2.4.3), no trap (2.1.2).
import assert from 'node:assert/strict';

// Runs in the page: remembers how everything looks at rest, and tells of what has the focus.
function arm() {
  if (globalThis.consendKeys) return;
  const style = (e) => {
    const choice = e.closest('.choice');
    return [getComputedStyle(e), getComputedStyle(e, '::after'), ...(choice ? [getComputedStyle(choice)] : [])].map((x) => `${x.outlineStyle === 'none' ? '' : x.outlineWidth + x.outlineColor}|${x.boxShadow}|${x.borderTopColor}`).join();
  };
  const rest = new WeakMap();
  const all = 'a[href], button, input, select, textarea, summary, iframe, [tabindex="0"]';
  for (const e of document.querySelectorAll(all)) if (e !== document.activeElement) rest.set(e, style(e));
  let before = null;
  globalThis.consendKeys = () => {
    const e = document.activeElement;
    if (!e || e === document.body || e === document.documentElement) { before = null; return { none: true }; }
    const wrong = [];
    const box = e.closest('.choice') ?? e, r = box.getBoundingClientRect();
    const words = (e.getAttribute('aria-label') ?? e.labels?.[0]?.innerText ?? e.innerText ?? '').trim().replace(/\s+/g, ' ').slice(0, 80);
    const name = `${e.localName}${e.name ? `[name=${e.name}]` : ''}${e.value && e.localName !== 'textarea' ? `[value=${e.value}]` : ''} "${words}"`;
    if (rest.has(e) && e.localName !== 'iframe' && rest.get(e) === style(e)) wrong.push('looks the same with and without the focus');
    if (r.width < 1 || r.height < 1) wrong.push('has no size');
    if (r.right < 1 || r.left > innerWidth - 1 || r.bottom < 1 || r.top > innerHeight - 1) wrong.push(`lies outside the window: ${Math.round(r.top)}..${Math.round(r.bottom)} of ${innerHeight}`);
    else {
      // None of it lies under a bar that stays in place; of what is taller than the window, some is seen.
      let seen = 0, under = 0, n = 0;
      for (const x of [0.1, 0.5, 0.9]) for (const y of [0.15, 0.5, 0.85]) {
        const [px, py] = [r.left + r.width * x, r.top + r.height * y];
        if (px < 0 || py < 0 || px >= innerWidth || py >= innerHeight) continue;
        n++;
        const top = document.elementFromPoint(px, py);
        if (!top) continue;
        if (box.contains(top) || top.contains(box)) { seen++; continue; }
        for (let a = top; a; a = a.parentElement) if (['sticky', 'fixed'].includes(getComputedStyle(a).position) && !a.contains(e)) { under++; break; }
      }
      if (seen === 0) wrong.push('is hidden');
      if (under > 0 && r.height < innerHeight / 2) wrong.push(`lies under a bar (${under} of ${n} points)`);
    }
    const first = e === document.querySelector(all);
    if (!first && before && before.isConnected && before !== e && !(before.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)) wrong.push('comes before what had the focus');
    if (e.tabIndex > 0) wrong.push('has a place in the order of its own (tabindex)');
    before = e;
    return { name, wrong, first, words, id: e.id, type: e.type ?? '', tag: e.localName, key: e.name ?? '', value: e.value ?? '', href: e.getAttribute('href') ?? '', main: !!e.closest('main'), primary: e.classList.contains('btn-primary') };
  };
}

/** Hands of a person (browser.mjs). Everything they do is a key. */
export function hands(person) {
  const { page } = person, wrong = [];
  const press = (key) => page.keyboard.press(key);

  /** What has the focus, looked at. */
  async function focus() {
    await page.evaluate(arm);
    return page.evaluate(() => globalThis.consendKeys());
  }

  /** One press of Tab, and where it led. */
  async function tab() {
    await page.evaluate(arm);
    await press('Tab');
    const f = await page.evaluate(() => globalThis.consendKeys());
    for (const w of f.wrong ?? []) wrong.push(`${new URL(page.url()).pathname}: ${f.name}: ${w}`);
    return f;
  }

  /** Presses Tab until what has the focus is wanted. It comes within a page's length, or it can't be reached. */
  async function to(want, most = 150) {
    const seen = [];
    for (let n = 0; n < most; n++) {
      const f = await tab();
      seen.push(f.name ?? '(the window)');
      if (!f.none && want(f)) return f;
    }
    assert.fail(`the keyboard does not reach ${want} at ${page.url()}: ${seen.join(' → ')}`);
  }

  const leads = (href) => (f) => (href instanceof RegExp ? href.test(f.href) : f.href === href);
  const field = (name, value) => (f) => f.key === name && (value === undefined || f.value === value);

  /** Presses Enter on what leads elsewhere, and waits for the page. */
  async function enter() {
    // A new document has no mark of the old one.
    await page.evaluate(() => { globalThis.consendOld = true; });
    await press('Enter');
    await page.waitForFunction(() => !globalThis.consendOld && document.readyState === 'complete');
  }

  /** To the page's own button, and its press. */
  async function submit() {
    await to((f) => f.main && f.primary && f.tag === 'button');
    await enter();
  }

  /** Over the menu to what the page is about: the first stop of every page. */
  async function skip() {
    const now = await focus();
    const f = now.first ? now : await tab();
    assert.equal(f.href, '#main', `the first stop of ${page.url()} is ${f.name}, no way over the menu`);
    await press('Enter');
    await page.waitForFunction(() => document.activeElement?.id === 'main');
  }

  return {
    page, press, tab, to, enter, submit, skip, focus, leads, field,
    type: (words) => page.keyboard.type(words),

    /** A field of the page is filled in: what stands there is chosen first. */
    async fill(name, words) {
      await to(field(name));
      await press('Control+a');
      await page.keyboard.type(words);
    },

    /** One of several cards: the group is one stop, the arrows choose. */
    async choose(name, value) {
      let f = await to(field(name));
      if (f.type === 'checkbox') {
        while (f.value !== value) f = await to(field(name));
        await press('Space');
        return;
      }
      await press('Space');
      for (let n = 0; n < 12; n++) {
        const now = await page.evaluate(() => document.activeElement.value);
        if (now === value) break;
        await press('ArrowDown');
      }
      f = await focus();
      assert.deepEqual([f.key, f.value, await page.evaluate(() => document.activeElement.checked)], [name, value, true]);
      for (const w of f.wrong.filter((x) => !/comes before/.test(x))) wrong.push(`${new URL(page.url()).pathname}: ${f.name}: ${w}`);
    },

    /** An entry of a drop-down list is chosen by typing its beginning. */
    async select(name, words) {
      await to(field(name));
      await page.keyboard.type(words);
      const now = await page.evaluate(() => document.activeElement.selectedOptions[0]?.text.trim());
      assert.ok(now.startsWith(words), `${name} shows ${now}, not ${words}`);
    },

    /** On by Tab to the end of the page: the way out is found, and nothing holds the focus. */
    async through(most = 400) {
      const names = [];
      for (let n = 0; n < most; n++) {
        const f = await tab();
        if (f.none || (f.first && n > 0)) { // Chromium may hand the focus back to the beginning
          await page.waitForTimeout(50);
          return names;
        }
        names.push(f.name);
      }
      assert.fail(`no way out of ${page.url()} by Tab: ${names.slice(-8).join(' → ')}`);
    },

    /** What an act did is said where the focus is. */
    async told(words) {
      await page.waitForFunction(() => document.activeElement && document.activeElement !== document.body);
      const said = await page.evaluate(() => document.activeElement.innerText);
      assert.match(said, words, `after the act the focus of ${page.url()} says «${said.slice(0, 200)}»`);
    },

    /** Nothing was wrong at any stop. */
    done() {
      assert.deepEqual([...new Set(wrong)], []);
    },
  };
}
