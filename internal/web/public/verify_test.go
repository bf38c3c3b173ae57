// SPDX-License-Identifier: AGPL-3.0-or-later

package public_test

import (
	"bytes"
	"context"
	"html"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/evidence"
	"consend/internal/testhouse"
	"consend/internal/trace/proof"
)

// hand hands in a file as a browser without script does.
func (w *counter) hand(lang string, file []byte, from string) (int, string) {
	w.t.Helper()
	return w.give(lang, file, "", from)
}

// give hands in a file, a pasted text, or both.
func (w *counter) give(lang string, file []byte, text, from string) (int, string) {
	w.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	if file != nil {
		to, err := m.CreateFormFile("file", "lea.martin.json")
		must(w.t, err)
		_, err = to.Write(file)
		must(w.t, err)
	}
	must(w.t, m.WriteField("text", text))
	must(w.t, m.Close())
	q := httptest.NewRequest("POST", "/verify?lang="+lang, &b)
	q.RemoteAddr = from + ":4711"
	q.Header.Set("Content-Type", m.FormDataContentType())
	q.Header.Set("Sec-Fetch-Site", "same-origin")
	q.Header.Set("Accept-Language", lang)
	rec := httptest.NewRecorder()
	w.web.ServeHTTP(rec, q)
	s := html.UnescapeString(rec.Body.String())
	if k := regexp.MustCompile(`(web_verify|people|trace)\.[a-z_.]+[a-z]`).FindString(s); k != "" || strings.Contains(s, "no value") {
		w.t.Errorf("the page shows a key or an empty value: %s\n%s", k, s)
	}
	return rec.Code, s
}

// main is what a page says, without what stands around it.
func main(body string) string {
	_, s, _ := strings.Cut(body, "<h1")
	s, _, _ = strings.Cut(s, "</main>")
	return s
}

func TestAnybodyHasAProofCheckedAndNothingOfItIsKept(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		_, path := w.signup("lea.martin@example.org", "fr")
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		c, _ := w.person("lea.martin@example.org")
		built, err := evidence.Build(context.Background(), h.Main, w.member, c.ID, "fr")
		must(t, err)
		made := string(built.Bytes)
		var bundle bytes.Buffer
		must(t, evidence.Drawing{Campaign: 7, From: []int64{c.ID}, N: 1, Seed: "x", Sent: []byte("[]")}.Pack(context.Background(), h.Main, w.member, &bundle))
		other, err := os.ReadFile("../../trace/proof/testdata/sample.proof.json")
		must(t, err)
		wrote := map[string]bool{}
		h.Main.SetHook(func(q string) error { wrote[q] = true; return nil })
		for _, lang := range []string{"en", "fr"} {
			say := locale.For(lang, nil)
			if body := w.get("/verify?lang=" + lang); !strings.Contains(body, `enctype="multipart/form-data"`) || !strings.Contains(body, "/.well-known/consend/checkpoint") || !strings.Contains(body, "consend-verify") {
				t.Error(body)
			}
			for _, x := range []struct {
				name string
				file []byte
				code int
				say  string
			}{
				{"the proof", []byte(made), 200, say.T("web_verify.holds")},
				{"a changed proof", []byte(strings.Replace(made, "lea.martin@", "max.martin@", 1)), 200, say.T("web_verify.why.altered")},
				{"another house's", other, 200, strings.Split(say.T("web_verify.foreign", "key", "KEY"), "KEY")[0]},
				{"closed with age", []byte("age-encryption.org/v1\n-> X25519 abc\n"), 200, say.T("web_verify.closed")},
				{"a bundle", bundle.Bytes(), 200, say.T("web_verify.holds.bundle")},
				{"what it was asked for", bundle.Bytes(), 200, say.T("web_verify.said.nobody_else", "a", " ("+say.T("web_verify.asked.campaign", "n", "7")+")")},
				{"a cut bundle", bundle.Bytes()[:bundle.Len()-9], 200, say.T("web_verify.why.unreadable")},
				{"a letter", []byte("Dear all"), 200, say.T("web_verify.why.unreadable")},
				{"nothing", nil, 422, say.T("web_verify.none")},
				{"too much", make([]byte, 17<<20), 413, ""},
			} {
				code, body := w.hand(lang, x.file, "192.0.2.9")
				if code != x.code || !strings.Contains(body, x.say) {
					t.Errorf("%s, %s: %d, want %q:\n%s", lang, x.name, code, x.say, main(body))
				}
				if holds := strings.Contains(body, say.T("web_verify.limit.who")); x.name == "the proof" && (!strings.Contains(body, say.T("web_verify.said.limit.who")) ||
					!strings.Contains(body, say.T("web_verify.shown")) || holds) {
					t.Errorf("%s: what is shown, and what not, isn't said:\n%s", lang, main(body))
				}
				if strings.Contains(body, "lea.martin") || strings.Contains(body, "max.martin") {
					t.Errorf("%s: the page repeats what was handed in", x.name)
				}
			}
		}
		for lang, name := range map[string]string{"en": "192.0.2.10", "fr": "192.0.2.11"} { // pasted, as a browser sends lines, and with a blank too many
			say := locale.For(lang, nil)
			if !strings.Contains(w.get("/verify?lang="+lang), "go build ./cmd/consend-verify") {
				t.Error("where the program is isn't said")
			}
			for _, x := range []struct {
				file []byte
				text string
				code int
				say  string
			}{
				{nil, " " + strings.ReplaceAll(made, "\n", "\r\n") + " ", 200, say.T("web_verify.holds")},
				{nil, strings.Replace(made, "lea.martin@", "max.martin@", 1), 200, say.T("web_verify.why.altered")},
				{nil, "Dear all", 200, say.T("web_verify.bad")},
				{[]byte(made), made, 422, say.T("web_verify.both")},
				{nil, strings.Repeat("x", 17<<20), 413, ""},
			} {
				if code, body := w.give(lang, x.file, x.text, name); code != x.code || !strings.Contains(body, x.say) {
					t.Errorf("pasted, %s: %d, want %d, %q:\n%s", lang, code, x.code, x.say, main(body))
				}
			}
		}
		h.Main.SetHook(nil)
		for q := range wrote {
			if strings.Contains(q, ".add") || strings.HasPrefix(q, "blob.") || strings.Contains(q, "put") {
				t.Errorf("a check runs %s", q)
			}
		}
		must(t, h.Main.View(context.Background(), w.member, func(v *store.View) error {
			if looks, err := testhouse.Looks(v, c.ID); err != nil || len(looks) > 2 {
				t.Errorf("%d looks, %v", len(looks), err)
			}
			return nil
		}))
		for n := range 40 {
			if code, _ := w.hand("en", nil, "198.51.100.7"); code == 429 {
				if n != 30 {
					t.Errorf("stopped after %d checks", n)
				}
				if code, _ := w.hand("en", nil, "203.0.113.7"); code != 422 {
					t.Errorf("somebody else is stopped too: %d", code)
				}
				return
			}
		}
		t.Error("one address checks without end")
	})
}

