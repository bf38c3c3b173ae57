// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/trace/proof"
)

// step writes one batch in one transaction: people, what is new about them, one event each
// in the ledger, one set act in the trace, notes of the report, and who waits.
type step struct {
	w      *writer
	tx     *store.Tx
	b      *batch
	listed int64 // lines of the report that this transaction wrote before
	counts Counts
	people []contact.Row
	waits  []bool // by row: the claim will wait for proof, and what the row says with it
	room   *room
}

// room is what a goroutine that writes uses again for each batch.
type room struct {
	news   []contact.New
	events []consent.Event
	people contact.Desk
	desk   consent.Desk
}

func (s *step) write() error {
	s.counts.Rows, s.counts.Refused, s.counts.Doubled = s.b.read, s.b.refused, s.b.doubled
	if err := s.newChoices(); err != nil {
		return err
	}
	notes := s.b.notes
	if len(s.b.rows) > 0 && s.w.i.Refusing() {
		if err := s.refuse(); err != nil {
			return err
		}
	} else if len(s.b.rows) > 0 {
		events, err := s.ensure()
		if err != nil {
			return err
		}
		if err := s.refusals(); err != nil { // before the events, which then meet them
			return err
		}
		results, err := s.room.desk.Apply(s.tx, events)
		if err != nil {
			return err
		}
		if s.w.i.Options.Existing != Keep {
			if err := s.fill(results); err != nil {
				return err
			}
		}
		more, err := s.count(results)
		if err != nil {
			return err
		}
		unmeasured, err := s.measure(results)
		if err != nil {
			return err
		}
		more = append(more, unmeasured...)
		notes = append(notes[:len(notes):len(notes)], more...)
	}
	return s.note(notes)
}

// ensure finds or makes the people, brings in what is new about those who were here, and
// gives one event for each row.
func (s *step) ensure() ([]consent.Event, error) {
	rows := s.b.rows
	entry := s.tx.ID()
	asked := 0 // and said before a no
	for i := range rows {
		_, n := rows[i].before()
		asked += n
	}
	index := func(i int) int {
		if len(rows)+asked == 1 {
			return proof.Whole
		}
		return i
	}
	if err := s.waiting(s.tx); err != nil {
		return nil, err
	}
	news := slices.Grow(s.room.news[:0], len(rows))[:len(rows)]
	s.room.news = news
	for i := range rows {
		r := &rows[i]
		news[i] = contact.New{Email: r.email, Name: pii.T(r.name), Attributes: r.attributes, Language: r.language, Country: r.country,
			Source: "import", ActiveAt: cmp.Or(r.at, s.w.from), NoticeDueAt: s.w.due, Entry: entry, EntryIndex: index(i), Keyed: r.sealed()}
		if s.waits[i] {
			news[i].Name, news[i].Attributes, news[i].Keyed = pii.Text{}, nil, r.sealed() || r.tells()
		}
	}
	people, err := s.room.people.Ensure(s.tx, news)
	if err != nil {
		return nil, err
	}
	s.people = people
	if s.w.i.Options.Existing != Keep {
		if err := s.fill(nil); err != nil {
			return nil, err
		}
	}
	events := slices.Grow(s.room.events[:0], len(rows)+asked)[:len(rows)+asked]
	s.room.events = events
	for i := range rows {
		s.event(&events[i], &rows[i], people[i], entry)
	}
	k := len(rows) // behind them, so that a person's row and first event are the same member
	for i := range rows {
		acts, n := rows[i].before()
		for _, a := range acts[:n] {
			e := &events[k]
			s.claim(e, &rows[i], people[i], entry)
			e.OccurredAt, e.Origin, e.Past = a.at, from(a.ip), rows[i].said != nothing
			if a.at == 0 {
				e.OccurredAt = s.w.from
			}
			k++
		}
	}
	return events, nil
}

// waiting finds the rows whose claim will wait for proof. What they say about people who are new is kept under
// the person's key until it comes: nobody is described, chosen or exported by it before (compliance R02).
func (s *step) waiting(v store.Reader) error {
	rows := s.b.rows
	s.waits = make([]bool, len(rows))
	var at []int
	var claims []consent.Event
	for i := range rows {
		r := &rows[i]
		s.waits[i] = r.ungraded()
		if r.said == nothing && r.grade != "" && (r.basis != "" || s.w.i.Origin.Basis != consent.ByConsent) {
			var e consent.Event
			s.event(&e, r, contact.Row{Country: r.country}, 0)
			at, claims = append(at, i), append(claims, e)
		}
	}
	if len(claims) == 0 {
		return nil
	}
	lacks, err := consent.Lacking(v, s.w.list, claims)
	for k, l := range lacks {
		s.waits[at[k]] = l != ""
	}
	return err
}

