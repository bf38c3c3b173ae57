// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"consend/internal/ground/actor"
	"consend/internal/ground/blob"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/contact"
	"consend/internal/people/importer/sheet"
	"consend/internal/people/list"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// File is what was sent, and what a first look told of it.
type File struct {
	Name   string
	Blob   int64 // 0 when the command line reads it from where it lies
	Size   int64
	SHA256 []byte
	Survey sheet.Survey

	Refusals bool // of people who must not be written to
}

// Make takes a file in as a draft, with the mapping that could be guessed.
func Make(tx *store.Tx, f File) (int64, error) {
	options := Options{Existing: Fill}
	if f.Refusals {
		options.Refusals = &Refusals{}
	}
	shape, m := options.guess(f.Survey)
	if before, err := again(tx, 0, f.Survey, f.Refusals); err != nil {
		return 0, err
	} else if before != nil {
		m = before
	}
	o := Origin{}
	if shape != Plain && !f.Refusals {
		o = Origin{Kind: Tool, Where: shape.Tool(), How: "signed_up"}
	}
	id := tx.ID()
	entry, err := trace.Append(tx, trace.Act{Action: "import.upload", Object: "import", ObjectID: id, Clear: proof.Fields{
		"sha256": hex.EncodeToString(f.SHA256), "size": dec(f.Size), "rows": dec(f.Survey.Rows), "shape": string(shape), "refusals": strconv.FormatBool(f.Refusals)}})
	if err != nil {
		return 0, err
	}
	by := int64(0)
	if tx.Who.Kind == actor.Member {
		by = tx.Who.ID
	}
	tx.Do(add, id, title(f.Name), f.Blob, f.Size, f.SHA256, text(f.Survey.Format), text(surveyOf(f.Survey)), shape, text(m), text(o), text(options),
		text(Cursor{}), text(Counts{}), by, legalclock.Day(tx.Now, utc).AddDays(fileKept).End(utc), entry)
	return id, nil
}

func surveyOf(s sheet.Survey) Survey {
	return Survey{Header: s.Header, Width: s.Width, Rows: s.Rows, Broken: s.Broken, Twice: s.Twice, Filled: s.Filled}
}

// title keeps the last part of a file's name, without what can't be shown.
func title(s string) string {
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	s = tidy(strings.ToValidUTF8(s, "…"))
	if r := []rune(s); len(r) > 120 {
		s = string(r[:60]) + "…" + string(r[len(r)-59:])
	}
	if strings.TrimSpace(s) == "" || !utf8.ValidString(s) {
		return "contacts.csv"
	}
	return s
}

// draft locks an import that can still be changed and whose page is the newest.
func draft(tx *store.Tx, id, version int64) (Import, error) {
	i, err := lock(tx, id)
	switch {
	case err != nil:
		return i, err
	case !i.State.Editable():
		return i, fault.New(fault.Conflict, "import.started")
	case i.Version != version:
		return i, fault.New(fault.Conflict, "import.changed")
	}
	return i, nil
}

// Check settles how the file is written. The survey is one made with that format.
func Check(tx *store.Tx, id, version int64, s sheet.Survey) error {
	i, err := draft(tx, id, version)
	if err != nil {
		return err
	}
	shape, m := i.Shape, i.Mapping
	if s.Format != i.Format || len(m) != s.Width { // read another way, columns are others
		shape, m = i.Options.guess(s)
		before, err := again(tx, id, s, i.Refusing())
		if err != nil {
			return err
		}
		if before != nil {
			m = before
		}
		tx.Do(takeWordBack, id) // it was given on other columns
	}
	tx.Do(setFormat, text(s.Format), text(surveyOf(s)), shape, text(m), id)
	_, err = trace.Append(tx, trace.Act{Action: "import.check", Object: "import", ObjectID: id, Clear: proof.Fields{
		"encoding": string(s.Format.Encoding), "rows": dec(s.Rows), "columns": dec(int64(s.Width))}})
	return err
}

