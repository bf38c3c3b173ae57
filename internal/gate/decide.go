// SPDX-License-Identifier: AGPL-3.0-or-later

package gate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"consend/internal/chain/legal"
	"consend/internal/chain/processor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// MaxBatch bounds the people of one decision.
const MaxBatch = 1000

// Decide decides about a batch, and gives the permit for those who may go. Decisions come in
// the order of who. When nobody may go the permit is zero; when the batch is held every
// decision without a reason of its own carries the batch's (Reason.Holds).
//
// It writes what the batch rests on: relay, processor and its version, agreement, transfer,
// documents and rules, as they are now (INV-07 to INV-10; compliance 3.2).
func Decide(tx *store.Tx, b Batch, who []Candidate) (Permit, []Decision, error) {
	if len(who) > MaxBatch {
		return Permit{}, nil, fmt.Errorf("gate: %d people in one batch, at most %d", len(who), MaxBatch)
	}
	if len(who) == 0 {
		return Permit{}, nil, nil
	}
	f, err := factsOf(tx, b)
	if err != nil {
		return Permit{}, nil, err
	}
	out, norms, err := ask(tx, b, f.ground, who)
	if err != nil {
		return Permit{}, nil, err
	}
	may := make(map[Candidate]covered, len(who))
	for i := range out {
		if out[i].Reason == OK {
			out[i].Reason = f.hold
		}
		if out[i].Reason == OK {
			c := out[i].Candidate
			c.List = 0
			may[c] = covered{list: out[i].List, norm: norms[i]}
		}
	}
	if len(may) == 0 {
		return Permit{}, out, nil
	}
	p := &permit{id: tx.ID(), account: tx.Account(), batch: b, people: may, checked: tx.Now,
		until: f.rules.After(rulepack.PermitLife, tx.Now, time.UTC)}
	return Permit{p}, out, f.write(tx, p, len(who)-len(may))
}

// facts is what is asked once for a batch.
type facts struct {
	hold      Reason
	processor processor.Record
	documents string
	rules     *rulepack.Rules
	ground    consent.Ground
}

// factsOf asks for the account, the campaign and the sending service, in the order of L19.
func factsOf(r store.Reader, b Batch) (facts, error) {
	rulepack.Ask(r) // travels with the account
	f := facts{}
	a, err := account.Get(r)
	if err != nil {
		return f, err
	}
	if f.rules, err = rulepack.For(r); err != nil {
		return f, err
	}
	f.ground = consent.GroundFor(f.rules, a)
	bound, err := legal.Of(r, a, store.NowOf(r))
	if err != nil {
		return f, err
	}
	f.documents = bound.Text()
	carrier, known, err := carrierOf(r, b.Relay)
	if err != nil {
		return f, err
	}
	switch {
	case a.Suspended() && b.Class.reaches():
		f.hold = AccountSuspended
	case bound.Missing && b.Class.reaches():
		f.hold = TermsMissing
	case b.Class == Campaign && b.Approval == 0:
		f.hold = NotApproved
	case !known:
		f.hold = RelayUnknown
	}
	if f.hold != OK || !known {
		return f, nil
	}
	f.processor, err = processor.Get(r, carrier)
	if err != nil {
		return f, err
	}
	if ok, why := f.processor.Holds(f.rules, store.NowOf(r)); !ok {
		f.hold = relayReason[why]
	}
	return f, nil
}

// listed tells whether mail of the class goes to people by a list they are on.
func (c Class) listed() bool { return c == Campaign || c == Question }

// reaches tells whether mail of the class goes to people the account reaches out to; the rest
// is owed to people who are already there, and goes on when the account is suspended.
func (c Class) reaches() bool {
	return c == Campaign || c == Confirmation || c == Invitation || c.Once()
}

var relayReason = map[processor.Reason]Reason{
	processor.Missing: RelayUnknown, processor.IsTerminated: RelayTerminated, processor.IsSuspended: RelaySuspended,
	processor.NotContracted: RelayUncontracted, processor.DPAEnded: RelayDPAEnded, processor.TransferVoid: RelayTransferVoid,
}

// carrierOf finds who is behind a sending service that is still in use.
func carrierOf(r store.Reader, relay int64) (int64, bool, error) {
	list, err := store.All[int64](r, carrier, relay)
	if err != nil || len(list) == 0 {
		return 0, false, err
	}
	return list[0], true, nil
}

// write notes what the permit rests on, and the act.
func (f facts) write(tx *store.Tx, p *permit, leftOut int) error {
	r, b := f.processor, p.batch
	entry, err := trace.Append(tx, trace.Act{Action: "gate.permit", Object: "permit", ObjectID: p.id, Clear: proof.Fields{
		"class": string(b.Class), "campaign": dec(b.Campaign), "relay": dec(b.Relay), "processor": dec(r.ID), "processor_version": dec(r.Version),
		"rules": f.rules.Version(), "people": dec(int64(len(p.people))), "left_out": dec(int64(leftOut)), "until": p.until.String()}})
	if err != nil {
		return err
	}
	tx.Do(addPermit, p.id, p.until, b.Class, b.Campaign, b.Relay, r.ID, r.Version, dpaText(r), transferText(r), f.documents, f.rules.Version(),
		len(p.people), leftOut, entry)
	return nil
}

