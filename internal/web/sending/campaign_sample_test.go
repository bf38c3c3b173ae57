// SPDX-License-Identifier: AGPL-3.0-or-later

package sending_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"consend/internal/testhouse"
	"consend/internal/trace/proof"
)

func TestAnAuditorsDrawIsABundleOfWhomTheSeedChoosesAndTheLookIsTraced(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		b := bureauOf(t, h, "en")
		at := b.sent(t)
		if body := b.page(t, at); !strings.Contains(body, at+"/sample") {
			t.Error("the report doesn't lead to the draw")
		}
		b.page(t, at+"/sample")
		for _, x := range []struct{ n, seed, want string }{{"2", "", "Write the words the auditor said"}, {"501", "s", "500"}, {"x", "s", "500"}, {"0", "s", "500"}} {
			if w := b.do(t, "POST", at+"/sample", url.Values{"n": {x.n}, "seed": {x.seed}, "how": {"none"}}); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), x.want) {
				t.Errorf("%+v: %d", x, w.Code)
			}
		}
		before := b.looks(t)
		draw := func(seed string) {
			w := b.do(t, "POST", at+"/sample", url.Values{"n": {"2"}, "seed": {seed}, "how": {"none"}})
			if w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			r, err := proof.VerifyBundle(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()), h.Log.Key(), nil, 1<<30)
			must(t, err)
			if !r.Holds() || !slices.ContainsFunc(r.Proved, func(s string) bool {
				return strings.HasPrefix(s, "The people are those that the seed \""+seed+"\" draws from draw.txt: 2 of 3.")
			}) {
				t.Errorf("%v", r.Proved)
			}
		}
		draw("snow in June")
		if n := b.looks(t); n != before+1 {
			t.Errorf("%d looks, want one more than %d", n, before)
		}
		draw("another")
		if w := b.do(t, "POST", at+"/sample", url.Values{"n": {"2"}, "seed": {"s"}}); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Choose how the file leaves") {
			t.Errorf("nothing chosen: %d", w.Code)
		}
		w := b.do(t, "POST", at+"/sample", url.Values{"n": {"2"}, "seed": {"s"}, "how": {"passphrase"}, "passphrase": {"snow falls in June"}})
		who, err := age.NewScryptIdentity("snow falls in June")
		must(t, err)
		in, err := age.Decrypt(w.Body, who)
		must(t, err)
		file, err := io.ReadAll(in)
		must(t, err)
		if r, err := proof.VerifyBundle(bytes.NewReader(file), int64(len(file)), h.Log.Key(), nil, 1<<30); err != nil || !r.Holds() {
			t.Errorf("the draw that was closed: %v", err)
		}
		if d := w.Header().Get("Content-Disposition"); !strings.Contains(d, "-sample.zip.age") {
			t.Error(d)
		}
	})
}
