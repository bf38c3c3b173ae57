// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// ReleaseKind is the kind of the task that releases rows which waited for proof.
const ReleaseKind job.Kind = "importer.release"

// releaseRows is how many people one step releases.
const releaseRows = 1000

// endRows is how many people one step takes off: few, for others wait while it lasts.
const endRows = 250

// Waiting is one person who waits for proof.
type Waiting struct {
	ContactID int64
	Line      int64
	Lacks     string
	Made      int    // came, shows
	Sealed    []byte // what the row tells beside the address, under the person's key
}

// WaitingAfter lists who waits in an import, by number, at most limit.
func WaitingAfter(r store.Reader, id, after int64, limit int) ([]Waiting, error) {
	return store.All[Waiting](r, waitingAfter, id, after, limit)
}

// Locked tells whether an import says more about a person who waits than where to write to: it is locked
// under their key until proof comes.
func Locked(r store.Reader, person int64) (bool, error) { return store.One[bool](r, lockedOf, person) }

// Lack is one reason to wait, and how many wait for it.
type Lack struct {
	Lacks string
	Times int64
}

// Lacks tells for what the rows of an import wait.
func Lacks(r store.Reader, id int64) ([]Lack, error) { return store.All[Lack](r, waitingLacks, id) }

// BeginRelease says that proof has come for the rows that wait: a partner's name, a file of
// evidence, or the word of an owner or admin where a word is enough. The work is a task.
// Faults: import.release.running, import.release.nothing, import.release.still (with what is
// missing), import.options.declare, import.release.late, import.undone, import.list.retired.
func BeginRelease(tx *store.Tx, id int64, o Origin, declare bool) error {
	if _, err := lock(tx, id); err != nil {
		return err
	}
	r, err := releasing(tx.View, id, o, declare, false)
	if err != nil {
		return err
	}
	f := r.origin.fields()
	f["grade"], f["evidence"], f["declared_by"] = r.grade, dec(r.evidence), dec(r.by)
	if _, err := trace.Append(tx, trace.Act{Action: "import.release", Object: "import", ObjectID: id, Clear: f}); err != nil {
		return err
	}
	task := job.Start(tx, ReleaseKind, id)
	said := append(r.before, Release{At: tx.Now, Origin: r.origin, Evidence: r.evidence, DeclaredBy: r.by})
	tx.Do(setReleasing, text(said), task, id)
	return nil
}

// Releasable tells whether a release could begin now if a file of evidence comes with it: the
// faults of BeginRelease, before the file is kept.
func Releasable(v *store.View, id int64, o Origin, declare bool) error {
	_, err := releasing(v, id, o, declare, true)
	return err
}

// grounds is what is said for the rows that wait.
type grounds struct {
	origin       Origin
	grade        string
	evidence, by int64
	before       []Release // that released somebody
}