func TestEverySentenceOfTheVerifierHasWordsInEveryLanguage(t *testing.T) {
	said := regexp.MustCompile(`(?:\.proved|\.not|said)\("([a-z_.]+)"|\{"(limit\.[a-z]+)", "|Sentence\{true, "([a-z]+)"`)
	n := 0
	for _, name := range []string{"verify.go", "unpack.go"} {
		b, err := os.ReadFile("../../trace/proof/" + name)
		must(t, err)
		for _, m := range said.FindAllStringSubmatch(string(b), -1) {
			n++
			for _, lang := range locale.Languages() {
				if key := "web_verify.said." + m[1] + m[2] + m[3]; !locale.For(lang, nil).Has(key) {
					t.Errorf("%s lacks %s", lang, key)
				}
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d sentences were found", n)
	}
}

// A bundle of another installation is checked against the key in it, and said to be that one's; changed, it is bad.
func TestABundleOfAnotherInstallationIsCheckedAsItsOwn(t *testing.T) {
	w, there := settle(t, testhouse.SQLite(t), nil), settle(t, testhouse.SQLite(t), nil)
	_, path := there.signup("lea.martin@example.org", "fr")
	there.ask("POST", path, url.Values{"do": {"confirm"}})
	c, _ := there.person("lea.martin@example.org")
	var bundle bytes.Buffer
	must(t, evidence.Drawing{Campaign: 7, From: []int64{c.ID}, N: 1, Seed: "x", Sent: []byte("[]")}.Pack(context.Background(), there.Main, there.member, &bundle))
	log, ok := proof.BundleLog(bytes.NewReader(bundle.Bytes()), int64(bundle.Len()))
	if !ok || log.Key == w.Log.Key() {
		t.Fatal("it is no bundle of another installation")
	}
	say := locale.For("en", nil)
	foreign := say.T("web_verify.foreign", "key", proof.Fingerprint(log.Key))
	if code, body := w.hand("en", bundle.Bytes(), "192.0.2.9"); code != 200 || !strings.Contains(body, foreign) || strings.Contains(body, say.T("web_verify.holds.bundle")) {
		t.Errorf("%d, want %q:\n%s", code, foreign, main(body))
	}
	// In its own house it holds, and one octet changed in it is bad in either.
	if _, body := there.hand("en", bundle.Bytes(), "192.0.2.9"); !strings.Contains(body, say.T("web_verify.holds.bundle")) {
		t.Errorf("at home:\n%s", main(body))
	}
	changed := bytes.Clone(bundle.Bytes())
	changed[len(changed)/3] ^= 1
	for where, h := range map[string]*counter{"here": w, "there": there} {
		if _, body := h.hand("en", changed, "192.0.2.9"); !strings.Contains(body, say.T("web_verify.bad")) || strings.Contains(body, foreign) {
			t.Errorf("%s, changed:\n%s", where, main(body))
		}
	}
}
