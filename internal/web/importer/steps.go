// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"bytes"
	"encoding/csv"
	"io"
	"net/http"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/importer/sheet"
	"consend/internal/people/list"
	"consend/internal/team/account"
	"consend/internal/web/shell"
)

func (p *Pages) upload(r *shell.Request) error {
	aim := "people"
	if r.Q("aim") == "refusals" {
		aim = "refusals"
	}
	return r.Render(http.StatusOK, uploadPage(r, shell.NewForm("aim", aim)))
}

// uploadPost streams the file into its sealed place; nothing of it is held in memory or in a
// temporary file.
func (p *Pages) uploadPost(r *shell.Request) error {
	f := shell.NewForm()
	parts, err := r.Parts()
	if err != nil {
		return err
	}
	id, refusals := int64(0), false
	for id == 0 {
		part, e := parts.NextPart()
		if e == io.EOF {
			if err = fault.New(fault.Invalid, "import.file.missing").At("file"); pasting(r) {
				err = fault.New(fault.Invalid, "import.paste.empty").At("paste")
			}
			break
		}
		if e != nil {
			return fault.New(fault.Invalid, "shell.bad_form").Because(e)
		}
		if part.FormName() == "aim" { // it stands before the file, which is read as it comes
			aim, e := io.ReadAll(io.LimitReader(part, 64))
			if e != nil {
				return fault.New(fault.Invalid, "shell.bad_form").Because(e)
			}
			f.Values.Set("aim", string(aim))
			if refusals = string(aim) == "refusals"; !refusals && string(aim) != "people" {
				err = fault.New(fault.Invalid, "import.aim").At("aim")
				break
			}
			continue
		}
		if part.FormName() == "paste" {
			text, e := io.ReadAll(io.LimitReader(part, sheet.MaxPaste+1))
			if e != nil {
				return fault.New(fault.Invalid, "shell.bad_form").Because(e)
			}
			f.Values.Set("paste", string(text))
			if strings.TrimSpace(string(text)) == "" {
				continue
			}
			if id, err = importer.ReceivePaste(r.Context(), p.DB, r.Who, r.P.T("importer.paste.name"), string(text), refusals); err != nil {
				if k := fault.KindOf(err); k != fault.Internal {
					err = fault.All(err)[0].At("paste")
				}
				break
			}
			continue
		}
		if part.FormName() != "file" || part.FileName() == "" {
			continue
		}
		receive := importer.Receive
		if refusals {
			receive = importer.ReceiveRefusals
		}
		id, err = receive(r.Context(), p.DB, r.Who, part.FileName(), part)
		if err != nil {
			break
		}
	}
	if large := fault.KindOf(err) == fault.TooLarge; large && fault.All(err)[0].Field != "" {
		f.Faults = fault.All(err)
		return r.Render(http.StatusUnprocessableEntity, uploadPage(r, f))
	}
	if f.Take(err) {
		return r.Render(http.StatusUnprocessableEntity, uploadPage(r, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(id, "/check"))
}

// pasting tells whether addresses are pasted instead of a file.
func pasting(r *shell.Request) bool { return r.Q("by") == "paste" }

// checked is what the page of the check shows.
type checked struct {
	i      importer.Import
	sample [][]string
}

func (p *Pages) check(r *shell.Request) error {
	i, moved, err := p.step(r, importer.Draft)
	if err != nil || moved {
		return err
	}
	return p.checkAgain(r, i, nil, http.StatusOK)
}

func (p *Pages) checkAgain(r *shell.Request, i importer.Import, f *shell.Form, status int) error {
	sample, err := importer.Sample(r.Context(), p.DB, r.Who, i)
	if err != nil {
		return err
	}
	if f == nil {
		header := ""
		if i.Format.Header {
			header = "1"
		}
		f = shell.NewForm("encoding", string(i.Format.Encoding), "separator", separatorName(i.Format.Separator), "header", header, "version", dec(i.Version), "sheet", dec(int64(i.Format.Sheet)))
	}
	return r.Render(status, checkPage(r, checked{i: i, sample: sample}, f))
}

var separators = []struct {
	name string
	sep  byte
}{{"semicolon", ';'}, {"comma", ','}, {"tab", '\t'}, {"bar", '|'}}

func separatorName(b byte) string {
	for _, s := range separators {
		if s.sep == b {
			return s.name
		}
	}
	return ""
}

func (p *Pages) checkPost(r *shell.Request) error {
	i, moved, err := p.step(r, importer.Draft)
	if err != nil || moved {
		return err
	}
	f, err := r.Form(64 << 10)
	if err != nil {
		return err
	}
	format := i.Format
	if format.Names == "" {
		format.Header = f.Checked("header")
	}
	if format.Kind == sheet.Text {
		format.Encoding, format.Separator = sheet.Encoding(f.Get("encoding")), 0
		for _, s := range separators {
			if s.name == f.Get("separator") {
				format.Separator = s.sep
			}
		}
	} else if len(format.Tabs()) > 1 {
		n, _ := f.Int("sheet")
		format.Sheet = int(n)
	}
	version, _ := f.Int("version")
	survey, err := importer.Resurvey(r.Context(), p.DB, r.Who, i, format)
	if err == nil {
		err = p.write(r, func(tx *store.Tx) error { return importer.Check(tx, i.ID, version, survey) })
	}
	if f.Take(err) {
		return p.checkAgain(r, i, f, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	if f.Has("do", "look") {
		return r.Redirect(http.StatusSeeOther, at(i.ID, "/check"))
	}
	return r.Redirect(http.StatusSeeOther, at(i.ID, "/map"))
}

// mapped is what the mapping page shows of one column.
type mapped struct {
	n      string
	name   string
	sample []string
	deaf   bool // a no in it would not be heard
}

func (p *Pages) mapping(r *shell.Request) error {
	i, moved, err := p.step(r, importer.Checked)
	if err != nil || moved {
		return err
	}
	f := shell.NewForm("version", dec(i.Version))
	for k, c := range i.Mapping {
		n := dec(int64(k))
		f.Values.Set("column."+n, string(c.To))
		f.Values.Set("attribute."+n, c.Attribute)
		f.Values.Set("type."+n, string(c.Type))
		if c.Month {
			f.Values.Set("month."+n, "1")
		}
	}
	return p.mappingAgain(r, i, f, http.StatusOK)
}

func (p *Pages) mappingAgain(r *shell.Request, i importer.Import, f *shell.Form, status int) error {
	sample, err := importer.Sample(r.Context(), p.DB, r.Who, i)
	if err != nil {
		return err
	}
	columns := make([]mapped, len(i.Mapping))
	for k := range columns {
		c, heading := mapped{n: dec(int64(k)), name: r.P.T("importer.column", "n", k+1)}, ""
		if k < len(i.Survey.Header) && i.Survey.Header[k] != "" {
			heading = i.Survey.Header[k]
			c.name = heading
		}
		var all []string
		for _, row := range sample {
			if k < len(row) && strings.TrimSpace(row[k]) != "" {
				if all = append(all, row[k]); len(c.sample) < 3 {
					c.sample = append(c.sample, short(row[k]))
				}
			}
		}
		c.deaf = !i.Refusing() && i.Shape.Unheard(heading, importer.Column{To: importer.Field(f.Get("column." + c.n))}, all)
		columns[k] = c
	}
	var like string
	var asks []contact.Attribute
	if err := p.view(r, func(v *store.View) (err error) {
		if like, err = importer.Recalled(v, i); err == nil {
			asks, err = sensitive(v, i)
		}
		return err
	}); err != nil {
		return err
	}
	return r.Render(status, mappingPage(r, i, columns, like, asks, f))
}

func short(s string) string {
	if c := []rune(s); len(c) > 40 {
		return string(c[:39]) + "…"
	}
	return s
}

func (p *Pages) mappingPost(r *shell.Request) error {
	i, moved, err := p.step(r, importer.Checked)
	if err != nil || moved {
		return err
	}
	f, err := r.Form(1 << 20)
	if err != nil {
		return err
	}
	m := make(importer.Mapping, len(i.Mapping))
	for k := range m {
		n := dec(int64(k))
		m[k] = importer.Column{To: importer.Field(f.Get("column." + n)), Attribute: f.Get("attribute." + n), Type: contact.Type(f.Get("type." + n)), Month: f.Checked("month." + n)}
	}
	version, _ := f.Int("version")
	err = p.write(r, func(tx *store.Tx) error { return importer.Map(tx, i.ID, version, m) })
	if f.Take(err) {
		return p.mappingAgain(r, i, f, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	if i.Refusing() {
		return r.Redirect(http.StatusSeeOther, at(i.ID, "/limit"))
	}
	return r.Redirect(http.StatusSeeOther, at(i.ID, "/origin"))
}

// origin first asks for one of eight choices, then (kind in the address) its follow-ups.
func (p *Pages) origin(r *shell.Request) error {
	i, moved, err := p.ofPeople(r, importer.Mapped)
	if err != nil || moved {
		return err
	}
	kind := importer.Kind(r.Q("kind"))
	if !choice(kind) {
		if kind = i.Origin.Kind; r.R.URL.Query().Has("kind") || !choice(kind) || r.Q("again") != "" {
			return r.Render(http.StatusOK, kindPage(r, i, shell.NewForm("kind", string(i.Origin.Kind))))
		}
	}
	o := i.Origin
	f := shell.NewForm("version", dec(i.Version))
	if o.Kind == kind {
		f = originForm(o, i.Version)
	}
	return p.originAgain(r, i, kind, f, http.StatusOK)
}

func choice(k importer.Kind) bool {
	for _, c := range importer.Kinds() {
		if c == k {
			return true
		}
	}
	return false
}

func originForm(o importer.Origin, version int64) *shell.Form {
	k := string(o.Kind)
	return shell.NewForm("version", dec(version), "where."+k, o.Where, "how."+k, o.How, "words", o.Words, "sale", o.Sale, "refusal", o.Refusal,
		"similar", o.Similar, "work", o.Work, "partner", o.Partner, "from", o.From, "to", o.To, "note", o.Note)
}

func readOrigin(f *shell.Form, kind importer.Kind) importer.Origin {
	k := string(kind)
	return importer.Origin{Kind: kind, Where: f.Get("where." + k), How: f.Get("how." + k), Words: f.Get("words"), Sale: f.Get("sale"), Refusal: f.Get("refusal"),
		Similar: f.Get("similar"), Work: f.Get("work"), Partner: f.Get("partner"), From: f.Get("from"), To: f.Get("to"), Note: f.Get("note")}
}

func (p *Pages) originAgain(r *shell.Request, i importer.Import, kind importer.Kind, f *shell.Form, status int) error {
	var files []importer.Evidence
	var here consent.Ground
	var now legalclock.Moment
	err := p.view(r, func(v *store.View) (err error) {
		if files, err = importer.EvidenceOf(v, i.ID); err == nil {
			here, err = consent.GroundOf(v)
		}
		now = v.Now
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(status, originPage(r, i, kind, countryWords(r, i, kind, here, now), files, f))
}

// countryWords says before the rows are read what the account's country, and those of the rows, will
// make of this origin (compliance L13).
func countryWords(r *shell.Request, i importer.Import, kind importer.Kind, here consent.Ground, now legalclock.Moment) (out []string) {
	country, bound := r.P.T("importer.here.nowhere"), false
	if here.Law() != "" {
		country = account.CountryName(here.Law(), r.P.Lang)
	}
	for _, b := range kind.Bases() {
		if b.Everywhere() {
			continue
		}
		bound = true
		if !here.Holds(b, "") {
			out = append(out, r.P.T("importer.here.no."+string(b), "country", country))
		} else if months, _ := here.Term("", now); b == consent.SoftOptIn && months > 0 {
			out = append(out, r.P.T("importer.here.term", "country", country, "months", r.P.N("rulepack.unit.months", months)))
		}
	}
	if bound && len(out) == 0 && i.Mapping.Index(importer.Country) >= 0 {
		out = append(out, r.P.T("importer.here.rows"))
	}
	return out
}

func (p *Pages) originPost(r *shell.Request) error {
	i, moved, err := p.ofPeople(r, importer.Mapped)
	if err != nil || moved {
		return err
	}
	f, err := r.Form(importer.MaxEvidence + 1<<20)
	if err != nil {
		return err
	}
	kind := importer.Kind(f.Get("kind"))
	version, _ := f.Int("version")
	attached, err := p.attach(r, i.ID, f)
	if err == nil {
		if attached {
			version++ // our own change
		}
		err = p.write(r, func(tx *store.Tx) error { return importer.Tell(tx, i.ID, version, readOrigin(f, kind)) })
	}
	if attached {
		f.Values.Set("version", dec(version))
	}
	if f.Take(err) {
		if !choice(kind) {
			return r.Render(http.StatusUnprocessableEntity, kindPage(r, i, f))
		}
		return p.originAgain(r, i, kind, f, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(i.ID, "/options"))
}

// attach stores the file of evidence of a form, if there is one.
func (p *Pages) attach(r *shell.Request, id int64, f *shell.Form) (bool, error) {
	h := f.File("evidence")
	if h == nil {
		return false, nil
	}
	file, err := h.Open()
	if err != nil {
		return false, fault.New(fault.Invalid, "import.evidence.empty").At("evidence").Because(err)
	}
	defer file.Close()
	_, err = importer.Attach(r.Context(), p.DB, r.Who, id, h.Filename, file)
	return err == nil, err
}

// chosen is what the page of options shows.
type chosen struct {
	i     importer.Import
	lists []list.List
	word  bool // some rows have no better proof than the word of an owner or admin
	signs bool // the member may give theirs
}

func (p *Pages) options(r *shell.Request) error {
	i, moved, err := p.ofPeople(r, importer.Sourced)
	if err != nil || moved {
		return err
	}
	f := shell.NewForm("version", dec(i.Version), "existing", string(i.Options.Existing))
	if i.List != 0 {
		f.Values.Set("list", dec(i.List))
	}
	if i.DeclaredBy == r.Member.ID && i.DeclaredBy != 0 {
		f.Values.Set("declare", "1")
	}
	return p.optionsAgain(r, i, f, http.StatusOK)
}

func (p *Pages) optionsAgain(r *shell.Request, i importer.Import, f *shell.Form, status int) error {
	c := chosen{i: i, signs: r.Member.Role == shell.Owner || r.Member.Role == shell.Admin}
	err := p.view(r, func(v *store.View) (err error) {
		all, err := list.InUse(v)
		for _, l := range all {
			if l.Kind == list.Mail {
				c.lists = append(c.lists, l)
			}
		}
		if err == nil {
			c.word, err = importer.NeedsWord(v, i)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(c.lists) == 0 {
		f.Values.Set("list", "new")
	}
	return r.Render(status, optionsPage(r, c, f))
}

func (p *Pages) optionsPost(r *shell.Request) error {
	i, moved, err := p.ofPeople(r, importer.Sourced)
	if err != nil || moved {
		return err
	}
	f, err := r.Form(64 << 10)
	if err != nil {
		return err
	}
	version, _ := f.Int("version")
	err = p.write(r, func(tx *store.Tx) (err error) {
		to, _ := f.Int("list")
		if f.Get("list") == "new" {
			if !r.May(shell.ListsWrite) {
				return fault.New(fault.Forbidden, "import.options.list").At("list")
			}
			if f.Get("new_list") == "" {
				return fault.New(fault.Invalid, "import.options.new_list").At("new_list")
			}
			purpose := f.Get("new_purpose")
			if purpose == "" {
				return fault.New(fault.Invalid, "import.options.new_purpose").At("new_purpose")
			}
			if to, err = list.EnsureNamed(tx, purpose, f.Get("new_list")); err != nil {
				return onto(err, "new_list")
			}
		}
		return importer.Choose(tx, i.ID, version, importer.Choice{List: to, Options: importer.Options{Existing: importer.Existing(f.Get("existing"))}, Declare: f.Checked("declare")})
	})
	if f.Take(err) {
		return p.optionsAgain(r, i, f, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(i.ID, "/summary"))
}

// onto moves faults of a verb to the field of this page.
func onto(err error, field string) error {
	all := fault.All(err)
	if all[0].Kind == fault.Internal {
		return err
	}
	return all[0].At(field)
}

// outlook is what the summary shows.
type outlook struct {
	i       importer.Import
	list    list.List
	preview importer.Preview
	way     way
	soon    *importer.Forecast // what the import would do; nil while that is being counted
	count   job.Task
	basis   consent.Basis
	scope   string              // of refusals: how far they go
	asks    []contact.Attribute // that look sensitive
}

func (p *Pages) summary(r *shell.Request) error {
	i, moved, err := p.step(r, importer.Ready)
	if err != nil || moved {
		return err
	}
	return p.summaryAgain(r, i, way{}, http.StatusOK)
}

func (p *Pages) summaryAgain(r *shell.Request, i importer.Import, w way, status int) (err error) {
	o := outlook{i: i, basis: i.Origin.Why(), way: w}
	if err := p.view(r, func(v *store.View) (err error) {
		if i.Refusing() {
			o.scope, err = scopeName(r, v, i)
			return err
		}
		if o.list, err = list.Get(v, i.List); err == nil {
			o.asks, err = sensitive(v, i)
		}
		return err
	}); err != nil {
		return err
	}
	if o.soon, o.count, err = importer.Foretold(r.Context(), p.DB, r.Who, i); err != nil {
		return err
	}
	if o.soon == nil {
		if o.preview, err = importer.Foresee(r.Context(), p.DB, r.Who, i); err != nil {
			return err
		}
	}
	if i.Refusing() {
		return r.Render(status, refusalsSummaryPage(r, o))
	}
	return r.Render(status, summaryPage(r, o))
}

// forecast hands out what an import would do: its counts, and the lines of the report it would make.
func (p *Pages) forecast(r *shell.Request) error {
	i, moved, err := p.step(r, importer.Ready)
	if err != nil || moved {
		return err
	}
	f, _, err := importer.Foretold(r.Context(), p.DB, r.Who, i)
	if err != nil {
		return err
	}
	if f == nil { // it is still being counted
		return r.Redirect(http.StatusSeeOther, at(i.ID, "/summary"))
	}
	var b bytes.Buffer
	b.WriteString("\xef\xbb\xbf") // spreadsheets take it for Windows-1252 otherwise
	c := csv.NewWriter(&b)
	for _, t := range soonTiles(r, i, f.Counts) {
		if err := c.Write([]string{t.Label, t.Value}); err != nil {
			return err
		}
	}
	for _, t := range append(lackFacts(r, lacking(f.Counts)), withheldFacts(r, f.Counts)...) {
		if err := c.Write([]string{t.Label, t.Text}); err != nil {
			return err
		}
	}
	if err := c.Write([]string{""}); err != nil {
		return err
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return err
	}
	err = importer.WriteNotes(&b, r.P, func(after int64) ([]importer.Note, error) {
		if after >= 0 {
			return nil, nil
		}
		return f.Notes, nil
	})
	if err != nil {
		return err
	}
	return r.Download(strings.TrimSuffix(i.Name, ".csv")+"-forecast.csv", "text/csv; charset=utf-8", &b)
}

func (p *Pages) forecastPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	err = p.write(r, func(tx *store.Tx) error { return importer.Refresh(tx, id) })
	if err != nil && !fault.Is(err, fault.Conflict) { // it began meanwhile: its page says so
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(id, "/summary"))
}

// why says what this file shows by itself of where its people come from.
func why(r *shell.Request, i importer.Import) shell.Why {
	w := shell.Why{Step: "import", Article: "import", Tone: shell.Waiting, State: r.P.N("importer.why.bare", int(i.Survey.Rows), "n", r.P.Number(i.Survey.Rows))}
	if i.Mapping.Index(importer.ConsentAt) >= 0 || i.Mapping.Index(importer.ConfirmAt) >= 0 {
		n := max(i.Survey.Says(i.Mapping.Index(importer.ConsentAt)), i.Survey.Says(i.Mapping.Index(importer.ConfirmAt)))
		w.State = r.P.N("importer.why.moments", int(i.Survey.Rows), "n", r.P.Number(i.Survey.Rows), "with", r.P.Number(n))
		if n == i.Survey.Rows {
			w.Tone = shell.Good
		}
	}
	return w
}
