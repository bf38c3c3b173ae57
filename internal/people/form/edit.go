// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Begin drafts a whole form for one list, in both languages of the house, the account's
// first: it passes the linter as it is, once the note is published.
func Begin(l list.List, language string, note int64, colour string) Definition {
	d := Definition{
		Languages: locale.Languages(), OptIn: Double, Notice: note, Colour: colour,
		Title: house("form.begin.title"), Intro: house("form.begin.intro"), Consent: house("form.begin.consent"),
		Withdraw: house("form.begin.withdraw"), Button: house("form.begin.button"), Sent: house("form.begin.sent"), Done: house("form.begin.done"), Already: house("form.begin.already"),
		Lists: []Choice{choiceOf(l)},
	}
	if language == locale.French {
		d.Languages = []string{locale.French, locale.English}
	}
	return d
}

// Add puts a further list into a definition, unticked like all.
func (d *Definition) Add(l list.List) {
	c := choiceOf(l)
	for _, t := range d.Tongues {
		if s := l.Public[t.Code]; s != "" {
			c.Label[t.Code] = s
		}
	}
	d.Lists = append(d.Lists, c)
}

func choiceOf(l list.List) Choice {
	c := Choice{List: l.ID, Purpose: l.PurposeID, Grant: l.Kind == list.Grant, Closed: l.RetiredAt != 0, Name: l.Name, Label: Words{}}
	for _, lang := range locale.Languages() {
		c.Label[lang] = l.Title(lang)
	}
	return c
}

func house(key string) Words {
	w := Words{}
	for _, l := range locale.Languages() {
		w[l] = locale.For(l, nil).T(key)
	}
	return w
}

// Make makes a form with its draft and its address, which is readable and, with four random
// characters, nobody else's.
func Make(tx *store.Tx, name string, d Definition) (int64, error) {
	name = strings.TrimSpace(name)
	if err := checked(tx, name, d); err != nil {
		return 0, err
	}
	if err := d.Tracking.ready(tx); err != nil {
		return 0, err
	}
	doc, err := json.Marshal(d)
	if err != nil {
		return 0, err
	}
	id, slug := tx.ID(), ""
	for n := int64(0); n == 0; {
		slug = slugOf(name)
		if n, err = tx.Exec(takeSlug, slug, tx.Account(), id); err != nil {
			return 0, err
		}
	}
	tx.Do(makeForm, id, name, slug, string(doc))
	_, err = trace.Append(tx, trace.Act{Action: "form.make", Object: "form", ObjectID: id})
	return id, err
}

// Edit replaces a form's draft. version is that of the draft that was edited. What is
// published doesn't change.
func Edit(tx *store.Tx, id, version int64, name string, d Definition) error {
	name = strings.TrimSpace(name)
	if err := checked(tx, name, d); err != nil {
		return err
	}
	if err := d.Tracking.ready(tx); err != nil {
		return err
	}
	doc, err := json.Marshal(d)
	if err != nil {
		return err
	}
	n, err := tx.Exec(editForm, name, string(doc), id, version)
	if err == nil && n == 0 {
		f, err := Find(tx, id)
		if err != nil {
			return err
		}
		return f.stale()
	}
	if err != nil {
		return err
	}
	_, err = trace.Append(tx, trace.Act{Action: "form.edit", Object: "form", ObjectID: id})
	return err
}

// stale is why a form can't be changed as it was read.
func (f Form) stale() error {
	if f.RetiredAt != 0 {
		return fault.New(fault.Conflict, "form.put_away")
	}
	return fault.New(fault.Conflict, "form.changed")
}

// Close makes a published form take nobody until it is opened again; its address stays.
func Close(tx *store.Tx, id int64) error { return turn(tx, id, closeForm, tx.Now, "form.close") }

// Open lets a closed form take sign-ups again.
func Open(tx *store.Tx, id int64) error { return turn(tx, id, closeForm, 0, "form.open") }

// Retire puts a form away; Restore brings it back. Its versions stay: consents rest on them. Again is harmless.
func Retire(tx *store.Tx, id int64) error { return turn(tx, id, retireForm, tx.Now, "form.retire") }

// Restore brings a retired form back.
func Restore(tx *store.Tx, id int64) error { return turn(tx, id, restoreForm, 0, "form.restore") }

