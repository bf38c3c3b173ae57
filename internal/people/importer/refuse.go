// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"context"
	"slices"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/importer/sheet"
	"consend/internal/people/list"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Refusals is what a file of people who must not be written to means: the reason of rows that name
// none of their own, and how far each no goes. A row that bounced or complained counts everywhere.
type Refusals struct {
	Cause consent.Cause `json:"cause,omitempty"`
	Reach consent.Reach `json:"reach,omitempty"`
	ID    int64         `json:"id,omitempty"` // the list or purpose
}

// Scope is how far the refusals of the file go.
func (r Refusals) Scope() consent.Scope { return consent.Scope{Reach: r.Reach, ID: r.ID} }

// RefusalFields lists what a column of refusals can be, in the order pages show it: the address or
// its hash, when it was said, why, and what the row itself says.
func RefusalFields() []Field {
	return []Field{Email, Unsubscribed, Motive, Status, Blocked, Bounced, Complained}
}

// refusalHeadings are columns that mean something of their own in a file of refusals.
var refusalHeadings = map[string]Field{"hash": Email, "emailhash": Email, "hashedemail": Email, "md5": Email, "emailmd5": Email, "md5email": Email, "sha1": Email, "emailsha1": Email,
	"sha256": Email, "emailsha256": Email, "sha256email": Email, "emailsha": Email, "empreinte": Email, "empreinteemail": Email,
	"date": Unsubscribed, "createdat": Unsubscribed, "addedat": Unsubscribed, "addeddate": Unsubscribed, "timestamp": Unsubscribed, "time": Unsubscribed, "blockedat": Unsubscribed, "blockeddate": Unsubscribed,
	"suppressedat": Unsubscribed, "datedajout": Unsubscribed, "reason": Motive, "motif": Motive, "raison": Motive}

// guess maps the columns of a file.
func (o Options) guess(s sheet.Survey) (Shape, Mapping) {
	shape, m := Guess(s.Header, s.Width, s.Sample)
	if o.Refusals == nil {
		return shape, m
	}
	taken := map[Field]bool{}
	for i := range m {
		if !slices.Contains(RefusalFields(), m[i].To) {
			m[i] = Column{}
		}
		taken[m[i].To] = true
	}
	for i := range m {
		if i >= len(s.Header) || m[i].To != Skip || ballast[shape][folded(s.Header[i])] { // when a contact was made is not when they refused
			continue
		}
		if f, ok := refusalHeadings[folded(s.Header[i])]; ok && (!taken[f] || f == Motive) {
			m[i], taken[f] = Column{To: f}, true
			if f == Unsubscribed {
				_, m[i].Month = guessType(values(s.Sample, i))
			}
		}
	}
	for i := range m {
		if v := values(s.Sample, i); !taken[Email] && len(v) > 0 && !slices.ContainsFunc(v, func(s string) bool { return !sheet.LooksLikeHash(s) }) {
			m[i], taken[Email] = Column{To: Email}, true
		}
	}
	return shape, m
}

// checkRefusals tells what a file of refusals can't bring: nothing else of a person is taken in.
func (m Mapping) checkRefusals() error {
	var bad fault.Many
	for i, c := range m {
		if c.To != Skip && !slices.Contains(RefusalFields(), c.To) {
			bad = append(bad, fault.New(fault.Invalid, "import.mapping.refusals").At("column."+itoa(i)))
		}
	}
	return bad.Err()
}

// Limit says what the refusals of a file mean and how far they go, and makes it ready. A mailbox that
// doesn't exist, and a complaint, count everywhere.
// Faults: import.refusals.cause, import.refusals.scope, import.refusals.everywhere.
func Limit(tx *store.Tx, id, version int64, r Refusals) error {
	i, err := draft(tx, id, version)
	if err != nil {
		return err
	}
	if !i.Refusing() || !i.State.Reached(Mapped) {
		return fault.New(fault.Conflict, "import.step")
	}
	var bad fault.Many
	if !slices.Contains(consent.Foreign(), r.Cause) {
		bad = append(bad, fault.New(fault.Invalid, "import.refusals.cause").At("cause"))
	}
	if ok, err := r.here(tx); err != nil {
		return err
	} else if !ok {
		bad = append(bad, fault.New(fault.Invalid, "import.refusals.scope").At("scope"))
	} else if (r.Cause == consent.HardBounce || r.Cause == consent.Complained) && r.Reach != consent.All {
		bad = append(bad, fault.New(fault.Invalid, "import.refusals.everywhere").At("scope"))
	}
	if len(bad) > 0 {
		return bad
	}
	o := i.Options
	o.Refusals = &r
	to := int64(0)
	if r.Reach == consent.OneList {
		to = r.ID
	}
	tx.Do(setChoice, to, text(o), int64(0), int64(0), id)
	f := proof.Fields{"cause": string(r.Cause), "scope": string(r.Reach)}
	if r.ID != 0 {
		f["scope_id"] = dec(r.ID)
	}
	if _, err = trace.Append(tx, trace.Act{Action: "import.limit", Object: "import", ObjectID: id, Clear: f}); err != nil {
		return err
	}
	return foretell(tx, i)
}

