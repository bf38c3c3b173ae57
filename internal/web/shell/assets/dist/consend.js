// SPDX-License-Identifier: AGPL-3.0-or-later
// Comfort only: every page works without this file.
"use strict";

// Menus close on Escape, on a click elsewhere, and when another opens.
document.addEventListener("click", (e) => {
  for (const m of document.querySelectorAll("details.menu[open]")) if (!m.contains(e.target)) m.open = false;
});
document.addEventListener("keydown", (e) => {
  if (e.key === "Escape") {
    for (const m of document.querySelectorAll("details.menu[open]")) { m.open = false; m.querySelector("summary").focus(); }
    return;
  }
  // "/" goes to the search, unless somebody is typing or has turned it off (WCAG 2.1.4).
  if (e.key === "/" && keys() && !e.ctrlKey && !e.metaKey && !e.altKey && !e.target.closest("input, textarea, select, [contenteditable]")) {
    const s = document.querySelector("[data-key-search], .list-search input");
    if (s) { e.preventDefault(); s.focus(); s.select(); }
  }
});

// The shortcut is on until this browser is told otherwise.
function keys() { try { return localStorage.getItem("consend-keys") !== "off"; } catch { return true; } }
for (const b of document.querySelectorAll("[data-key-switch]")) {
  const say = () => {
    b.textContent = keys() ? b.dataset.on : b.dataset.off;
    for (const k of document.querySelectorAll("[data-key-hint]")) k.hidden = !keys();
  };
  b.hidden = false;
  b.addEventListener("click", () => { try { localStorage.setItem("consend-keys", keys() ? "off" : "on"); } catch { /* not kept */ } say(); });
  say();
}

// The place in the page that a link led to (#main, #f-name) doesn't stay for the next page: there the
// focus belongs to what was done or what is wrong.
document.addEventListener("submit", () => { if (location.hash) history.replaceState(history.state, "", location.pathname + location.search); });

// The summary of errors takes the focus, so that a screen reader begins there.
document.getElementById("errors")?.focus();

// Choosing rows: one box for the page, and a count.
for (const form of document.querySelectorAll("[data-bulk]")) {
  const all = form.querySelector("[data-check-all]");
  const boxes = [...form.querySelectorAll("tbody input[name=id]")];
  const count = form.querySelector("[data-bulk-count]");
  const bar = form.querySelector("[data-bulk-bar]");
  const before = count.textContent;
  const say = () => {
    const n = boxes.filter((b) => b.checked).length;
    count.textContent = n ? count.dataset.text.replace("###", n) : before;
    all.checked = n === boxes.length;
    all.indeterminate = n > 0 && n < boxes.length;
    if (bar) bar.hidden = n === 0; // nothing to do with no row
    for (const b of boxes) b.closest("tr").classList.toggle("is-chosen", b.checked);
  };
  all.hidden = false;
  all.addEventListener("change", () => { for (const b of boxes) b.checked = all.checked; say(); });
  form.addEventListener("change", say);
  say();
}

// Of tabs and choices that don't all fit, the one that is shown is in sight.
for (const t of document.querySelectorAll(".tabs .is-active, .list-tools .chips .is-active")) {
  const box = t.closest(".tabs, .chips"), end = t.offsetLeft + t.offsetWidth - box.offsetLeft;
  if (end > box.clientWidth) box.scrollLeft = end - box.clientWidth + 24;
}

// Copy buttons.
for (const b of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  b.hidden = false;
  const text = b.querySelector("span"), before = text.textContent;
  b.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(b.dataset.copy).textContent);
    text.textContent = b.dataset.copied;
    setTimeout(() => { text.textContent = before; }, 2000);
  });
}

// What takes long is asked for once the page stands.
const then = document.querySelector("meta[name=consend-then]");
if (then) {
  fetch(then.content, { headers: { Accept: "text/html" } }).then(async (answer) => {
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
  }).catch(() => location.replace(then.content));
}

// Long work: read the page again and put in what changed, without moving the focus.
const refresh = document.querySelector("meta[name=consend-refresh]");
if (refresh) {
  const again = async () => {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return location.reload();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      renew(page);
      if (!page.querySelector("meta[name=consend-refresh]")) { history.replaceState("ended", ""); return location.reload(); }
    } catch { /* away for a moment: try again */ }
    setTimeout(again, refresh.content * 1000);
  };
  setTimeout(again, refresh.content * 1000);
}