func turn(tx *store.Tx, id int64, q *store.Query, at legalclock.Moment, action string) error {
	n, err := tx.Exec(q, at, id)
	if err != nil {
		return err
	}
	f, err := Find(tx, id)
	switch {
	case err != nil:
		return err
	case n == 0 && (q == retireForm || q == restoreForm): // it is so already
		return nil
	case n == 0:
		return f.stale()
	}
	forget(tx, f.Slug)
	_, err = trace.Append(tx, trace.Act{Action: action, Object: "form", ObjectID: id})
	return err
}

// Check holds a form's draft against the rules and gives the pages that publishing would keep.
func Check(ctx context.Context, r store.Reader, f Form) (Definition, []Finding, []Page, notice.Version, error) {
	d, err := refresh(r, f.Draft.ticked())
	if err != nil {
		return d, nil, nil, notice.Version{}, err
	}
	var note notice.Version
	changed := false
	if d.Notice != 0 {
		n, err := notice.Find(r, d.Notice)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return d, nil, nil, note, err
		}
		if n.CurrentID != 0 && n.RetiredAt == 0 {
			if note, err = notice.Get(r, n.CurrentID); err != nil {
				return d, nil, nil, note, err
			}
			changed = !sameText(n.Draft, note)
		}
	}
	account := accountOf(r)
	var pages []Page
	for _, lang := range d.Languages {
		if !d.Knows(lang) {
			continue
		}
		p, err := Draw(ctx, d, note, account, lang)
		if err != nil {
			return d, nil, nil, note, err
		}
		pages = append(pages, p)
	}
	lasts, err := days(r)
	if err != nil {
		return d, nil, nil, note, err
	}
	purposes, err := list.Purposes(r)
	return d, Lint(d, note, changed, lasts, pages, purposes...), pages, note, err
}

// sameText tells whether a draft would publish the words that are published.
func sameText(draft notice.Note, v notice.Version) bool {
	if len(notice.Gaps(draft)) > 0 || len(draft.Languages) != len(v.Texts) {
		return false
	}
	for _, lang := range draft.Languages {
		if string(notice.Write(draft, lang).Sha256) != string(v.In(lang).Sha256) {
			return false
		}
	}
	return true
}

// refresh takes over what lists and attributes are now: retired, renamed, special.
func refresh(r store.Reader, d Definition) (Definition, error) {
	if d.Tracking.asks() {
		measuring, err := list.Measuring(r)
		if err != nil {
			return d, err
		}
		d.Lists = d.Tracking.boxes(d.Lists, measuring)
	}
	ids := make([]int64, 0, len(d.Lists))
	for _, c := range d.Lists {
		ids = append(ids, c.List)
	}
	lists, err := list.Some(r, ids).All()
	if err != nil {
		return d, err
	}
	out := make([]Choice, len(d.Lists))
	for i, c := range d.Lists {
		c.Closed, c.Purpose = true, 0
		for _, l := range lists {
			if l.ID == c.List {
				c.Purpose, c.Grant, c.Closed, c.Name = l.PurposeID, l.Kind == list.Grant, l.RetiredAt != 0, l.Name
			}
		}
		out[i] = c
	}
	d.Lists = out
	if len(d.Ages) > 0 {
		if d.Ages, err = Ages(r); err != nil {
			return d, err
		}
		d.Age = 0
	}
	if len(d.Fields) == 0 {
		return d, nil
	}
	known, err := contact.AllAttributes(r)
	if err != nil {
		return d, err
	}
	specials, err := list.Specials(r)
	if err != nil {
		return d, err
	}
	agreed := map[int64]int64{}
	for _, l := range specials {
		agreed[l.AttributeID] = l.ID
	}
	fields := make([]Field, len(d.Fields))
	for i, f := range d.Fields {
		for _, a := range known {
			if a.Name == f.Name {
				f.Type, f.Choices, f.Marked = string(a.Type), a.Choices, a.Marked()
				f.Grant = agreed[a.ID]
				if !f.asksExpressly() {
					f.Grant = 0
				}
				f.Called = called(f)
			}
		}
		fields[i] = f
	}
	d.Fields = fields
	return d, nil
}

