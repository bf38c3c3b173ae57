// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/people/once"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// gathering is a proof on its way.
type gathering struct {
	*trace.Prover
	account account.Account
	say     locale.Printer
	contact contact.Contact
	who     trace.Person
	entries []trace.Entry // the person's entries, newest first
	pasts   []past

	events   map[int64][]proof.Event // by list
	order    []int64                 // lists, as they were met
	notes    map[int64]notice.Version
	records  map[int64][]consent.Record
	proved   map[int64]bool // entries that stand in an event
	texts    map[string]bool
	of       proof.Asked // a list or purpose the file is about alone
	all      bool        // every event is there
	attached []Attached  // files brought as further evidence
	file     proof.File
}

// past is an address the person had until a moment.
type past struct {
	until   legalclock.Moment
	address address.Address
}

// mostEntries bounds the other acts that a proof looks through.
const mostEntries = 500

func (g *gathering) person(id int64) error {
	var err error
	if g.contact, err = contact.Get(g.View, id); err != nil {
		return err
	}
	if g.contact.State.Ending() {
		return fault.New(fault.Gone, "contact.ending")
	}
	if g.who, err = contact.Person(g.View, id); err != nil {
		return err
	}
	if g.entries, err = trace.Search(g.View, trace.Question{Contact: id, Limit: mostEntries}); err != nil {
		return err
	}
	if g.attached, err = AttachedTo(g.View, id); err != nil {
		return err
	}
	for _, e := range slices.Backward(g.entries) {
		if e.Action != "contact.correct" {
			continue
		}
		v, err := trace.Values(keys.Of(g.View), g.Account(), e.ID, g.who, e.Sealed)
		if err != nil {
			return err
		}
		if a, err := address.Parse(v["before.email"]); v["before.email"] != "" && err == nil {
			g.pasts = append(g.pasts, past{e.At, a})
		}
	}
	return nil
}

// addresses gives what the person's address may have been at a moment, the likeliest first.
func (g *gathering) addresses(at legalclock.Moment) []address.Address {
	var out, rest []address.Address
	for _, p := range g.pasts {
		if at <= p.until && out == nil {
			out = append(out, p.address)
		} else {
			rest = append(rest, p.address)
		}
	}
	return append(append(out, g.contact.Email), rest...)
}

// ledger proves every event of the person.
func (g *gathering) ledger() error {
	records, err := consent.Events(g.View, g.contact.ID)
	if err != nil {
		return err
	}
	g.all = len(records) < consent.MostEvents
	if records, err = g.within(records); err != nil {
		return err
	}
	if len(records) == 0 {
		return fault.New(fault.NotFound, "evidence.none")
	}
	origins, err := consent.Origins(g.View, g.contact.ID, records)
	if err != nil {
		return err
	}
	g.events, g.records = map[int64][]proof.Event{}, map[int64][]consent.Record{}
	g.notes, g.proved, g.texts = map[int64]notice.Version{}, map[int64]bool{}, map[string]bool{}
	for i := range records {
		r := &records[i]
		if _, met := g.events[r.ListID]; !met {
			g.order = append(g.order, r.ListID)
		}
		if r.PurposeID, err = g.purpose(r.ListID); err != nil {
			return err
		}
		e, err := g.event(r, origins[i])
		if err != nil {
			return err
		}
		if err := g.embed(r); err != nil {
			return err
		}
		if e.Words, err = g.sentence(r); err != nil {
			return err
		}
		g.events[r.ListID] = append(g.events[r.ListID], e)
		g.records[r.ListID] = append(g.records[r.ListID], *r)
		g.proved[r.EntryID] = true
	}
	return nil
}

// within keeps the events of what the file is about. A list is whole or not there: else nobody sees that nothing is left out.
func (g *gathering) within(records []consent.Record) (out []consent.Record, err error) {
	then := map[int64]bool{}
	for _, r := range records {
		then[r.ListID] = then[r.ListID] || !g.of.Narrow || g.of.During(r.RecordedAt.String())
	}
	for _, r := range records {
		if !then[r.ListID] {
			continue
		}
		if g.of.List != 0 && r.ListID != g.of.List {
			continue
		}
		if g.of.Purpose != 0 {
			if p, err := g.purpose(r.ListID); err != nil || p != g.of.Purpose {
				if err != nil {
					return nil, err
				}
				continue
			}
		}
		out = append(out, r)
	}
	return out, nil
}