// ungraded tells whether the row is a claim that nothing shows: it waits.
func (r *row) ungraded() bool { return r.said == nothing && r.grade == "" }

// tells whether the row says more about the person than where to write to.
func (r *row) tells() bool { return r.name != "" || len(r.attributes) > 0 }

// sealed tells whether something of the row is kept under the person's key.
func (r *row) sealed() bool {
	if r.said != nothing {
		acts, n := r.before()
		return slices.ContainsFunc(acts[:n], func(a act) bool { return !a.ip.IsZero() })
	}
	return !(r.ip.IsZero() && r.askedIP.IsZero())
}

// fill brings in what the rows tell of people who were here.
func (s *step) fill(results []consent.Result) error {
	n, err := contact.Fill(s.tx, s.fills(results), s.w.i.Options.Existing == Replace, s.w.i.ID)
	s.counts.Changed += n
	return err
}

// fills is what the rows tell of people who were here: before their claims are judged, by which country and in which
// language, and the rest of those that don't wait; then the rest of those that would have waited, and don't, since the
// person stands on the list already.
func (s *step) fills(results []consent.Result) (out []contact.Filling) {
	for i := range s.people {
		p, r := &s.people[i], &s.b.rows[i]
		if p.Created || r.again || results != nil && (!s.waits[i] || results[i].After.Status == consent.Waiting) {
			continue
		}
		f := contact.Filling{Row: p}
		if results == nil {
			f.Language, f.Country = r.language, r.country
		}
		if results != nil || !s.waits[i] {
			f.Name, f.Attributes = pii.T(r.name), r.attributes
		}
		out = append(out, f)
	}
	return out
}

// act is a yes of the person that a row tells beside what it says now.
type act struct {
	at legalclock.Moment
	ip pii.IP
}

// before gives the acts of the person that the row tells beside its own event, each with its own proof: the form that was
// sent, where the mailbox confirmed it later (the confirmation carries the subscription), and of who left what they had
// said yes to, which proves that mail they got was asked for and brings nobody back.
func (r *row) before() (acts [2]act, n int) {
	add := func(at legalclock.Moment, ip pii.IP) {
		acts[n] = act{at, ip}
		n++
	}
	asked := r.asked != 0 || !r.askedIP.IsZero()
	switch {
	case r.again:
	case r.said == nothing:
		if asked {
			add(r.asked, r.askedIP)
		}
	default:
		if r.at != 0 && r.said != bounced { // the event of who bounced is a claim already
			add(r.at, r.ip)
		}
		if asked && r.asked != 0 {
			add(r.asked, r.askedIP)
		}
	}
	return acts, n
}

// from is where an act of an import came from: as the other tool wrote it down.
func from(ip pii.IP) consent.Origin {
	if ip.IsZero() {
		return consent.Origin{}
	}
	return consent.Origin{IP: ip, Source: "import"}
}

func (s *step) event(e *consent.Event, r *row, p contact.Row, entry int64) {
	switch r.said {
	case left, blocked:
		s.bare(e, r, p, entry)
		e.Kind, e.OccurredAt, e.Page, e.Text = consent.Withdraw, r.saidAt, s.w.i.Origin.source(), r.reason
	case complain:
		s.bare(e, r, p, entry)
		e.Kind, e.OccurredAt, e.Page, e.Text = consent.Complain, r.saidAt, s.w.i.Origin.source(), r.reason
	default:
		s.claim(e, r, p, entry)
	}
}

// bare is what all events of a row say.
func (s *step) bare(e *consent.Event, r *row, p contact.Row, entry int64) {
	i := &s.w.i
	*e = consent.Event{Contact: p.ID, List: i.List, Kind: consent.Give, Source: "import", Method: r.method, Import: i.ID, ImportRow: int64(r.line), Row: p, Entry: entry}
}

