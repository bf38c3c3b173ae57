// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/pii"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/move"
	"consend/internal/people/notice"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// café is an account with a list, a note and a published form.
type café struct {
	*testhouse.House
	t              testing.TB
	account        int64
	owner, visitor actor.Actor
	news           int64
	live           form.Live
}

func open(t testing.TB, h *testhouse.House) *café {
	t.Helper()
	id, owner := h.House(t)
	w := &café{House: h, t: t, account: id, owner: owner, visitor: actor.Actor{Kind: actor.Subject, Account: id, Request: "test", Language: "fr"}}
	h.Main.Attach(&config.Site{URL: "https://news.example", Host: "news.example"})
	desk := form.NewDesk(h.Main)
	h.Main.Attach(desk)
	var f int64
	w.write(func(tx *store.Tx) error {
		p, err := list.MakePurpose(tx, list.NewPurpose{Name: "Newsletter"})
		must(t, err)
		w.news, err = list.Make(tx, list.New{Name: "News", Purpose: p, Public: list.Words{"en": "Monthly news", "fr": "Nouvelles du mois"}})
		must(t, err)
		n := notice.Begin(notice.Answers{Name: "Café Rosalie", Postal: "12 rue des Lilas\n69003 Lyon", Country: "FR", Language: "fr", DataEmail: "rosalie@cafe.example",
			Policy: "https://cafe.example/vie-privee"}, published())
		note, err := notice.Make(tx, "Newsletter", n)
		must(t, err)
		_, err = notice.Publish(tx, note, 1)
		must(t, err)
		l, err := list.Get(tx, w.news)
		must(t, err)
		f, err = form.Make(tx, "Lettre du café", form.Begin(l, "fr", note, "#b45309"))
		must(t, err)
		_, err = form.Publish(ctx, tx, f, 1)
		return err
	})
	var slug string
	w.view(func(v *store.View) error {
		x, err := form.Find(v, f)
		slug = x.Slug
		return err
	})
	var err error
	w.live, err = desk.At(ctx, slug)
	must(t, err)
	return w
}

func (w *café) write(f func(*store.Tx) error) {
	w.t.Helper()
	must(w.t, w.Main.Write(ctx, w.owner, f))
}
func (w *café) view(f func(*store.View) error) {
	w.t.Helper()
	must(w.t, w.Main.View(ctx, w.owner, f))
}

func (w *café) origin(agent string) consent.Origin {
	ip, err := pii.ParseIP("203.0.113.9")
	must(w.t, err)
	return consent.Origin{IP: ip, Source: "direct", Agent: pii.T(agent)}
}

// signUp asks on the form and confirms an hour later.
func (w *café) signUp(email string) (person, signup int64) {
	w.t.Helper()
	s, err := form.Read(w.live, "fr", url.Values{"email": {email}})
	must(w.t, err)
	s.Origin, s.Page = w.origin("Lynx \"2.8\"\t\\"), "https://news.example/f/lettre"
	var out form.Outcome
	must(w.t, w.Main.Write(ctx, w.visitor, func(tx *store.Tx) (err error) { out, err = form.Submit(tx, s); return err }))
	w.Clock.Advance(time.Hour)
	must(w.t, w.Main.Write(ctx, w.visitor, func(tx *store.Tx) error {
		_, err := form.Confirm(tx, out.Signup, w.origin("Firefox"))
		return err
	}))
	return w.find(email), out.Signup
}

func (w *café) find(email string) (id int64) {
	w.t.Helper()
	w.view(func(v *store.View) error {
		c, ok, err := contact.Find(v, address.Must(email))
		if !ok {
			w.t.Fatalf("%s is not here", email)
		}
		id = c.ID
		return err
	})
	return id
}