func (g *gathering) purpose(id int64) (int64, error) {
	l, err := list.Get(g.View, id)
	return l.PurposeID, err
}

// event proves one event: what the ledger says must be what was sealed.
func (g *gathering) event(r *consent.Record, o consent.Origin) (proof.Event, error) {
	entry, err := trace.Find(g.View, r.EntryID)
	if err != nil {
		return proof.Event{}, err
	}
	said := entry.Fields()
	for _, a := range append(g.addresses(r.RecordedAt), address.Address{}) {
		facts := r.Facts(a, o)
		clear, private := facts.Split()
		if r.Verdict != consent.Applied {
			clear["verdict"] = string(r.Verdict)
		}
		if r.Lacks != "" {
			clear["lacks"] = r.Lacks
		}
		shown := trace.Shown{Member: r.EntryIndex, Person: g.who, Private: private, Removed: removed(r, private)}
		if r.EntryIndex == proof.Whole {
			if !within(clear, said) {
				return proof.Event{}, fault.New(fault.Conflict, "trace.prove.differs")
			}
		} else {
			// What all members have in common stands in the entry alone.
			maps.DeleteFunc(clear, func(n, _ string) bool { _, common := said[n]; return common })
			shown.Clear = clear
		}
		proved, err := g.Entry(r.EntryID, shown)
		if f := (*fault.Error)(nil); errors.As(err, &f) && f.Key == "trace.prove.differs" && !a.IsZero() {
			continue // another address of theirs
		}
		if err != nil {
			return proof.Event{}, err
		}
		return proof.Event{ID: r.ID, Facts: facts, Entry: proved}, nil
	}
	return proof.Event{}, fault.New(fault.Conflict, "trace.prove.differs")
}

// within tells whether all that is shown was sealed with that value.
func within(shown, sealed proof.Fields) bool {
	for n, v := range shown {
		if sealed[n] != proof.Clean(v) {
			return false
		}
	}
	return true
}

// removed says why committed values aren't among those that are shown.
func removed(r *consent.Record, shown proof.Fields) map[string]string {
	gone := "no longer kept"
	if r.ShortenedAt != 0 {
		gone = "ended on " + r.ShortenedAt.Time().Format("2006-01-02") + " by rule retention.ip"
	}
	out := map[string]string{"ip": gone, "agent": gone, "address": "changed since; the earlier one is not kept"}
	maps.DeleteFunc(out, func(n, _ string) bool { _, there := shown[n]; return there })
	return out
}

// embed puts the texts an event names into the file, as the person saw them.
func (g *gathering) embed(r *consent.Record) error {
	words, err := consent.Words(g.View, r.TextSHA256)
	if err != nil {
		return err
	}
	g.text(r.TextSHA256, shownAs(r), r.Language, words)
	if r.NoteVersionID == 0 {
		return nil
	}
	n, ok := g.notes[r.NoteVersionID]
	if !ok {
		if n, err = notice.Get(g.View, r.NoteVersionID); gone(err) {
			return nil // an import named one that isn't ours
		}
		if err != nil {
			return err
		}
		g.notes[r.NoteVersionID] = n
	}
	for _, t := range n.Texts {
		if string(t.Sha256) == string(r.NoteSHA256) {
			g.text(t.Sha256, "note", t.Language, t.Short+"\n\n"+t.Body)
		}
	}
	return nil
}

// shownAs tells what the words of an event stood on.
func shownAs(r *consent.Record) string {
	switch {
	case r.Kind == consent.Confirm && r.Method != "page": // on that page they changed their mind, and no mail asked
		return "mail"
	case r.ImportID != 0:
		return "label"
	case r.Source == form.Source:
		return "form"
	case r.Source == "preferences", r.Source == "mail":
		return "page"
	case r.Source == "api":
		return "told"
	}
	return "label"
}