// ticked is a draft with the words of the languages it speaks: those of others stay in the draft only.
func (d Definition) ticked() Definition {
	other := func(lang string, _ string) bool { return !slices.Contains(d.Languages, lang) }
	keep := func(all ...*Words) {
		for _, w := range all {
			*w = maps.Clone(*w)
			maps.DeleteFunc(*w, other)
		}
	}
	keep(&d.Title, &d.Intro, &d.Consent, &d.Withdraw, &d.Button, &d.Sent, &d.Done, &d.Already, &d.Subject, &d.Greeting, &d.Tracking.Opens, &d.Tracking.Clicks)
	d.Lists, d.Fields, d.Tongues = slices.Clone(d.Lists), slices.Clone(d.Fields), slices.Clone(d.Tongues)
	d.Tongues = slices.DeleteFunc(d.Tongues, func(t Tongue) bool { return other(t.Code, "") })
	for i := range d.Lists {
		keep(&d.Lists[i].Label, &d.Lists[i].Hint)
	}
	for i := range d.Fields {
		f := &d.Fields[i]
		keep(&f.Label, &f.Why, &f.Explicit)
		f.Called = maps.Clone(f.Called)
		for c, w := range f.Called {
			keep(&w)
			f.Called[c] = w
		}
	}
	return d
}

// called keeps the words of the choices that are still offered.
func called(f Field) map[string]Words {
	var out map[string]Words
	for _, c := range f.Choices {
		if w := f.Called[c]; len(w) > 0 {
			if out == nil {
				out = map[string]Words{}
			}
			out[c] = w
		}
	}
	return out
}

// Publish makes the draft a version and serves it from now on, unless a rule refuses it: then
// the refusals come back as faults. The same form and note again give the version that is served.
func Publish(ctx context.Context, tx *store.Tx, id, version int64) (Version, error) {
	f, err := one(tx, lockForm, id)
	if err != nil {
		return Version{}, err
	}
	if f.Version != version || f.RetiredAt != 0 {
		return Version{}, f.stale()
	}
	if err := special(tx, f.Draft.ticked()); err != nil {
		return Version{}, err
	}
	d, found, pages, note, err := Check(ctx, tx, f)
	if err != nil {
		return Version{}, err
	}
	var no fault.Many
	for _, x := range found {
		if x.Result == Refused {
			no = append(no, fault.New(fault.Invalid, "form.rule."+x.Rule+".remedy", "language", x.Language, "what", x.What))
		}
	}
	if err := no.Err(); err != nil {
		return Version{}, err
	}
	doc, err := json.Marshal(d)
	if err != nil {
		return Version{}, err
	}
	rules, err := json.Marshal(found)
	if err != nil {
		return Version{}, err
	}
	if f.CurrentID != 0 && f.NoteVersion == note.ID {
		if old, err := Get(tx, f.CurrentID); err != nil {
			return Version{}, err
		} else if string(old.Sha256) == string(hashed(doc)) {
			return old, nil
		}
	}
	v := Version{ID: tx.ID(), FormID: id, Number: f.Number + 1, Definition: d, Sha256: hashed(doc), NoteVersion: note.ID, Rules: found, PublishedAt: tx.Now}
	if f.Number == 0 { // a form that was never served may have old versions all the same
		if all, err := Versions(tx, id); err != nil {
			return Version{}, err
		} else if len(all) > 0 {
			v.Number = all[0].Number + 1
		}
	}
	css, look, err := drawnNow(tx, d)
	if err != nil {
		return Version{}, err
	}
	clear := proof.Fields{"style": hex.EncodeToString(look), "version": strconv.FormatInt(v.Number, 10), "sha256": hex.EncodeToString(v.Sha256), "note": strconv.FormatInt(note.ID, 10)}
	for _, p := range pages {
		// pt-BR would name no field of the trace.
		clear["page."+strings.ReplaceAll(strings.ToLower(p.Language), "-", "_")] = hex.EncodeToString(p.Sha256)
	}
	if v.EntryID, err = trace.Append(tx, trace.Act{Action: "form.publish", Object: "form", ObjectID: id, Clear: clear}); err != nil {
		return Version{}, err
	}
	tx.Do(addVersion, v.ID, id, v.Number, string(doc), v.Sha256, note.ID, string(rules), v.EntryID)
	if err := keepLook(tx, v.ID, css, look); err != nil {
		return Version{}, err
	}
	for _, p := range pages {
		tx.Do(addPage, v.ID, p.Language, p.HTML, p.Sha256)
	}
	tx.Do(serve, v.ID, id)
	forget(tx, f.Slug)
	return v, nil
}