// claim is a yes that the row tells.
func (s *step) claim(e *consent.Event, r *row, p contact.Row, entry int64) {
	s.bare(e, r, p, entry)
	i := &s.w.i
	o := i.Origin
	if r.basis != "" {
		o.Basis = r.basis
	}
	e.Basis, e.BasisRef, e.OptOutOffered = o.basis(), o.ref(), o.Refusal == "yes"
	if r.unclear == "basis_unclear" || r.unclear == "basis_and_country_unclear" {
		e.Basis, e.BasisRef = "", ""
	}
	e.BasisFamily = o.products(s.w.list)
	e.Grade, e.Lacks = r.grade, r.lacks
	e.OccurredAt, e.Page, e.Text = r.at, r.source, r.words
	if e.OccurredAt == 0 {
		e.OccurredAt = s.w.from
	}
	e.Origin = from(r.ip)
	e.NoteVersion, e.Note = s.w.note, nil
	if r.grade == consent.GradeD {
		e.DeclaredBy = i.DeclaredBy
	}
	if i.Evidence != 0 {
		e.Evidence, e.EvidenceHash = i.Evidence, s.w.evidence.SHA256
	}
}

// refusals puts what the rows themselves say against mailing on the do-not-mail list: it
// outlives list and contact. It counts from the moment the row tells: who said yes here since stays. What binds already is left as it is.
func (s *step) refusals() error {
	var told []consent.Told
	for i := range s.b.rows {
		if r := &s.b.rows[i]; r.said != nothing {
			cause, scope := s.goes(r.said)
			told = append(told, consent.Told{Email: r.email, Cause: cause, Scope: scope, Since: r.since()})
		}
	}
	if len(told) > 0 {
		if _, err := consent.RefuseSet(s.tx, told, s.w.i.ID); err != nil {
			return err
		}
	}
	return nil
}

// goes tells why and how far a no of a row stands on the do-not-mail list.
func (s *step) goes(by said) (consent.Cause, consent.Scope) {
	switch by {
	case left:
		return consent.Unsubscribed, consent.Scope{Reach: consent.OneList, ID: s.w.i.List}
	case bounced:
		return consent.HardBounce, consent.Everything
	case complain:
		return consent.Complained, consent.Everything
	}
	return consent.Imported, consent.Everything
}

// since is when the no of the row was said, 0 where it doesn't tell.
func (r *row) since() legalclock.Moment {
	if r.said == bounced {
		return r.bouncedAt
	}
	return r.saidAt
}

// count sorts the rows by what became of them, and notes who waits.
func (s *step) count(results []consent.Result) ([]note, error) {
	notes, waiting := s.sort(results)
	rows := make([][]any, len(waiting))
	for k, i := range waiting {
		p := &s.people[i]
		sealed, err := s.seal(i)
		if err != nil {
			return nil, err
		}
		rows[k] = []any{s.w.i.ID, p.ID, s.b.rows[i].line, results[i].Lacks, made(p.Created, s.b.rows[i].shows), sealed}
	}
	_, err := s.tx.Load(addWaiting, rows)
	return notes, err
}

// measure writes down what people answered elsewhere about measuring, opens and clicks alike: a no from everybody, a
// yes from those who are on the list, with what shows it (docs/adr/0021).
func (s *step) measure(results []consent.Result) (notes []note, err error) {
	if s.w.measures == nil {
		return nil, nil
	}
	yes, no := s.answered(results)
	s.counts.Unmeasured = int64(len(no))
	live := map[int64]consent.Measured{}
	for some := range slices.Chunk(no, 1000) {
		ids := make([]int64, len(some))
		for k, i := range some {
			ids[k] = s.people[i].ID
		}
		now, err := consent.Tracking(s.tx, ids)
		if err != nil {
			return nil, err
		}
		maps.Copy(live, now)
	}
	var refused []contact.Row
	var dated []int
	for _, i := range no {
		if s.b.rows[i].measuresAt != 0 {
			dated = append(dated, i)
		} else {
			refused = append(refused, s.people[i])
		}
	}
	var events []consent.Event
	for _, what := range list.Measured() {
		scope := consent.Scope{Reach: consent.OneList, ID: s.w.measures[what].ID} // it outlives the contact
		if len(refused) > 0 {
			if err := consent.SuppressSet(s.tx, refused, consent.Unsubscribed, scope, s.w.i.ID); err != nil {
				return nil, err
			}
		}
		if len(dated) > 0 {
			told := make([]consent.Told, len(dated))
			for k, i := range dated {
				told[k] = consent.Told{Email: s.b.rows[i].email, Cause: consent.Unsubscribed, Scope: scope, Since: s.b.rows[i].measuresAt}
			}
			if _, err := consent.RefuseSet(s.tx, told, s.w.i.ID); err != nil {
				return nil, err
			}
		}
		add := func(i int, e consent.Event) {
			r := &s.b.rows[i]
			e.Contact, e.List, e.Source, e.Method, e.Import, e.ImportRow = s.people[i].ID, s.w.measures[what].ID, "import", r.method, s.w.i.ID, int64(r.line)
			e.OccurredAt, e.Page, e.Text = r.measuresAt, r.measuresBy, r.measuresText
			events = append(events, e)
		}
		for _, i := range yes {
			basis := consent.ByConsent
			if s.b.rows[i].measures == informedOf {
				basis = consent.Informed
			}
			add(i, consent.Event{Kind: consent.Give, Basis: basis, Grade: consent.GradeB})
		}
		for _, i := range no {
			kind, was := consent.Refuse, live[s.people[i].ID]
			if what == list.Opens && was.Opens || what == list.Clicks && was.Clicks {
				kind = consent.Withdraw
			}
			add(i, consent.Event{Kind: kind})
		}
	}
	became, err := consent.Apply(s.tx, events)
	if err != nil {
		return nil, err
	}
	for k, i := range yes { // the first events are theirs; clicks go as opens do, but for a no of their own
		if became[k].Verdict.OK() {
			s.counts.Measured++
		} else {
			notes = append(notes, note{remark, s.b.rows[i].line, "import.row.measures_not", "", nil})
		}
	}
	for i := range s.b.rows {
		if r := &s.b.rows[i]; r.measures.yes() && r.said == nothing && !r.again && results[i].After.Status != consent.Given {
			notes = append(notes, note{remark, r.line, "import.row.measures_later", "", nil})
		}
	}
	return notes, nil
}

