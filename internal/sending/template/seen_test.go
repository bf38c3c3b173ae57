// SPDX-License-Identifier: AGPL-3.0-or-later

package template_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/seen.html
var seenPage string

// hostile are bodies that try to hide the footer from somebody who looks.
var hostile = map[string]string{
	"nothing":     "<p>hi</p>",
	"display":     `<style>*{display:none!important}</style><p>hi</p>`,
	"everything":  `<style>html,body,div,p,a,*{display:none!important;opacity:0!important;visibility:hidden!important;font-size:0!important;line-height:0!important;color:#fff!important;background:#fff!important;height:0!important;max-height:0!important;width:0!important;max-width:0!important;overflow:hidden!important;transform:scale(0)!important;scale:0!important;clip-path:inset(50%)!important;filter:opacity(0)!important;position:absolute!important;left:-9999px!important;text-indent:-9999px!important;zoom:0.01!important;mask:url(x)!important;content-visibility:hidden!important;letter-spacing:-100px!important;margin:-9999px!important;-webkit-text-fill-color:transparent!important;mix-blend-mode:difference!important;float:left!important;contain:strict!important;pointer-events:none!important}</style><p>hi</p>`,
	"pseudo":      `<style>body::before,html::before,body::after,html::after{content:"";display:block;position:fixed;inset:0;background:#fff;z-index:2147483647}</style><p>hi</p>`,
	"overlay":     `<div style="position:fixed;top:0;left:0;right:0;bottom:0;background:#fff;z-index:2147483647">x</div>`,
	"relative":    `<div style="position:relative;top:0;height:40px;margin-bottom:-4000px;background:#fff;z-index:2147483647">x</div>`,
	"margin":      `<div style="height:100px;margin-bottom:-9999px">x</div>`,
	"variable":    `<style>:root{--p:fixed} div{position:var(--p)!important;top:0;left:0;width:100vw;height:100vh;background:#fff;z-index:9999999999}</style><div>x</div>`,
	"flex":        `<style>html{display:flex!important;height:0!important;overflow:hidden!important} body{display:grid!important;grid-template-rows:0 0!important;height:0!important;overflow:hidden!important}</style><p>hi</p>`,
	"animation":   `<style>@keyframes k{from,to{opacity:0;transform:scale(0);visibility:hidden}} *{animation:k 1s infinite!important}</style><p>x</p>`,
	"comment":     "<p>hi</p><!-- ",
	"style":       "<p>hi</p><style>p{",
	"textarea":    "<p>x</p><textarea>",
	"tables":      "<table><tr><td><table><tr><td>x",
	"details":     "<details><summary>x</summary>",
	"select":      "<select><option>",
	"template":    "<template>",
	"svg":         "<svg><foreignObject>",
	"attribute":   `<p>hi</p><a href="https://example.com`,
	"faded":       "<p>hi</p>" + strings.Repeat("<div style='opacity:.1'>", 50),
	"body":        `<body style="display:none!important;opacity:0!important;height:0!important;overflow:hidden!important;margin:-9999px!important"><p>x`,
	"by its name": `<style>#consend-footer,#consend-footer *{display:none!important;opacity:0!important;all:unset!important}</style>x`,
	"escapes":     `<style>d\69 v{pos\69tion:fixed;inset:0;background:#fff;z-index:99999999999}</style><div>x</div>`,
	"direction":   `<bdo dir=rtl><div dir=rtl style="direction:rtl;unicode-bidi:bidi-override">x`,
	"writing":     `<style>body{writing-mode:vertical-rl!important;columns:1px!important;column-gap:9999px}</style>x`,
	"at rules":    `<style>@supports (display:block){*{display:none!important}} @media all{*{visibility:hidden!important}} @layer x{*{opacity:0!important}}</style>x`,
	"perspective": `<style>html{perspective:1px!important;rotate:x 90deg!important;translate:0 -9999px!important}body{rotate:y 90deg!important;translate:-9999px!important}</style>x`,
}

// In a real browser, where the test command found one: the footer of each is seen, and its links can be hit.
func TestABrowserShowsTheFooterOfHostileMessages(t *testing.T) {
	messages := map[string]string{}
	for name, body := range hostile {
		m := render(t, body, ada())
		messages[name] = strings.Clone(m.HTML)
	}
	chromium := os.Getenv("CONSEND_TEST_CHROMIUM")
	if chromium == "" {
		return // render looked at all of them without one
	}
	cases, err := json.Marshal(messages) // encoding/json writes < as \u003c, so no message ends the script
	if err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(t.TempDir(), "seen.html")
	if err := os.WriteFile(page, []byte(strings.Replace(seenPage, "/*CASES*/{}", string(cases), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--user-data-dir="+t.TempDir(), "--dump-dom", "file://"+page)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the browser: %v", err)
	}
	_, text, _ := strings.Cut(string(out), `<pre id="out">`)
	text, _, _ = strings.Cut(text, "</pre>")
	seen := 0
	for _, line := range strings.Split(html.UnescapeString(text), "\n") {
		if name, what, ok := strings.Cut(line, ": "); ok {
			seen++
			if what != "seen" {
				t.Errorf("%s: %s", name, what)
			}
		}
	}
	if seen != len(hostile) {
		t.Errorf("the browser looked at %d of %d:\n%s", seen, len(hostile), text)
	}
}
