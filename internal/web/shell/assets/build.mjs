// SPDX-License-Identifier: AGPL-3.0-or-later
// Builds dist/ from Tabler (the parts we use), our own style sheet and script, and
// the icons of icons.txt. Same input, same bytes: CI builds again and compares.
import fs from "node:fs";
import postcss from "postcss";

const core = "node_modules/@tabler/core/dist/css/tabler.css";
const icons = "node_modules/@tabler/icons/icons/outline/";

// Class names of Tabler that stay. Rules without classes (variables, reset, elements)
// stay as well; everything else goes. Pages may use these and those of consend.css.
const keep = new RegExp(
  "^(" +
    [
      "btn(-(primary|danger|link|sm|lg|outline-danger|outline-primary|ghost-danger))?",
      "form-(control|select|label|check|check-input|check-label|text|control-color|range|fieldset)",
      "card(-(body|header|footer|title|subtitle))?",
      "table(-(responsive|sm|vcenter|nowrap))?",
      "alert-link", "icon", "badge", "list-unstyled", "list-inline(-item)?",
      "row", "col(-(\\d+|auto))?", "col-(sm|md|lg)(-(\\d+|auto))?", "g[xy]?-\\d", "gap-\\d",
      "d-(none|block|inline|inline-block|flex|grid)", "flex-(row|column|wrap|nowrap|fill|grow-[01]|shrink-[01])",
      "(justify-content|align-items|align-self)-(start|end|center|between|baseline|stretch)",
      "[mp][tbsexy]?-(\\d|auto)", "w-(100|auto|50|25|75)", "h-100",
      "text-(start|end|center|nowrap|break|truncate|secondary|muted|danger|success|warning|uppercase)",
      "fw-(normal|medium|bold)", "fs-\\d", "lh-\\d", "small", "lead", "border(-(top|bottom|0))?", "rounded", "overflow-(auto|hidden)",
      "visually-hidden(-focusable)?", "font-monospace", "sticky-top", "position-relative",
    ].join("|") +
    ")$",
);

const onlyOurs = {
  postcssPlugin: "only-ours",
  Once(root) {
    root.walkComments((c) => { if (!c.text.startsWith("!")) c.remove(); });
    root.walkRules((rule) => {
      if (rule.parent.type === "atrule" && /keyframes$/.test(rule.parent.name)) return;
      const left = rule.selectors.filter((s) => {
        if (/data-bs-theme-(primary|base|font|radius)|data-theme\b|\[dir=|tinymce|turbo-|hugerte|-webkit-calendar|:fullscreen/.test(s)) return false;
        const classes = [...s.matchAll(/\.(-?[a-zA-Z_][\w-]*)/g)].map((m) => m[1]);
        return classes.every((c) => keep.test(c));
      });
      if (left.length === 0) rule.remove();
      else rule.selectors = left;
    });
    const used = new Set();
    root.walkDecls(/^animation/, (d) => d.value.split(/[\s,]+/).forEach((w) => used.add(w)));
    root.walkAtRules(/keyframes$/, (a) => { if (!used.has(a.params)) a.remove(); });
    root.walkAtRules("font-face", (a) => a.remove());
    for (let n = 0; n < 2; n++) root.walkAtRules((a) => { if (a.nodes && a.nodes.length === 0) a.remove(); });
  },
};

// Dark by the system's wish: each rule for [data-bs-theme=dark] again for
// [data-bs-theme=auto] under prefers-color-scheme, so that no script is needed.
const darkByItself = {
  postcssPlugin: "dark-by-itself",
  OnceExit(root) {
    const dark = /\[data-bs-theme=["']?dark["']?\]/;
    const copies = [];
    root.walkRules((rule) => {
      if (!dark.test(rule.selector) || /data-bs-theme=["']?light/.test(rule.selector)) return;
      if (rule.parent.type === "atrule" && rule.parent.name === "media") return;
      const copy = rule.clone();
      copy.selectors = rule.selectors.filter((s) => dark.test(s)).map((s) => s.replace(dark, "[data-bs-theme=auto]"));
      copies.push([rule, copy]);
    });
    for (const [rule, copy] of copies) {
      const m = postcss.atRule({ name: "media", params: "(prefers-color-scheme: dark)" });
      m.append(copy);
      rule.after(m);
    }
  },
};

// smaller drops blanks and comments; nothing clever.
function smaller(root) {
  root.walk((n) => {
    if (n.type === "comment" && !n.text.startsWith("!")) return n.remove();
    n.raws.before = n.type === "decl" ? "" : "\n";
    if (n.type === "decl") { n.raws.between = ":"; if (!n.prop.startsWith("--")) n.value = n.value.replace(/\s+/g, " "); }
    else { n.raws.between = ""; n.raws.after = ""; n.raws.semicolon = false; }
    if (n.type === "rule") n.selector = n.selector.replace(/\s+/g, " ").replace(/, /g, ",");
  });
  return root.toString().trim() + "\n";
}

async function css(from, to, plugins) {
  const done = await postcss(plugins).process(fs.readFileSync(from, "utf8"), { from });
  fs.writeFileSync(to, smaller(done.root));
}

fs.rmSync("dist", { recursive: true, force: true });
fs.mkdirSync("dist");
await css(core, "dist/tabler.css", [onlyOurs, darkByItself]);
await css("consend.css", "dist/consend.css", [darkByItself]);
fs.copyFileSync("consend.js", "dist/consend.js");
fs.copyFileSync("puzzle.js", "dist/puzzle.js");
fs.copyFileSync("mark.svg", "dist/mark.svg");

const names = fs.readFileSync("icons.txt", "utf8").split("\n").filter(Boolean);
const symbols = names.map((n) => {
  const paths = [...fs.readFileSync(icons + n + ".svg", "utf8").matchAll(/<(path|circle|rect|line)[^>]*\/>/g)].map((m) => m[0]).filter((p) => !p.includes("M0 0h24v24H0z"));
  return `<symbol id="${n}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${paths.join("")}</symbol>`;
});
fs.writeFileSync("dist/icons.svg", `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`);
fs.writeFileSync("dist/LICENSES.txt", ["@tabler/core", "@tabler/icons"].map((p) => {
  const v = JSON.parse(fs.readFileSync(`node_modules/${p}/package.json`, "utf8")).version;
  return `${p} ${v}\nMIT License, Copyright (c) 2018-2026 The Tabler Authors, Paweł Kuna\n`;
}).join("\n"));