// answered gives the rows whose answer about measuring counts.
func (s *step) answered(results []consent.Result) (yes, no []int) {
	for i := range s.b.rows {
		switch r := &s.b.rows[i]; {
		case r.measures == unanswered:
		case r.measures == refusedIt:
			no = append(no, i)
		case r.said == nothing && !r.again && results[i].After.Status == consent.Given:
			yes = append(yes, i)
		}
	}
	return yes, no
}

// sort counts the rows by what became of them, and gives who may not be written to, and the rows that wait.
func (s *step) sort(results []consent.Result) (notes []note, waiting []int) {
	for i, res := range results[:len(s.b.rows)] {
		r, p := &s.b.rows[i], s.people[i]
		if !r.again {
			if p.Created {
				s.counts.Fresh++
			} else {
				s.counts.Known++
			}
		}
		switch {
		case r.said != nothing && r.said != bounced && res.Verdict == consent.Recorded && res.After.Said == consent.SaidYes:
			s.counts.Same++ // their own yes here is newer than the no of the file
		case r.again && res.Before.Status != consent.Given: // another row of theirs is counted: it is a duplicate
		case r.said != nothing:
			s.counts.Left++
		case res.Verdict == consent.Applied && res.After.Status == consent.Waiting:
			s.counts.Grades[""]++
			s.counts.waits(res.Lacks, 1)
			waiting = append(waiting, i)
		case res.Verdict == consent.Applied:
			s.counts.Grades[string(res.After.Grade)]++
		case res.Verdict == consent.Recorded:
			s.counts.Same++
		default:
			s.counts.Withheld[string(res.Verdict)]++
			notes = append(notes, note{kind: withheld, line: r.line, key: "import.withheld." + string(res.Verdict)})
		}
	}
	return notes, waiting
}

// seal gives what a row tells about somebody who waits, under their key; of whom was here only what the import
// is to bring in.
func (s *step) seal(i int) ([]byte, error) {
	r, p := &s.b.rows[i], &s.people[i]
	if !s.waits[i] || !r.tells() || !p.Created && s.w.i.Options.Existing == Keep {
		return nil, nil
	}
	key, err := p.Unlock(s.tx)
	if err != nil {
		return nil, err
	}
	return key.Seal(sealedAt(p.ID), contact.Filling{Name: pii.T(r.name), Attributes: r.attributes}.Pack())
}

func sealedAt(person int64) keys.AAD {
	return keys.AAD{Table: "import_waiting", Column: "sealed", Row: person}
}

// What is known of a row that waits: together, the number of its made.
const (
	came  = 1 // the person came with it
	shows = 2 // it has proof of its own: moment, and source, words or form
)

func made(created, own bool) (m int) {
	if created {
		m |= came
	}
	if own {
		m |= shows
	}
	return m
}