// special makes the lists of those who expressly agree to what is sensitive, for a form that is about
// to ask (GDPR 9(2)(a)). What goes back when a rule refuses the form goes back with them.
func special(tx *store.Tx, d Definition) error {
	if len(d.Fields) == 0 {
		return nil
	}
	known, err := contact.AllAttributes(tx)
	if err != nil {
		return err
	}
	house, err := account.Get(tx)
	if err != nil {
		return err
	}
	for _, f := range d.Fields {
		for _, a := range known {
			if a.Name != f.Name || !a.Marked() || len(f.Explicit) == 0 {
				continue
			}
			words := list.Words{}
			for _, l := range d.Languages {
				if s := f.Label[l]; s != "" {
					words[l] = s
				}
			}
			if _, err := list.EnsureSpecial(tx, a.ID, cmp.Or(a.Label, a.Name), house.Language, words); err != nil {
				return err
			}
		}
	}
	return nil
}

// Find gives a form with its draft.
func Find(r store.Reader, id int64) (Form, error) { return one(r, findForm, id) }

// All lists the forms that aren't retired, the one edited last first.
func All(r store.Reader) ([]Form, error) { return several(r, allForms) }

// PutAway lists the forms that were retired, the last one first.
func PutAway(r store.Reader) ([]Form, error) { return several(r, putAway) }

func several(r store.Reader, q *store.Query) ([]Form, error) {
	rows, err := store.All[formRow](r, q)
	out := make([]Form, len(rows))
	for i, row := range rows {
		if err == nil {
			out[i], err = row.form()
		}
	}
	return out, err
}

// Get gives a version.
func Get(r store.Reader, version int64) (Version, error) {
	row, err := store.One[versionRow](r, findVersion, version)
	if errors.Is(err, store.ErrNone) {
		return Version{}, fault.New(fault.NotFound, "form.none")
	}
	if err != nil {
		return Version{}, err
	}
	return row.version()
}

// Versions lists a form's versions, the newest first.
func Versions(r store.Reader, form int64) ([]Version, error) {
	rows, err := store.All[versionRow](r, versions, form)
	out := make([]Version, len(rows))
	for i, row := range rows {
		if err == nil {
			out[i], err = row.version()
		}
	}
	return out, err
}

// Pages gives the pages of a version as they were kept.
func Pages(r store.Reader, version int64) ([]Page, error) { return store.All[Page](r, pages, version) }

type formRow struct {
	ID, Version, CurrentID, Number, NoteVersion int64
	Name, Slug, Draft                           string
	ClosedAt, CreatedAt, UpdatedAt              legalclock.Moment
	RetiredAt, PublishedAt                      legalclock.Moment
}

func (r formRow) form() (Form, error) {
	f := Form{ID: r.ID, Name: r.Name, Slug: r.Slug, Version: r.Version, CurrentID: r.CurrentID, Number: r.Number, NoteVersion: r.NoteVersion,
		ClosedAt: r.ClosedAt, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, RetiredAt: r.RetiredAt, PublishedAt: r.PublishedAt}
	return f, json.Unmarshal([]byte(r.Draft), &f.Draft)
}

type versionRow struct {
	ID, FormID, Number, NoticeVersionID, EntryID int64
	Definition, Rules                            string
	Sha256                                       []byte
	PublishedAt                                  legalclock.Moment
}

func (r versionRow) version() (Version, error) {
	v := Version{ID: r.ID, FormID: r.FormID, Number: r.Number, Sha256: r.Sha256, NoteVersion: r.NoticeVersionID, PublishedAt: r.PublishedAt, EntryID: r.EntryID}
	if err := json.Unmarshal([]byte(r.Definition), &v.Definition); err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(r.Rules), &v.Rules)
}

func one(r store.Reader, q *store.Query, id int64) (Form, error) {
	row, err := store.One[formRow](r, q, id)
	if errors.Is(err, store.ErrNone) {
		return Form{}, fault.New(fault.NotFound, "form.none")
	}
	if err != nil {
		return Form{}, err
	}
	return row.form()
}