// here tells whether the list or purpose is one of the account.
func (r Refusals) here(v store.Reader) (bool, error) {
	var err error
	switch {
	case r.Reach == consent.All:
		return r.ID == 0, nil
	case r.Reach == consent.OneList:
		_, err = list.Get(v, r.ID)
	case r.Reach == consent.OnePurpose:
		_, err = list.GetPurpose(v, r.ID)
	default:
		return false, nil
	}
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// key is what tells two rows apart.
func (o *row) key() string {
	if o.hash != nil {
		return string(o.hashed) + string(o.hash)
	}
	return o.email.Norm()
}

// told is the row as a refusal.
func (r Refusals) told(o *row) consent.Told {
	t := consent.Told{Email: o.email, Kind: o.hashed, Hash: o.hash, Cause: r.Cause, Scope: r.Scope(), Since: o.saidAt}
	switch o.said {
	case left:
		if r.Cause == consent.Imported { // the row says more than the file
			t.Cause = consent.Unsubscribed
		}
	case blocked:
		t.Cause = consent.Imported
	case bounced:
		t.Cause, t.Scope = consent.HardBounce, consent.Everything
	case complain:
		t.Cause, t.Scope = consent.Complained, consent.Everything
	}
	return t
}

// refuse writes a batch of refusals: nobody is made. A later row of the same address may be the newer no.
func (s *step) refuse() error {
	once, again := s.told()
	in, err := consent.RefuseSet(s.tx, once, s.w.i.ID)
	if err == nil {
		_, err = consent.RefuseSet(s.tx, again, s.w.i.ID)
	}
	s.counts.took(in)
	return err
}

// told gives the rows as refusals, those of an address that stood on an earlier line apart.
func (s *step) told() (once, again []consent.Told) {
	for i := range s.b.rows {
		if r := &s.b.rows[i]; r.again {
			again = append(again, s.w.i.Options.Refusals.told(r))
		} else {
			once = append(once, s.w.i.Options.Refusals.told(r))
		}
	}
	return once, again
}

func (c *Counts) took(in consent.Intake) {
	c.Left, c.Fresh, c.Known, c.Hashed, c.Here = int64(in.Fresh+in.Stood), int64(in.Fresh), int64(in.Stood), int64(in.Hashed), int64(in.Here)
}

// foreseeMet compares everybody who is here with the hashes read so far, as meet would.
func foreseeMet(ctx context.Context, w *writer, d *consent.Dry) (met int64, err error) {
	for after := int64(0); ; {
		n := 0
		if err = w.db.View(ctx, w.who, func(v *store.View) (err error) { after, n, err = d.Meet(v, after); return err }); err != nil {
			return met, err
		}
		if met += int64(n); after == 0 {
			return met, nil
		}
	}
}

// meet compares everybody who is here with the hashes, some at a time, once all rows are in. Who comes
// meanwhile is compared when they come (consent.Meet).
func (w *writer) meet(ctx context.Context) error {
	if !w.i.Refusing() || w.counts.Hashed == 0 {
		return nil
	}
	return w.db.Bulk(ctx, w.who, func(tx *store.Tx) (bool, error) {
		next, met, err := consent.MeetAll(tx, w.at.Met, w.i.ID)
		if err != nil {
			return false, err
		}
		at, counts := w.at, w.counts
		if at.Met, counts.Met = next, counts.Met+int64(met); next == 0 {
			at.Met = w.at.Met
		}
		n, err := tx.Exec(advance, text(at), text(counts), counts.Waiting(), w.i.ID, w.i.Fence)
		if err == nil && n == 0 {
			err = errTaken
		}
		tx.AfterCommit(func() { w.at, w.counts = at, counts })
		return next != 0, err
	})
}