// Map gives columns their meaning. An owner's word that was given on other meanings is taken back.
func Map(tx *store.Tx, id, version int64, m Mapping) error {
	i, err := draft(tx, id, version)
	if err != nil {
		return err
	}
	if !i.State.Reached(Checked) {
		return fault.New(fault.Conflict, "import.step")
	}
	for k := range m {
		if m[k].To == Attribute {
			m[k].Attribute = contact.AttributeName(m[k].Attribute)
		} else {
			m[k] = Column{To: m[k].To, Month: m[k].Month}
		}
	}
	if len(m) != i.Survey.Width {
		return fault.New(fault.Conflict, "import.changed")
	}
	if err := m.Check(); err != nil {
		return err
	}
	if i.Refusing() {
		if err := m.checkRefusals(); err != nil {
			return err
		}
	}
	if err := m.fits(tx); err != nil {
		return err
	}
	to := later(i.State, Mapped)
	if i.DeclaredBy != 0 && !m.same(i.Mapping) { // the word was given on what was read before
		to = Sourced
		tx.Do(takeWordBack, id)
	}
	tx.Do(setMapping, text(m), to, id)
	_, err = trace.Append(tx, trace.Act{Action: "import.map", Object: "import", ObjectID: id, Clear: m.fields()})
	return err
}

// attribute is the attribute a column is written to; "" is none.
func (c Column) attribute() string {
	switch c.To {
	case Attribute:
		return contact.AttributeName(c.Attribute)
	case FirstName:
		return FirstNameAttribute
	case LastName:
		return LastNameAttribute
	}
	return ""
}

// fits tells whether the account has room for the attributes that a file would add. The fault belongs to the
// first column for which there is none.
func (m Mapping) fits(r store.Reader) error {
	all, err := contact.AllAttributes(r)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, a := range all {
		have[a.Name] = true
	}
	over := -1
	for k, c := range m {
		if n := c.attribute(); n != "" && !have[n] {
			if have[n] = true; len(have) > contact.MaxAttributes && over < 0 {
				over = k
			}
		}
	}
	if over < 0 {
		return nil
	}
	return fault.New(fault.Invalid, "import.mapping.no_room", "have", len(all), "more", len(have)-len(all), "limit", contact.MaxAttributes).At("column." + dec(int64(over)))
}

// same tells whether columns are read as in another mapping.
func (m Mapping) same(o Mapping) bool {
	return slices.EqualFunc(m, o, func(a, b Column) bool { a.Collect, b.Collect = false, false; return a == b })
}

// fields says in the trace which kinds of data are taken in, not a cell of them.
func (m Mapping) fields() proof.Fields {
	var kinds []string
	n := 0
	for _, c := range m {
		switch c.To {
		case Skip:
		case Attribute:
			n++
		default:
			kinds = append(kinds, string(c.To))
		}
	}
	return proof.Fields{"fields": strings.Join(kinds, ","), "attributes": dec(int64(n))}
}

// Tell says where the people come from. The import can't go on without it (GDPR 7(1), 14). An
// owner's word that was given on another origin is taken back.
func Tell(tx *store.Tx, id, version int64, o Origin) error {
	i, err := draft(tx, id, version)
	if err != nil {
		return err
	}
	if !i.State.Reached(Mapped) || i.Refusing() {
		return fault.New(fault.Conflict, "import.step")
	}
	zone, rules, err := rulesOf(tx)
	if err != nil {
		return err
	}
	if err := o.Check(tx.Now, zone); err != nil {
		return err
	}
	if i.Evidence == 0 && o.over(i.MadeAt, tx.Now, zone, rules, true) { // GDPR 14(3)(a) is over: nothing may wait
		return fault.New(fault.Invalid, "import.origin.month_over").At("to")
	}
	to := later(i.State, Sourced)
	if i.DeclaredBy != 0 && o != i.Origin { // the word was given on what stood here
		to = Sourced
		tx.Do(takeWordBack, id)
	}
	tx.Do(setOrigin, text(o), to, id)
	_, err = trace.Append(tx, trace.Act{Action: "import.origin", Object: "import", ObjectID: id, Clear: o.fields()})
	return err
}