// maxName bounds what an account calls a form, in bytes.
const maxName = 200

// checked refuses a draft that is no form at all; what it says is the linter's.
func checked(r store.Reader, name string, d Definition) error {
	if name == "" || len(name) > maxName {
		return fault.New(fault.Invalid, "form.name").At("name")
	}
	words := []Words{d.Title, d.Intro, d.Consent, d.Withdraw, d.Button, d.Sent, d.Done, d.Already, d.Subject, d.Greeting, d.Tracking.Opens, d.Tracking.Clicks}
	for _, t := range d.Tongues {
		if n, ok := NewTongue(t.Code, t.Name, t.Fallback); !ok || n.Code != t.Code || len(t.Name) > 60 || strings.ContainsAny(t.Name, "\x00\n") {
			return fault.New(fault.Invalid, "form.language").At("tongue")
		}
		words = append(words, t.Fixed)
	}
	if d.Remind != 0 {
		if most, err := MostRemind(r); err != nil {
			return err
		} else if d.Remind < 0 || d.Remind > most {
			return fault.New(fault.Invalid, "form.remind", "most", most).At("remind")
		}
	}
	if d.Redirect != "" && !goesTo(d.Redirect) {
		return fault.New(fault.Invalid, "form.redirect").At("redirect")
	}
	for _, s := range d.Subject { // a subject is one line (RFC 5322 2.2.3)
		if strings.ContainsAny(s, "\r\n") || len(s) > 200 {
			return fault.New(fault.Invalid, "form.subject").At("subject")
		}
	}
	for _, f := range d.Fields {
		words = append(words, f.Label, f.Why, f.Explicit)
		if len(f.Name) > contact.MaxName || f.Name != NameField && contact.AttributeName(f.Name) != f.Name {
			return fault.New(fault.Invalid, "form.field").At("fields")
		}
		if len(f.Called) > contact.MaxChoices {
			return fault.New(fault.Invalid, "form.too_long")
		}
		for c, w := range f.Called {
			for _, s := range w {
				if utf8.RuneCountInString(c) > contact.MaxChoice || utf8.RuneCountInString(s) > MaxCalled || strings.ContainsAny(s, "\x00\r\n") {
					return fault.New(fault.Invalid, "form.called", "choice", c, "limit", MaxCalled).At("fields")
				}
			}
		}
	}
	for _, c := range d.Lists {
		words = append(words, c.Label, c.Hint)
	}
	for _, w := range words {
		for _, s := range w {
			if len(s) > 4000 || strings.ContainsRune(s, 0) {
				return fault.New(fault.Invalid, "form.too_long")
			}
		}
	}
	if len(d.Languages) > MaxLanguages || len(d.Tongues) > MaxLanguages || len(d.Fields) > 30 || len(d.Lists) > 40 {
		return fault.New(fault.Invalid, "form.too_long")
	}
	return nil
}

// goesTo tells whether an address is one to go on to: https, a host of the public kind,
// nobody's password, nothing after a #.
func goesTo(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Port() == "" && strings.Contains(u.Hostname(), ".") && u.User == nil && u.Fragment == "" &&
		len(s) <= 500 && !strings.ContainsAny(s, " \t\r\n;,'\"<>\\")
}

const slugLetters = "abcdefghjkmnpqrstuvwxyz23456789"

// slugOf makes "lettre-du-cafe-7kq2" of a name.
func slugOf(name string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(name)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r):
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	s := strings.Trim(b.String(), "-")
	var tail [4]byte
	rand.Read(tail[:]) // never fails (crypto/rand)
	for i, c := range tail {
		tail[i] = slugLetters[int(c)%len(slugLetters)]
	}
	if s == "" {
		return "form-" + string(tail[:])
	}
	return s + "-" + string(tail[:])
}

func accountOf(r store.Reader) int64 {
	switch v := r.(type) {
	case *store.Tx:
		return v.Account()
	case *store.View:
		return v.Account()
	}
	return 0
}

func hashed(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

// ready makes the lists the questions need, in an account that has never asked them.
func (t Tracking) ready(tx *store.Tx) error {
	if !t.asks() {
		return nil
	}
	a, err := account.Get(tx)
	if err == nil {
		_, err = list.EnsureMeasuring(tx, a.Language)
	}
	return err
}