func (g *gathering) text(sum []byte, kind, language, text string) {
	h := hex.EncodeToString(sum)
	if h == "" || text == "" || g.texts[h] {
		return
	}
	g.texts[h] = true
	g.file.Texts = append(g.file.Texts, proof.Text{SHA256: h, Kind: kind, Language: language, Text: text})
}

// lists puts the events under their lists.
func (g *gathering) lists() error {
	standings, err := consent.Standings(g.View, g.contact.ID)
	if err != nil {
		return err
	}
	for _, id := range g.order {
		l, err := list.Get(g.View, id)
		if err != nil {
			return err
		}
		out := proof.List{ID: id, Name: l.Title(g.say.Lang), PurposeID: dec(l.PurposeID), Purpose: l.PurposeName, Events: g.events[id]}
		records := g.records[id]
		slices.SortFunc(out.Events, func(a, b proof.Event) int { return seq(records, a.ID) - seq(records, b.ID) })
		out.State = out.Events[len(out.Events)-1].Facts.State
		for _, s := range standings {
			if s.ListID == id {
				out.Basis, out.Grade = string(s.Basis), string(s.Grade)
			}
		}
		if out.GradeWords, err = g.rests(out.State, out.Grade, records); err != nil {
			return err
		}
		if out.Processing, err = g.processing(l, records); err != nil {
			return err
		}
		g.file.Lists = append(g.file.Lists, out)
	}
	return nil
}

func seq(records []consent.Record, event int64) int {
	for _, r := range records {
		if r.ID == event {
			return int(r.Seq)
		}
	}
	return 0
}

// acts shows the person's other entries: that they happened, and when. Of a correction the
// addresses are shown, so that the older one can be followed; everything else stays closed.
func (g *gathering) acts() (err error) {
	for _, e := range slices.Backward(g.entries) {
		if g.proved[e.ID] || e.Action == trace.LookAction || strings.HasPrefix(e.Action, "consent.") && e.Place < 0 {
			continue
		}
		if g.of.Of() != "" && e.Action != "contact.correct" && !g.about(e) { // else it may tell of other lists
			continue
		}
		s := trace.Shown{Member: proof.Whole, Person: trace.Person{ID: g.contact.ID}}
		if e.Action == "contact.correct" && slices.Contains(strings.Fields(e.Fields()["fields"]), "email") {
			v, err := trace.Values(keys.Of(g.View), g.Account(), e.ID, g.who, e.Sealed)
			if err != nil {
				return err
			}
			s.Person, s.Private = g.who, proof.Fields{}
			for _, n := range []string{"before.email", "after.email"} {
				if v[n] != "" {
					s.Private[n] = v[n]
				}
			}
		}
		proved, err := g.Entry(e.ID, s)
		if fault.Is(err, fault.Busy) {
			continue // it waits to be sealed; the next proof shows it
		}
		if err != nil {
			return err
		}
		g.file.Acts = append(g.file.Acts, proof.Act{Words: g.actWords(e), Entry: proved})
	}
	return g.told()
}

// told shows that the person was told where their address comes from by an act on many, such as a campaign (GDPR 14):
// those entries name none of them in their own line.
func (g *gathering) told() error {
	if g.of.Of() != "" {
		return nil
	}
	said, err := once.Of(g.View, g.contact.ID)
	if err != nil {
		return err
	}
	for _, o := range said {
		if o.EntryID == 0 || o.Whole() {
			continue
		}
		e, err := trace.Find(g.View, o.EntryID)
		if err != nil {
			return err
		}
		s := trace.Shown{Member: o.EntryIndex, Person: g.who, Clear: proof.Fields{}}
		if o.ImportID != 0 {
			s.Clear["import"] = dec(o.ImportID)
		}
		proved, err := g.Entry(o.EntryID, s)
		if fault.Is(err, fault.Busy) {
			continue
		}
		if err != nil {
			return err
		}
		g.file.Acts = append(g.file.Acts, proof.Act{Words: g.actWords(e), Entry: proved})
	}
	return nil
}