func (o Origin) fields() proof.Fields {
	f := proof.Fields{"origin": string(o.word()), "basis": string(o.basis())}
	for n, v := range map[string]string{"from": o.From, "to": o.To, "how": o.How, "refusal": o.Refusal, "similar": o.Similar, "lacks": o.lacks()} {
		if v != "" {
			f[n] = v
		}
	}
	return f
}

// later keeps the state an import has reached when an earlier step is taken again.
func later(have, step State) State {
	if rank[have] > rank[step] {
		return have
	}
	return step
}

func dec(n int64) string { return strconv.FormatInt(n, 10) }

// Choice is the last step before the summary.
type Choice struct {
	List    int64
	Options Options
	Declare bool // the member gives their word for the rows without other proof
}

// Choose settles list and options, and takes the word of an owner or admin for rows without
// other proof. Anybody else may go on without: those rows wait.
func Choose(tx *store.Tx, id, version int64, c Choice) error {
	i, err := draft(tx, id, version)
	if err != nil {
		return err
	}
	if !i.State.Reached(Sourced) || i.Refusing() {
		return fault.New(fault.Conflict, "import.step")
	}
	var bad fault.Many
	switch c.Options.Existing {
	case Fill, Replace, Keep:
	default:
		bad = append(bad, fault.New(fault.Invalid, "import.options.existing").At("existing"))
	}
	if ok, err := usable(tx, c.List); err != nil {
		return err
	} else if !ok {
		bad = append(bad, fault.New(fault.Invalid, "import.options.list").At("list"))
	}
	if c.Declare && !signs(tx.Who) {
		bad = append(bad, fault.New(fault.Forbidden, "import.options.declare").At("declare"))
	}
	if len(bad) > 0 {
		return bad
	}
	by, at := int64(0), legalclock.Moment(0)
	if c.Declare {
		by, at = tx.Who.ID, tx.Now
	}
	tx.Do(setChoice, c.List, text(c.Options), by, at, id)
	if err := foretell(tx, i); err != nil {
		return err
	}
	return choseAct(tx, id, c, by)
}

// usable tells whether people can be put on a list.
func usable(r store.Reader, id int64) (bool, error) {
	l, err := list.Get(r, id)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return l.RetiredAt == 0 && l.Kind == list.Mail, err
}

func choseAct(tx *store.Tx, id int64, c Choice, by int64) error {
	f := proof.Fields{"list": dec(c.List), "existing": string(c.Options.Existing)}
	if by != 0 {
		f["declared_by"] = dec(by)
	}
	_, err := trace.Append(tx, trace.Act{Action: "import.choose", Object: "import", ObjectID: id, Clear: f})
	return err
}