func (w *café) importFile(rows int) {
	w.t.Helper()
	var b strings.Builder
	b.WriteString("email;first name\n")
	for i := range rows {
		fmt.Fprintf(&b, "people%d@example.org;P%d\n", i, i)
	}
	sum, err := importer.Run(ctx, w.Main, w.owner, importer.Order{Name: "people.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(b.String())), nil },
		List: "News", Purpose: "Newsletter", Kind: importer.Site, Basis: consent.ByConsent, From: "2024-01-01", To: "2024-12-31", DeclaredBy: w.owner.ID}, nil)
	must(w.t, err)
	if sum.New != int64(rows) {
		w.t.Fatalf("%+v", sum)
	}
}

func (w *café) build(person int64, lang string) evidence.Proof {
	w.t.Helper()
	p, err := evidence.Build(ctx, w.Main, w.owner, person, lang)
	must(w.t, err)
	r, err := proof.Verify(p.Bytes, w.Log.Key(), nil)
	must(w.t, err)
	if !r.Holds() {
		w.t.Fatalf("the proof does not hold: %+v", r)
	}
	return p
}

func TestARealSignUpIsProvedWithBothMomentsAndTheWordsShown(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		person, _ := w.signUp("Léa@example.org")
		p := w.build(person, "fr")
		if len(p.File.Lists) != 1 || len(p.File.Lists[0].Events) != 2 {
			t.Fatalf("%+v", p.File.Lists)
		}
		if w := p.File.Complete; w == nil || w.Lists != 1 || w.Size == 0 {
			t.Errorf("does not say that it is complete: %+v", w)
		}
		l := p.File.Lists[0]
		asked, yes := l.Events[0].Facts, l.Events[1].Facts
		if asked.Event != "request" || asked.Occurred != "2026-03-02T09:00:00.000000Z" || yes.Event != "confirm" || yes.Confirmed != "2026-03-02T10:00:00.000000Z" {
			t.Errorf("moments: %+v\n%+v", asked, yes)
		}
		if l.State != "given" || l.Grade != "A" || l.Name != "Nouvelles du mois" || !strings.HasPrefix(l.GradeWords, "Constaté par Consend") {
			t.Errorf("%s %s %s %s", l.State, l.Grade, l.Name, l.GradeWords)
		}
		if asked.IP != "203.0.113.9" || yes.Agent != "Firefox" || asked.Address != "Léa@example.org" || asked.Page != "https://news.example/f/lettre" || asked.FormVer == "" {
			t.Errorf("origins: %+v", asked)
		}
		kinds := ""
		for _, x := range p.File.Texts {
			kinds += x.Kind + " "
		}
		if len(p.File.Texts) != 3 || !strings.Contains(kinds, "form") || !strings.Contains(kinds, "mail") || !strings.Contains(kinds, "note") {
			t.Errorf("texts: %s", kinds)
		}
		if x := l.Processing; x.Notice == "" || x.Retention == "" || x.Authority == "" || len(x.Rights) != 7 || x.Law != "FR" {
			t.Errorf("processing %+v", x)
		}
		if w := l.Events[0].Words; !strings.Contains(w, "version 1") {
			t.Error(w)
		}
		noKeys(t, p.Bytes)
		noKeys(t, w.build(person, "en").Bytes)
	})
}