// releasing reads what a release would stand on; file: evidence is about to come.
func releasing(r *store.View, id int64, o Origin, declare, file bool) (out grounds, err error) {
	i, err := Get(r, id)
	if err != nil {
		return out, err
	}
	zone, rules, err := rulesOf(r)
	if err != nil {
		return out, err
	}
	lacks, err := Lacks(r, id)
	if err != nil {
		return out, err
	}
	files, err := EvidenceOf(r, id)
	if err != nil {
		return out, err
	}
	now := r.Now
	was := i.Said().Origin
	o.From, o.To = orText(o.From, was.From), orText(o.To, was.To)
	switch {
	case i.State == Running:
		return out, fault.New(fault.Conflict, "import.release.running")
	case i.UndoTask != 0:
		return out, fault.New(fault.Conflict, "import.undone")
	case i.State.Editable() || len(lacks) == 0:
		return out, fault.New(fault.Conflict, "import.release.nothing")
	case i.WaitsUntil <= now:
		return out, fault.New(fault.Gone, "import.release.late")
	case declare && !signs(r.Who):
		return out, fault.New(fault.Forbidden, "import.options.declare").At("declare")
	}
	if ok, err := usable(r, i.List); err != nil {
		return out, err
	} else if !ok {
		return out, fault.New(fault.Invalid, "import.list.retired")
	}
	if err := o.Check(now, zone); err != nil {
		return out, err
	}
	out.origin = o
	out.before = slices.DeleteFunc(i.Releases, func(r Release) bool { return r.People == 0 })
	if len(files) > 0 {
		out.evidence = files[len(files)-1].ID
	}
	if declare {
		out.by = r.Who.ID
	}
	g, lack := grade(o, rules, false, file || out.evidence != 0, declare)
	if g == "" { // but for rows that have proof of their own
		own, err := store.One[int64](r, waitingShows, id)
		if err != nil {
			return out, err
		}
		if own >= shows {
			g, _ = grade(o, rules, true, false, false)
		}
	}
	if g == "" {
		return out, fault.New(fault.Invalid, "import.release.still."+lack).At(fieldOf(lack))
	}
	if !o.own() && !slices.ContainsFunc(lacks, func(l Lack) bool { return !unanswerable(l.Lacks) }) {
		return out, fault.New(fault.Invalid, "import.release.still."+lacks[0].Lacks).At("kind")
	}
	here, err := consent.GroundOf(r)
	if err != nil {
		return out, err
	}
	if !here.Holds(o.basis(), "") { // in the account's own country, and so for nobody
		return out, fault.New(fault.Invalid, "import.release.still."+consent.NotInCountry).At("kind")
	}
	out.grade = string(g)
	return out, nil
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// fieldOf is the field of the release page where what is missing can be given.
func fieldOf(lack string) string {
	switch lack {
	case "partner_unnamed":
		return "partner"
	case "origin_unknown":
		return "kind"
	case "sale_unnamed":
		return "sale"
	case "no_opt_out_when_collecting":
		return "refusal"
	case "other_products":
		return "similar"
	case consent.NoBalance:
		return "work"
	case "undeclared":
		return "declare"
	}
	return "evidence"
}

// ReleaseWork releases the rows that wait: a job.Work. Each step takes some and strikes them
// off in the same transaction, so that a kill releases nobody twice. A person who has said no
// meanwhile stays unwritten to; one who is frozen waits on. A row that names a basis of its own waits on, if what was said is
// no proof of that; so does one whose basis doesn't hold in the person's country, and one whose status there
// may be a no, until a yes of the persons themselves is told.
func ReleaseWork(ctx context.Context, r *job.Run) error {
	var done, total, after int64
	err := r.DB.Bulk(ctx, r.Who, func(tx *store.Tx) (bool, error) {
		i, err := lock(tx, r.Ref)
		if err != nil {
			return false, err
		}
		if total == 0 {
			total = i.Counts.StillWaiting()
		}
		waits, err := WaitingAfter(tx, i.ID, after, releaseRows)
		if err != nil || len(waits) == 0 {
			if err == nil {
				tx.Do(setSettled, i.ID)
			}
			return false, err
		}
		if err := release(tx, &i, waits); err != nil {
			return false, err
		}
		tx.AfterCommit(func() { done, after = done+int64(len(waits)), waits[len(waits)-1].ContactID })
		return true, nil
	})
	if err == nil {
		err = r.Progress(done, max(done, total))
	}
	return err
}

func release(tx *store.Tx, i *Import, waits []Waiting) error {
	zone, rules, err := rulesOf(tx)
	if err != nil {
		return err
	}
	said := i.Said()
	var hash []byte
	if said.Evidence != 0 {
		e, err := GetEvidence(tx, said.Evidence)
		if err != nil {
			return err
		}
		hash = e.SHA256
	}
	ids := make([]int64, len(waits))
	for k, w := range waits {
		ids[k] = w.ContactID
	}
	rows, err := contact.Lock(tx, ids)
	if err != nil {
		return err
	}
	here, err := consent.GroundOf(tx)
	if err != nil {
		return err
	}
	on, err := list.Get(tx, i.List)
	if err != nil {
		return err
	}
	claims, err := claimsOf(tx, i, waits)
	if err != nil {
		return err
	}
	own := map[int64]consent.Basis{}
	if i.Mapping.Index(Basis) >= 0 {
		if own, err = consent.BasesOn(tx, i.List, ids); err != nil {
			return err
		}
	}
	attributes, err := contact.AllAttributes(tx)
	if err != nil {
		return err
	}
	declared := map[string]contact.Attribute{}
	for _, a := range attributes {
		declared[a.Name] = a
	}
	var events []consent.Event
	var fills []contact.Filling
	told := map[int64]contact.Filling{}
	released := make([]int64, 0, len(ids))
	lacked, still := map[int64]string{}, map[string][]int64{} // what those lacked who wait on, and what they lack now
	instead := map[int64]bool{}                               // what the origin says is looked at instead of the row's own basis
	waitsOn := func(id int64, lack string) {
		if lack != "" && lack != lacked[id] && !instead[id] { // by what it lacked, the next release looks at the same
			still[lack] = append(still[lack], id)
		}
	}
	for k, id := range ids {
		lacked[id] = waits[k].Lacks
		at, found := slices.BinarySearchFunc(rows, id, func(r contact.Row, id int64) int { return cmp.Compare(r.ID, id) })
		if !found {
			released = append(released, id) // of somebody who is gone nothing waits
			continue
		}
		if held(rows[at]) {
			continue
		}
		o := said.Origin
		l := waits[k].Lacks
		if instead[id] = l == "basis_unclear" || l == "basis_and_country_unclear" || l == consent.NotInCountry || o.own() && slices.Contains(notUsable, l); instead[id] {
			o.Basis = ""
		} else if b := own[id]; b != "" {
			o.Basis = b
		}
		if unanswerable(l) && !said.Origin.own() {
			continue // it may be a no: nothing but their own yes goes before it
		}
		claim, shown := claims[id]
		g, lack := grade(o, rules, shown, said.Evidence != 0, said.DeclaredBy != 0)
		if g == "" {
			waitsOn(id, lack)
			continue
		}
		if (l == "country_unclear" || l == "basis_and_country_unclear") && rows[at].Country == "" && !o.basis().Everywhere() {
			continue // the account's own country alone would decide
		}
		if !here.Holds(o.basis(), rows[at].Country) {
			waitsOn(id, consent.NotInCountry) // until what is said is a basis that holds there
			continue
		}
		released = append(released, id)
		e := consent.Event{Contact: id, List: i.List, Kind: consent.Release, Basis: o.basis(), BasisRef: o.ref(), Grade: consent.Grade(g),
			OptOutOffered: o.Refusal == "yes", Source: "import", Method: "release", Page: said.Origin.source(), Text: said.Origin.Words,
			Import: i.ID, ImportRow: waits[k].Line, Evidence: said.Evidence, EvidenceHash: hash}
		if e.Grade == consent.GradeD {
			e.DeclaredBy = said.DeclaredBy
		}
		if shown {
			if err := claim.into(tx, &e); err != nil {
				return err
			}
		} else {
			e.OccurredAt = said.Origin.since(tx.Now, zone)
		}
		e.BasisFamily = o.products(on)
		events = append(events, e)
		if p := &rows[at]; len(waits[k].Sealed) > 0 && p.Into == 0 {
			key, err := p.Unlock(tx)
			if err != nil {
				return err
			}
			plain, err := key.Open(sealedAt(id), waits[k].Sealed)
			if err != nil {
				return err
			}
			f := contact.Filling{Row: p}
			if err := f.Unpack(plain, declared); err != nil {
				return err
			}
			told[id] = f
		}
	}
	if len(events) > 0 {
		results, err := consent.Apply(tx, events)
		if err != nil {
			return err
		}
		for k, r := range results {
			if r.Verdict == consent.BadGrade { // it lacks something still: their last purchase is too old, for one
				waitsOn(events[k].Contact, r.Lacks)
				released = slices.DeleteFunc(released, func(id int64) bool { return id == events[k].Contact })
				continue
			}
			if r.Verdict == consent.Applied {
				i.Counts.Released++
				if i.Counts.Freed == nil {
					i.Counts.Freed = map[string]int64{}
				}
				i.Counts.Freed[string(r.After.Grade)]++
				if n := len(i.Releases); n > 0 {
					i.Releases[n-1].People++
				}
				if f, ok := told[events[k].Contact]; ok {
					fills = append(fills, f)
				}
				continue
			}
			i.Counts.Settled++
			if r.Verdict != consent.NotWaiting {
				i.Counts.Withheld[string(r.Verdict)]++
			}
		}
	}
	if _, err := contact.Fill(tx, fills, false, i.ID); err != nil { // now it may be known, where nothing newer is
		return err
	}
	if len(released) > 0 {
		tx.Do(endWaiting, i.ID, released)
	}
	for _, lack := range slices.Sorted(maps.Keys(still)) {
		tx.Do(lacksNow, lack, i.ID, still[lack])
	}
	tx.Do(recount, text(i.Counts), text(i.Releases), i.ID)
	return nil
}

// held tells whether nothing may be done with a person's data, and so with what waits of them: it is frozen
// (GDPR 18(2)), or their erasure is under way. It waits on, with what is sealed, until that ends.
func held(p contact.Row) bool {
	return p.State == contact.StateRestricted || p.State == contact.StateErasing
}

// notUsable are the lacks that say the row's own basis is none: a yes of the persons themselves, answered later, takes its place.
var notUsable = []string{consent.NoService, consent.NoBalance, consent.SaleTooOld, "sale_unnamed", "no_opt_out_when_collecting", "other_products", "country_unclear", unclearStatus, blankAnswer}

// The lacks of a row that may be a no: its status there is said in words that aren't known, or it leaves out the answer that
// a column asks for.
const (
	unclearStatus = "status_unclear"
	blankAnswer   = "answer_blank"
)

// unanswerable tells whether nothing but a yes of the persons' own goes before a lack.
func unanswerable(lack string) bool { return lack == unclearStatus || lack == blankAnswer }

// own tells whether the answer is a yes of the persons themselves.
func (o Origin) own() bool { return o.Basis == "" && !o.acquired() && o.basis() == consent.ByConsent }

// since is when the addresses began to be collected, for what has no moment of its own; 0 where nobody knows.
func (o Origin) since(now legalclock.Moment, zone *time.Location) legalclock.Moment {
	d, err := legalclock.ParseDate(o.From)
	if err != nil {
		return 0
	}
	return min(d.Start(zone), now)
}

// claim is what a row that waits says for itself.
type claim consent.Record

// claimsOf gives the claims, by person, of those rows that have proof of their own.
func claimsOf(tx *store.Tx, i *Import, waits []Waiting) (map[int64]claim, error) {
	var ids []int64
	for _, w := range waits {
		if w.Made&shows != 0 {
			ids = append(ids, w.ContactID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	all, err := consent.Claims(tx, i.List, i.ID, ids)
	out := make(map[int64]claim, len(all))
	for id, r := range all {
		out[id] = claim(r)
	}
	return out, err
}

// into gives a release the moment, place, words and origin of the claim.
func (c claim) into(tx *store.Tx, e *consent.Event) error {
	words, err := consent.Words(tx, c.TextSHA256)
	if err != nil {
		return err
	}
	from, err := consent.Origins(tx, c.ContactID, []consent.Record{consent.Record(c)})
	if err != nil {
		return err
	}
	e.OccurredAt, e.Page, e.Text, e.NoteVersion = c.OccurredAt, c.Page, words, c.NoteVersionID
	if !from[0].IsZero() {
		e.Origin = from[0]
	}
	return nil
}

// waitingRule is the rule by which people go whose proof never came.
const waitingRule = "art14.margin"

// expire takes off people who waited in vain: the claim expires, and who came with this
// import and is on no other list is deleted. GDPR 14(3)(a), 5(1)(c); compliance L3. Whoever
// stands elsewhere by now, by their own word or by better evidence, stays there; whose own
// sign-up waits for its answer is looked at again when it has ended, and so are people who are frozen
// and an import that somebody goes on with. One step, from a number on; 0 is the end.
func expire(tx *store.Tx, id, after int64) (next int64, err error) {
	i, err := lock(tx, id)
	if err != nil || i.State == Running {
		return 0, err
	}
	waits, err := WaitingAfter(tx, id, after, endRows)
	if err != nil {
		return 0, err
	}
	if len(waits) == 0 {
		return 0, lastGone(tx, &i)
	}
	next = waits[len(waits)-1].ContactID
	ids := make([]int64, len(waits))
	for k, w := range waits {
		ids[k] = w.ContactID
	}
	rows, err := contact.Lock(tx, ids)
	if err != nil {
		return 0, err
	}
	stand, err := consent.On(tx, i.List, ids)
	if err != nil {
		return 0, err
	}
	kept := map[int64]bool{}
	for _, p := range rows {
		kept[p.ID] = held(p)
	}
	later := func(id int64) bool { return kept[id] || stand[id] == consent.Requested }
	waits = slices.DeleteFunc(waits, func(w Waiting) bool { return later(w.ContactID) })
	if ids = slices.DeleteFunc(ids, later); len(ids) == 0 {
		return next, nil
	}
	rows = slices.DeleteFunc(rows, func(p contact.Row) bool { return later(p.ID) })
	var events []consent.Event
	for _, p := range rows {
		if stand[p.ID] == consent.Waiting {
			k, _ := slices.BinarySearch(ids, p.ID)
			events = append(events, consent.Event{Contact: p.ID, List: i.List, Kind: consent.Expire, Source: "import", Method: "waiting", Import: id, ImportRow: waits[k].Line})
		}
	}
	if len(events) > 0 {
		if _, err := consent.Apply(tx, events); err != nil {
			return 0, err
		}
	}
	alone, err := consent.Unheld(tx, ids)
	if err != nil {
		return 0, err
	}
	visitors, err := contact.Lonely(tx, alone, form.Source) // on a form, in vain: this claim alone kept them
	if err != nil {
		return 0, err
	}
	alone = slices.DeleteFunc(alone, func(c int64) bool {
		k, ok := slices.BinarySearch(ids, c)
		return !ok || waits[k].Made&came == 0 && !slices.Contains(visitors, c)
	})
	tx.Do(endWaiting, id, ids)
	if err := lastGone(tx, &i); err != nil {
		return 0, err
	}
	gone, err := contact.Drop(tx, alone, waitingRule)
	if err != nil {
		return 0, err
	}
	i.Counts.Expired += int64(len(events))
	i.Counts.Settled += int64(len(ids) - len(events))
	tx.Do(recount, text(i.Counts), text(i.Releases), id)
	_, err = trace.Append(tx, trace.Act{Action: "import.expire", Object: "import", ObjectID: id, Clear: proof.Fields{
		"people": dec(int64(len(ids))), "deleted": dec(int64(len(gone))), "rule": waitingRule}})
	return next, err
}

// lastGone settles an import none of whose rows wait any more since their month is over: the file that tells of them goes too.
func lastGone(tx *store.Tx, i *Import) error {
	n, err := tx.Exec(setSettled, i.ID)
	if err != nil || n == 0 {
		return err
	}
	file := i.Blob
	i.Blob = 0
	return forgetFile(tx, i.ID, file)
}

// DropPeople deletes what waits of people who are deleted for good, at most 1,000: the same
// person may wait in more than one import.
func DropPeople(tx *store.Tx, people []int64) { tx.Do(endWaitingAnywhere, people) }