// Work that ended while somebody waited: the page is another, and its head says so (WCAG 4.1.3).
if (history.state === "ended") {
  history.replaceState(null, "");
  const head = document.querySelector(".page-title");
  if (head && !document.querySelector("#errors")) { head.tabIndex = -1; head.focus({ preventScroll: true }); }
}

// renew puts in what another answer says in its parts marked data-live.
function renew(page) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector(`[data-live="${CSS.escape(old.dataset.live)}"]`);
    if (fresh && fresh.innerHTML !== old.innerHTML) patch(old, fresh);
  }
}

// patch keeps elements of the same kind, so that focus and live regions survive.
function patch(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh.cloneNode(true));
  if (old.nodeType === Node.TEXT_NODE) { if (old.data !== fresh.data) old.data = fresh.data; return; }
  if (old.nodeType !== Node.ELEMENT_NODE) return;
  for (const a of [...old.attributes]) if (!fresh.hasAttribute(a.name)) old.removeAttribute(a.name);
  for (const a of fresh.attributes) if (old.getAttribute(a.name) !== a.value) old.setAttribute(a.name, a.value);
  const now = [...old.childNodes], next = [...fresh.childNodes];
  next.forEach((n, i) => { if (now[i]) patch(now[i], n); else old.append(n.cloneNode(true)); });
  now.slice(next.length).forEach((n) => n.remove());
}

// People are counted while conditions are written: the form is asked as its button would ask it, for the number alone.
for (const part of document.querySelectorAll("[data-counts]")) {
  const form = part.closest("form");
  let timer = 0, asked = null;
  part.addEventListener("input", () => {
    clearTimeout(timer);
    asked?.abort();
    timer = setTimeout(async () => {
      const mine = asked = new AbortController(), q = new URLSearchParams(new FormData(form));
      q.set("do", "number");
      try {
        const answer = await fetch(location.pathname + "?" + q, { headers: { Accept: "text/html" }, signal: mine.signal });
        if (answer.ok && !answer.redirected) renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch { /* typed on, or away for a moment: the button counts as well */ }
    }, 500);
  });
}

// A form that saves itself: it is posted as its button would, and the parts marked data-live
// of the answer take their places. What changes the form itself loads the page as a whole.
for (const form of document.querySelectorAll("form[data-autosave]")) {
  const status = form.querySelector("[data-autosaved]"), say = (t) => { if (status) status.textContent = t; };
  if (!status) continue;
  let timer = 0, running = false, again = false, next = null;
  const save = async () => {
    timer = 0;
    if (running) { again = true; return; }
    running = true;
    let kept = false;
    try {
      const body = new URLSearchParams(new FormData(form));
      for (const n of form.querySelectorAll("[data-own] [name]")) body.delete(n.name);
      body.set("quiet", "1");
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
      if (!answer.ok) { say(form.dataset.failed); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      renew(page);
      const version = page.querySelector("input[name=version]")?.value;
      if (version) for (const v of document.querySelectorAll("input[name=version]")) v.value = version;
      for (const f of document.querySelectorAll("iframe[data-preview]")) f.contentWindow.location.reload();
      say(form.dataset.autosave);
      kept = true;
    } catch { say(form.dataset.failed); } finally {
      running = false;
      const more = again, go = next;
      again = false;
      if (more && !(go && go.form === form)) save();
      else if (go) { next = null; if (kept || go.form === form) go.form.requestSubmit(go.by); }
    }
  };
  // A button that is pressed while something is still being saved waits for it: it names the version that is saved then.
  document.addEventListener("submit", (e) => {
    if (!e.target.querySelector("input[name=version]")) return;
    const due = timer !== 0;
    clearTimeout(timer);
    timer = 0;
    if (!running && (!due || e.target === form)) return;
    e.preventDefault();
    next = { form: e.target, by: e.submitter };
    if (due) save();
  });
  form.addEventListener("change", (e) => {
    if (e.target.closest("[data-own]")) return;
    if (e.target.closest("[data-whole]")) { form.requestSubmit(); return; }
    clearTimeout(timer);
    timer = setTimeout(save, 150);
  });
}