// What was shown is named for what it was: a form only where there was one.
func TestAProofNamesAFormOnlyWhereOneWasShown(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		person, _ := w.signUp("lea@example.org")
		var version int64
		w.view(func(v *store.View) error {
			all, err := consent.Events(v, person)
			version = all[0].FormVersionID
			return err
		})
		if version == 0 {
			t.Fatal("signed up on no form")
		}
		asked := legalclock.MomentOf(h.Clock.Now())
		h.Clock.Advance(time.Minute)
		must(t, h.Main.Write(ctx, w.visitor, func(tx *store.Tx) error {
			_, err := consent.Apply(tx, []consent.Event{
				{Contact: person, List: w.news, Kind: consent.Withdraw, Source: "preferences", Method: "page"},
				{Contact: person, List: w.news, Kind: consent.Request, OccurredAt: asked, Source: "preferences", Method: "preferences", Text: "shown on a page", Language: "fr"},
				{Contact: person, List: w.news, Kind: consent.Confirm, RequestedAt: asked, Source: "preferences", Method: "doi_post", FormVersion: version, Text: "said in a mail", Language: "fr"},
				{Contact: person, List: w.news, Kind: consent.Refuse, Source: "api", Method: "api", Text: "told by a program", Language: "fr"}})
			return err
		}))
		p := w.build(person, "fr")
		kinds := map[string]string{}
		for _, x := range p.File.Texts {
			kinds[x.Text] = x.Kind
		}
		for text, want := range map[string]string{"shown on a page": "page", "said in a mail": "mail", "told by a program": "told"} {
			if kinds[text] != want {
				t.Errorf("%q is called %q", text, kinds[text])
			}
		}
		said := map[string]int{}
		for _, e := range p.File.Lists[0].Events {
			if strings.Contains(strings.ToLower(e.Words), "formulaire") {
				said[e.Facts.Source]++
			}
		}
		if said["preferences"] != 0 || said["api"] != 0 || said["form"] == 0 {
			t.Errorf("forms that were not shown: %v", said)
		}
		noKeys(t, p.Bytes)
	})
}

// noKeys fails where a message was not found, or a value in it.
func noKeys(t testing.TB, b []byte) {
	t.Helper()
	for _, bad := range []string{"<no value>", "evidence.event", "evidence.grade.", "evidence.right", "•"} {
		if bytes.Contains(b, []byte(bad)) {
			t.Errorf("the file holds %q", bad)
		}
	}
}

func TestEveryByteOfAProofCounts(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		w.importFile(3)
		one, _ := w.signUp("lea@example.org")
		for n, person := range []int64{one, w.find("people1@example.org")} {
			file := w.build(person, "en").Bytes
			bad := bytes.Clone(file)
			step := 1
			if n > 0 || h.Dialect != "sqlite" { // the file is the same kind of file
				step = 17
			}
			for i := 0; i < len(file); i += step {
				bad[i] ^= 1
				if _, err := proof.Verify(bad, h.Log.Key(), nil); err == nil {
					t.Fatalf("byte %d of %d (%q) can be changed unseen", i, len(file), file[max(0, i-20):min(len(file), i+20)])
				}
				bad[i] ^= 1
			}
		}
	})
}

func TestAMemberOfAnImportIsProvedAndTheProofSaysWhoseWordItIs(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		w.importFile(60)
		p := w.build(w.find("people17@example.org"), "en")
		l := p.File.Lists[0]
		if len(l.Events) != 1 || l.Grade != "D" || l.State != "given" {
			t.Fatalf("%+v", l)
		}
		e := l.Events[0]
		if e.Entry.Member == nil || e.Facts.Address != "people17@example.org" || e.Facts.Import == "" || e.Facts.Grade != "D" {
			t.Errorf("%+v", e)
		}
		for _, part := range []string{"The account’s word", "Camille Martin", "signed up on our site", "2024-01-01"} {
			if !strings.Contains(l.GradeWords, part) {
				t.Errorf("what it rests on lacks %q: %s", part, l.GradeWords)
			}
		}
		if !strings.Contains(e.Words, "people.csv") || bytes.Contains(p.Bytes, []byte("people18@example.org")) {
			t.Error(e.Words)
		}
		noKeys(t, p.Bytes)
	})
}

