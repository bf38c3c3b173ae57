// SPDX-License-Identifier: AGPL-3.0-or-later
// Solves the puzzle of a form while somebody fills it in: which number, after the salt, has
// the hash that is the challenge (altcha's protocol, SHA-256)? Without it the form works too.
"use strict";

for (const field of document.querySelectorAll("input[data-puzzle]")) solve(field);

async function solve(field) {
  try {
    const c = await (await fetch(field.dataset.puzzle, { headers: { Accept: "application/json" } })).json();
    const text = new TextEncoder(), some = 200;
    for (let from = 0; from <= c.maxnumber; from += some) {
      const hashes = await Promise.all(Array.from({ length: some }, (_, i) => crypto.subtle.digest("SHA-256", text.encode(c.salt + (from + i)))));
      const at = hashes.findIndex((h) => [...new Uint8Array(h)].map((b) => b.toString(16).padStart(2, "0")).join("") === c.challenge);
      if (at >= 0) {
        field.value = btoa(JSON.stringify({ algorithm: c.algorithm, challenge: c.challenge, number: from + at, salt: c.salt, signature: c.signature }));
        return;
      }
      await new Promise((done) => setTimeout(done)); // let the page breathe
    }
  } catch { /* no answer, or no crypto without HTTPS: the form is sent without */ }
}