func dpaText(r processor.Record) string {
	parts := []string{string(r.DPA.Status)}
	if r.DPA.Version != "" {
		parts = append(parts, r.DPA.Version)
	}
	for _, m := range []struct {
		name string
		at   legalclock.Moment
	}{{"from", r.DPA.From}, {"until", r.DPA.Until}, {"paper until", r.DPA.PaperUntil}} {
		if m.at != 0 {
			parts = append(parts, m.name+" "+m.at.String())
		}
	}
	return strings.Join(parts, ", ")
}

func transferText(r processor.Record) string {
	if r.Transfer.Mechanism == processor.NoTransfer {
		return "none, " + r.Country
	}
	return string(r.Transfer.Mechanism) + ", " + r.Country
}

// ask gives the decision about each candidate from what speaks for and against the person
// alone, with the address decided about.
func ask(r store.Reader, b Batch, g consent.Ground, who []Candidate) ([]Decision, []string, error) {
	out, norms := make([]Decision, len(who)), make([]string, len(who))
	found := map[Candidate]answer{}
	lists := map[int64][]int64{}
	var signups, contacts, sources, members, changes []int64
	for i, c := range who {
		out[i] = Decision{Candidate: c, Reason: Gone}
		switch {
		case b.Class.listed():
			list := c.List
			if list == 0 {
				list = b.List
			}
			lists[list] = append(lists[list], c.Contact)
		case b.Class == Source:
			sources = append(sources, c.Contact)
		case b.Class == Confirmation && c.Change != 0:
			changes = append(changes, c.Change)
		case b.Class == Confirmation:
			signups = append(signups, c.Signup)
		case c.Contact != 0 && (b.Class == Receipt || b.Class == Notice):
			contacts = append(contacts, c.Contact)
		case c.Member != 0 && b.Class != Receipt:
			members = append(members, c.Member)
		}
	}
	listed := askCampaign
	if b.Class == Question {
		listed = askQuestion
	}
	for list, ids := range lists {
		if err := read(r, found, func(a answer) Candidate { return Candidate{Contact: a.ID, List: list} }, listed, append(g.Args(), list, ids)...); err != nil {
			return nil, nil, err
		}
	}
	owed := askContact
	if b.Class == Receipt {
		owed = askReceipt
	}
	for _, q := range []struct {
		ids   []int64
		query *store.Query
		of    func(a answer) Candidate
	}{
		{signups, askSignup, func(a answer) Candidate { return Candidate{Signup: a.ID} }},
		{changes, askChange, func(a answer) Candidate { return Candidate{Change: a.ID} }},
		{contacts, owed, func(a answer) Candidate { return Candidate{Contact: a.ID} }},
		{sources, askSource, func(a answer) Candidate { return Candidate{Contact: a.ID} }},
		{members, memberQuery[b.Class], func(a answer) Candidate { return Candidate{Member: a.ID} }},
	} {
		if len(q.ids) > 0 && q.query != nil {
			if err := read(r, found, q.of, q.query, q.ids); err != nil {
				return nil, nil, err
			}
		}
	}
	for i, c := range who {
		key := Candidate{Contact: c.Contact, Signup: c.Signup, Member: c.Member}
		switch {
		case c.Change != 0:
			key = Candidate{Change: c.Change}
		case b.Class.listed():
			key = Candidate{Contact: c.Contact, List: c.List}
			if key.List == 0 {
				key.List = b.List
			}
		}
		if a, ok := found[key]; ok {
			out[i].Reason, out[i].Basis, out[i].Grade, out[i].Event, norms[i] = a.Reason, a.Basis, a.Grade, a.Event, a.Norm
		}
	}
	return out, norms, nil
}

// answer is what the database says about one person.
type answer struct {
	ID     int64
	Norm   string
	Reason Reason
	Basis  consent.Basis
	Grade  consent.Grade
	Event  int64
}

func read(r store.Reader, found map[Candidate]answer, of func(answer) Candidate, q *store.Query, args ...any) error {
	return store.Each(r, q, func(a answer) error {
		found[of(a)] = a
		return nil
	}, args...)
}

// Recheck asks again about everybody a permit covers, and about its batch, so that a refusal,
// an erasure or a suspension counts for messages that have not begun. A lane calls it once a second.
func Recheck(r store.Reader, p Permit) error {
	if p.p == nil {
		return nil
	}
	b := p.p.batch
	p.p.mu.Lock()
	who := make([]Candidate, 0, len(p.p.people))
	for c, of := range p.p.people {
		c.List = of.list
		who = append(who, c)
	}
	p.p.mu.Unlock()
	f, err := factsOf(r, b)
	if err != nil {
		return err
	}
	out, norms, err := ask(r, b, f.ground, who)
	if err != nil {
		return err
	}
	p.p.mu.Lock()
	defer p.p.mu.Unlock()
	for i, d := range out {
		if d.Reason == OK {
			d.Reason = f.hold
		}
		c := d.Candidate
		of := covered{list: c.List, norm: norms[i], reason: d.Reason}
		c.List = 0
		if of.reason == OK && of.norm != p.p.people[c].norm {
			of.reason = OtherAddress
		}
		p.p.people[c] = of
	}
	p.p.checked = store.NowOf(r)
	return nil
}

func dec(n int64) string { return strconv.FormatInt(n, 10) }