func TestAProofOutlivesAChangedAddressAndAnEndedIP(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		w.importFile(5)
		signed, _ := w.signUp("lea@example.org")
		imported := w.find("people2@example.org")
		for i, id := range []int64{signed, imported} {
			h.Clock.Advance(time.Hour)
			now := address.Must(fmt.Sprintf("new%d@example.net", i))
			w.write(func(tx *store.Tx) error {
				change, err := move.Ask(tx, id, now)
				if err != nil {
					return err
				}
				if _, err = move.Say(tx, change, move.New, true); err != nil {
					return err
				}
				st, err := move.Say(tx, change, move.Old, true)
				if st != move.Moved {
					t.Errorf("both said yes: %s", st)
				}
				return err
			})
			h.Clock.Advance(time.Hour)
			must(t, h.Main.Write(ctx, w.visitor, func(tx *store.Tx) error {
				_, err := consent.Apply(tx, []consent.Event{{Contact: id, List: w.news, Kind: consent.Withdraw, Source: "mail", Method: "one_click"}})
				return err
			}))
			p := w.build(id, "en")
			events := p.File.Lists[0].Events
			last := events[len(events)-1].Facts
			if last.Event != "withdraw" || last.Address != now.Raw() || events[0].Facts.Address == now.Raw() || events[0].Facts.Address == "" {
				t.Errorf("addresses: %s, then %s", events[0].Facts.Address, last.Address)
			}
			if p.File.Lists[0].State != "withdrawn" || p.File.Person.Address != now.Raw() {
				t.Errorf("%s %s", p.File.Lists[0].State, p.File.Person.Address)
			}
			if len(p.File.Acts) != 4 || // asked for, a yes of each mailbox, changed
				!strings.Contains(string(p.Bytes), "before.email") {
				t.Errorf("acts: %+v", p.File.Acts)
			}
		}
		h.Clock.Advance(398 * 24 * time.Hour)
		must(t, consent.ShortenOrigins(ctx, h.Main))
		p := w.build(signed, "en")
		if bytes.Contains(p.Bytes, []byte(`"203.0.113.9"`)) || !bytes.Contains(p.Bytes, []byte("by rule retention.ip")) {
			t.Error("the ended address is still shown, or nothing says why it is not")
		}
	})
}

func TestALedgerThatWasChangedIsNotProved(t *testing.T) {
	for _, sql := range []string{
		`UPDATE consent_event SET occurred_at = occurred_at - 86400000000`,
		`UPDATE consent_event SET grade = 'A'`,
		`UPDATE consent_event SET state = 'given' WHERE state <> 'given'`,
		`UPDATE contact SET email = 'other@example.org'`,
	} {
		t.Run(sql, func(t *testing.T) {
			h := testhouse.SQLite(t)
			w := open(t, h)
			w.importFile(2)
			signed, _ := w.signUp("lea@example.org")
			imported := w.find("people1@example.org")
			h.Raw(t, sql)
			differs := 0
			for _, id := range []int64{signed, imported} {
				if _, err := evidence.Build(ctx, h.Main, w.owner, id, "en"); fault.Is(err, fault.Conflict) {
					differs++
				}
			}
			if differs == 0 && !strings.HasPrefix(sql, "UPDATE contact") {
				t.Error("proved all the same")
			}
		})
	}
}

func TestSomebodyElsesPersonIsNotProved(t *testing.T) {
	h := testhouse.SQLite(t)
	w := open(t, h)
	person, _ := w.signUp("lea@example.org")
	_, stranger := h.House(t)
	if _, err := evidence.Build(ctx, h.Main, stranger, person, "en"); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

func TestTheTableHoldsNoFormula(t *testing.T) {
	h := testhouse.SQLite(t)
	w := open(t, h)
	person, _ := w.signUp("=cmd@example.org")
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(w.build(person, "en").CSV(), []byte("\ufeff")))).ReadAll()
	must(t, err)
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	found := false
	for _, r := range rows[1:] {
		for _, cell := range r {
			if cell != "" && strings.ContainsRune("=+-@\t", rune(cell[0])) {
				t.Errorf("a formula: %q", cell)
			}
			found = found || cell == "'=cmd@example.org"
		}
	}
	if !found {
		t.Errorf("the address is not there: %q", rows)
	}
}