// note keeps the notes of the report, up to a limit for one import. Of a line's places the
// last is for whether the person may be written to.
func (s *step) note(notes []note) error {
	byLine := func(a, b note) int { return a.line - b.line }
	if !slices.IsSortedFunc(notes, byLine) { // what is learnt of a whole batch stands behind
		notes = slices.Clone(notes)
		slices.SortStableFunc(notes, byLine)
	}
	var rows [][]any
	k, line := int64(0), -1
	room := MaxNotes - s.w.listed() - s.listed
	for _, n := range notes {
		if n.kind == remark {
			s.counts.Remarks++
		}
		if n.line != line {
			k, line = 0, n.line
		}
		place := k
		if n.kind == withheld {
			place = notesOfLine - 1
		} else {
			k++
		}
		if int64(len(rows)) >= room || n.kind != withheld && place >= notesOfLine-1 {
			s.counts.Unlisted++
			continue
		}
		args := n.args
		if n.key == unknownValue && s.w.i.Blob == 0 { // the value stands in the report as long as the file is kept: it isn't
			n.key, args = unlistedValue, nil
		}
		if args == nil {
			args = []any{}
		}
		rows = append(rows, []any{s.w.i.ID, int64(n.line)*notesOfLine + place, n.line, n.kind, n.key, n.column, text(args)})
	}
	s.counts.Listed = int64(len(rows))
	_, err := s.tx.Load(addNotes, rows)
	return err
}

// What is none of an attribute's choices is named in the report as long as the file is kept that says it.
const (
	unknownValue  = "import.row.unknown"
	unlistedValue = "import.row.unlisted"
)

// MaxNotes is how many lines a report keeps of one import; beyond, they are only counted.
const MaxNotes = 10_000

const notesOfLine = 256

func (w *writer) listed() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts.Listed
}

// newChoices adds the choices that the rows bring to the attributes.
func (s *step) newChoices() error {
	want := s.choose()
	if len(want) == 0 {
		return nil
	}
	got, err := contact.EnsureAttributes(s.tx, want)
	if err != nil {
		return err
	}
	s.tx.AfterCommit(func() { // w.mu is held until the commit is known
		for _, a := range got {
			s.w.types[a.Name] = a
		}
	})
	return nil
}

// choose makes choices of the values of attributes that this import brings, and writes all in the
// spelling that came first. It gives the choices that are new.
func (s *step) choose() (want []contact.Attribute) {
	for _, c := range s.w.i.Mapping {
		if !s.w.learnt(c) {
			continue
		}
		l := s.w.learn(c)
		for i := range s.b.rows {
			r := &s.b.rows[i]
			v := r.attributes[c.Attribute].Raw()
			if v == "" {
				continue
			}
			got, all := l.value(v)
			if !all {
				s.b.notes = append(s.b.notes, note{remark, r.line, "import.row.choice", c.Attribute, []any{"limit", MaxChoices, "long", contact.MaxChoice}})
			}
			if got.IsZero() {
				delete(r.attributes, c.Attribute)
			} else {
				r.set(c.Attribute, got)
			}
		}
		if len(l.fresh) > 0 {
			want = append(want, contact.Attribute{Name: c.Attribute, Type: c.Type, Choices: l.fresh})
		}
	}
	return want
}

// MaxChoices is how many values an import gives a choice; what comes after is left out.
const MaxChoices = contact.MaxChoices

// learning is an attribute that gets its choices from a file.
type learning struct {
	of    contact.Attribute
	have  map[string]bool // folded
	fresh contact.Choices
}

func (w *writer) learn(c Column) *learning {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &learning{of: contact.Attribute{Type: c.Type, Choices: slices.Clone(w.types[c.Attribute].Choices)}, have: map[string]bool{}}
	for _, c := range l.of.Choices {
		l.have[strings.ToLower(c)] = true
	}
	return l
}

// value reads a value, whose choices are made where they are new. all is false when one can't be, and is left out.
func (l *learning) value(s string) (v contact.Value, all bool) {
	said, all := []string{s}, true
	if ways := contact.Split(s); l.of.Type == contact.TypeMultiple && len(ways) > 0 {
		said = ways[0]
		if t, _ := contact.TidyChoice(s); len(ways) > 1 && !l.have[strings.ToLower(t)] {
			said = ways[1]
		}
	}
	var known []string
	for _, c := range said {
		c, ok := contact.TidyChoice(c)
		if c == "" {
			continue
		}
		if f := strings.ToLower(c); ok && !l.have[f] && len(l.of.Choices) < MaxChoices {
			l.have[f] = true
			l.fresh, l.of.Choices = append(l.fresh, c), append(l.of.Choices, c)
		}
		if !ok || !l.have[strings.ToLower(c)] {
			all = false
			continue
		}
		known = append(known, c)
	}
	v, err := l.of.Pick(known)
	return v, all && err == nil
}