// Begin starts an import that is ready, or goes on with one that was stopped or failed.
// Attributes that are new are made here. With a queue the work is a task of its own.
// Faults: import.step, import.undone, import.releasing, import.file.gone, import.origin.month_over,
// import.options.list and import.list.retired (the list was retired since), contact.attribute.many.
func Begin(tx *store.Tx, id int64, queue bool) error {
	i, err := lock(tx, id)
	if err != nil {
		return err
	}
	switch i.State {
	case Ready, Stopped, Failed:
	default:
		return fault.New(fault.Conflict, "import.step")
	}
	if i.UndoTask != 0 {
		return fault.New(fault.Conflict, "import.undone")
	}
	if err := notReleasing(tx, id); err != nil {
		return err
	}
	if queue && i.Blob == 0 {
		return fault.New(fault.Gone, "import.file.gone")
	}
	if !i.Refusing() {
		if ok, err := usable(tx, i.List); err != nil {
			return err
		} else if !ok && i.State == Ready {
			return fault.New(fault.Invalid, "import.options.list").At("list")
		} else if !ok {
			return fault.New(fault.Invalid, "import.list.retired").At("list")
		}
	}
	zone, rules, err := rulesOf(tx)
	if err != nil {
		return err
	}
	until := i.WaitsUntil
	if until == 0 && !i.Refusing() {
		if until = i.Origin.WaitsUntil(i.MadeAt, zone, rules); until <= tx.Now {
			if g, _ := grade(i.Origin, rules, false, i.Evidence != 0, i.DeclaredBy != 0); g == "" {
				return fault.New(fault.Invalid, "import.origin.month_over").At("to")
			}
		}
	}
	var want []contact.Attribute
	for _, c := range i.Mapping {
		if c.To == Attribute {
			want = append(want, contact.Attribute{Name: c.Attribute, Type: c.Type})
		}
	}
	if i.Mapping.Index(FirstName) >= 0 {
		want = append(want, contact.Attribute{Name: FirstNameAttribute, Type: contact.TypeText})
	}
	if i.Mapping.Index(LastName) >= 0 {
		want = append(want, contact.Attribute{Name: LastNameAttribute, Type: contact.TypeText})
	}
	if i.State == Ready {
		if err := collect(tx, i); err != nil {
			return err
		}
	}
	if _, err := contact.EnsureAttributes(tx, want); err != nil {
		return err
	}
	task := int64(0)
	if queue {
		task = job.Start(tx, RunKind, id)
	}
	tx.Do(setBegun, task, until, id)
	_, err = trace.Append(tx, trace.Act{Action: "import.start", Object: "import", ObjectID: id, Clear: proof.Fields{
		"list": dec(i.List), "declared_by": dec(i.DeclaredBy), "evidence": dec(i.Evidence), "row": dec(i.Counts.Rows)}})
	return err
}

// collect marks the columns whose values become choices, for as long as the import runs.
func collect(tx *store.Tx, i Import) error {
	all, err := contact.AllAttributes(tx)
	if err != nil {
		return err
	}
	if i.collects(all) {
		tx.Do(setMapping, text(i.Mapping), i.State, i.ID)
	}
	return nil
}

// collects marks the columns of attributes that are new or have no choices: their values become choices.
// Those of any other are held against what the account declared. It tells whether there are any.
func (i *Import) collects(all []contact.Attribute) (found bool) {
	for k, c := range i.Mapping {
		at := slices.IndexFunc(all, func(a contact.Attribute) bool { return a.Name == c.Attribute })
		if at >= 0 && c.To == Attribute {
			c.Type = all[at].Type
		}
		if c.chooses() && (at < 0 || len(all[at].Choices) == 0) {
			i.Mapping[k].Collect, found = true, true
		}
	}
	return found
}

// Stop stops a running import after the step it is in. What is written stays; it can go on.
func Stop(tx *store.Tx, id int64) error {
	if _, err := Get(tx, id); err != nil {
		return err
	}
	n, err := tx.Exec(setStopped, id)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "import.not_running")
	}
	_, err = trace.Append(tx, trace.Act{Action: "import.stop", Object: "import", ObjectID: id})
	return err
}

// Discard throws a draft away, with its file and its evidence.
func Discard(tx *store.Tx, id int64) error {
	i, err := lock(tx, id)
	if err != nil {
		return err
	}
	if !i.State.Editable() {
		return fault.New(fault.Conflict, "import.started")
	}
	files, err := EvidenceOf(tx, id)
	if err != nil {
		return err
	}
	for _, e := range files {
		if err := blob.Delete(tx, e.Blob); err != nil {
			return err
		}
	}
	if i.Blob != 0 {
		if err := blob.Delete(tx, i.Blob); err != nil {
			return err
		}
	}
	tx.Do(removeEvidence, id)
	tx.Do(remove, id)
	_, err = trace.Append(tx, trace.Act{Action: "import.discard", Object: "import", ObjectID: id})
	return err
}

// rulesOf gives the account's zone and the rules that hold for it now.
func rulesOf(r store.Reader) (*time.Location, *rulepack.Rules, error) {
	a, err := account.Get(r)
	if err != nil {
		return nil, nil, err
	}
	rules, err := rulepack.For(r)
	return a.Location(), rules, err
}