func TestTheReceiptCarriesTheProofOnceItIsSealed(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		person, signup := w.signUp("lea@example.org")
		worker := actor.Worker("receipt", w.account)
		err := h.Main.Write(ctx, worker, func(tx *store.Tx) error { _, err := evidence.DraftReceipt(tx, signup); return err })
		if !fault.Is(err, fault.Busy) {
			t.Fatalf("before it is sealed: %v", err)
		}
		must(t, trace.SealNow(ctx, h.Main))
		must(t, h.Main.Write(ctx, worker, func(tx *store.Tx) error {
			d, err := evidence.DraftReceipt(tx, signup)
			must(t, err)
			if d.Class != "receipt" || d.Contact != person || d.Language != "fr" || len(d.Attached) != 1 {
				t.Errorf("%+v", d)
			}
			r, err := proof.Verify(d.Attached[0].Body, h.Log.Key(), nil)
			if err != nil || !r.Holds() {
				t.Errorf("the attached proof: %v", err)
			}
			marks, err := contact.NewMarks(tx)
			must(t, err)
			_, at, _ := strings.Cut(d.Blocks[2].URL, "/p/")
			if link, err := token.Parse(at); err != nil || len(link.Objects) != 2 || link.Objects[1] != marks.Of(address.Must("lea@example.org")) {
				t.Errorf("the link to the choices: %+v, %v", link, err)
			}
			return nil
		}))
	})
}

func TestTheCheckpointGoesToEveryOwner(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		must(t, trace.SealNow(ctx, h.Main))
		must(t, h.Main.Write(ctx, actor.Worker("checkpoint", w.account), func(tx *store.Tx) error {
			must(t, evidence.OwnersDue(tx))
			d, err := evidence.DraftCheckpoint(tx, w.owner.ID)
			must(t, err)
			if _, err := proof.OpenCheckpoint(d.Attached[0].Body, h.Log.Key()); err != nil || d.Member != w.owner.ID {
				t.Errorf("%v %+v", err, d)
			}
			_, err = evidence.DraftCheckpoint(tx, 77)
			if !fault.Is(err, fault.Gone) {
				t.Errorf("somebody who isn't an owner: %v", err)
			}
			return nil
		}))
	})
}

// The program that people use to check, on files as they are handed out.
func TestConsendVerifyAcceptsTheTrueFileAndNoOther(t *testing.T) {
	h := testhouse.SQLite(t)
	w := open(t, h)
	person, _ := w.signUp("lea@example.org")
	must(t, trace.SealNow(ctx, h.Main))
	old, err := h.Log.Checkpoint(ctx)
	must(t, err)
	w.importFile(3)
	file := w.build(person, "fr").Bytes
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		must(t, os.WriteFile(p, b, 0o600))
		return p
	}
	w.importFile2()
	must(t, trace.SealNow(ctx, h.Main))
	f, err := proof.Decode(file)
	must(t, err)
	cp, err := proof.OpenCheckpoint([]byte(f.Log.Checkpoint), h.Log.Key())
	must(t, err)
	bridge, err := h.Log.Bridge(ctx, cp.Size)
	must(t, err)
	bad := bytes.Replace(file, []byte(`"grade":"A"`), []byte(`"grade":"B"`), 1)
	good, key := write("proof.json", file), write("key", []byte(h.Log.Key()+"\n"))
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{good, "--key", key}, 0}, {[]string{good}, 3},
		{[]string{good, "--key", h.Log.Key(), "--against", write("bridge", bridge)}, 0},
		{[]string{good, "--key", key, "--against", write("same", []byte(f.Log.Checkpoint))}, 0},
		{[]string{write("bad.json", bad), "--key", key}, 1},
		{[]string{good, "--key", key, "--against", write("old", old)}, 3},
	} {
		cmd := exec.Command("go", append([]string{"run", "consend/cmd/consend-verify"}, c.args...)...)
		out, err := cmd.CombinedOutput()
		code := 0
		var exit *exec.ExitError
		if errors.As(err, &exit) { // go run gives 1 for every failure, and prints the program's own code
			fmt.Sscanf(string(out[bytes.LastIndex(out, []byte("exit status"))+len("exit status "):]), "%d", &code)
		}
		if code != c.code {
			t.Errorf("%v: exit %d, want %d\n%s", c.args, code, c.code, out)
		}
	}
}

func (w *café) importFile2() {
	w.write(func(tx *store.Tx) error {
		_, err := list.Make(tx, list.New{Name: "More", Purpose: w.purpose(tx)})
		return err
	})
}

func (w *café) purpose(tx *store.Tx) int64 {
	l, err := list.Get(tx, w.news)
	must(w.t, err)
	return l.PurposeID
}

func TestEveryWordOfAnEventHasATranslation(t *testing.T) {
	for _, lang := range []string{locale.English, locale.French} {
		p := locale.For(lang, nil)
		for _, k := range consent.Kinds() {
			if !p.Has("evidence.event." + string(k)) {
				t.Errorf("no words for %s", k)
			}
		}
		for _, k := range append(importer.Kinds(), importer.Inherited) {
			if !p.Has("evidence.origin." + string(k)) {
				t.Errorf("no words for %s", k)
			}
		}
	}
}

func published() *rulepack.Rules {
	packs := rulepack.Packs()
	return rulepack.Published(packs[len(packs)-1])
}

// An import may say in anybody's words which note people were shown, "2" or "2023": that names no version of ours, or names
// one that was published later, and the proof goes without it.
func TestANoteThatAnImportOnlyNamesKeepsNobodyWithoutProof(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		for k, named := range []string{"2", "2023", "March 2023"} {
			file := fmt.Sprintf("email\nn%d@example.org\n", k)
			sum, err := importer.Run(ctx, w.Main, w.owner, importer.Order{Name: "people.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(file)), nil },
				List: "News", Purpose: "Newsletter", Kind: importer.Site, Basis: consent.ByConsent, From: "2024-01-01", To: "2024-12-31", Note: named, DeclaredBy: w.owner.ID}, nil)
			must(t, err)
			if sum.Mailable != 1 {
				t.Fatalf("%+v", sum)
			}
			p, err := evidence.Build(ctx, w.Main, w.owner, w.find(fmt.Sprintf("n%d@example.org", k)), "en")
			if err != nil {
				t.Errorf("note %q: %v", named, err)
			} else if n := p.File.Lists[0].Events[0].Facts.NoteVer; n != "" {
				t.Errorf("note %q is told as our version %s", named, n)
			}
		}
	})
}

// The proof of an existing customer tells its conditions one by one, and when a rule ends it, which.
func TestTheProofOfACustomerTellsConditionByConditionWhyItHoldsAndWhichRuleEndedIt(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		var person, news int64
		must(t, w.Main.Write(ctx, w.owner, func(tx *store.Tx) (err error) {
			if news, err = list.EnsureNamed(tx, "Newsletter", "Customers"); err != nil {
				return err
			}
			rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("aoife@example.org"), Country: "IE", Source: "member"}})
			if err != nil {
				return err
			}
			person = rows[0].ID
			l, err := list.Get(tx, news)
			if err != nil {
				return err
			}
			_, err = consent.Apply(tx, []consent.Event{{Contact: person, List: news, Kind: consent.Give, Basis: consent.SoftOptIn, Grade: consent.GradeD, BasisRef: "order 7", BasisFamily: l.Products(), OptOutOffered: true,
				Source: "member", DeclaredBy: w.owner.ID, Row: rows[0]}})
			return err
		}))
		said := w.build(person, "en").File.Lists[0].GradeWords
		for _, want := range []string{"They bought: order 7", "Similar products: ", "Could refuse when they bought: ", "Can refuse in each mail: ", "Looked at: France and Ireland", "Counts until 2"} {
			if !strings.Contains(said, want) {
				t.Errorf("the proof lacks %q: %s", want, said)
			}
		}
		w.Clock.Advance(400 * 24 * time.Hour)
		must(t, consent.EndSoftOptIn(ctx, w.Main))
		l := w.build(person, "en").File.Lists[0]
		if last := l.Events[len(l.Events)-1].Facts; l.State != "expired" || last.Event != "expire" || last.Source != "rule" || last.Method != "soft_opt_in.term" || last.Actor != "job" {
			t.Errorf("%s, %+v", l.State, last)
		}
	})
}
