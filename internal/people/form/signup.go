// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/budget"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/trace/proof"
)

// Source is what contacts and the ledger call a form of ours.
const Source = "form"

// The facts that sign-ups post; ref is the sign-up.
const (
	Requested job.Kind = "form.requested" // the confirmation mail is due
	Reminded  job.Kind = "form.reminded"  // the confirmation mail is due once more
	Confirmed job.Kind = "form.confirmed" // the receipt is due
)

// How often one may ask: an address is bothered at most thrice a day by an account, and by all
// of this installation together a few times more, since who floods a mailbox uses many forms; a
// network is a school or a company at most, or a robot. Who solves no puzzle where a form asks
// one shares less of the network (a browser without script is no robot, and few).
var (
	perAddress = budget.Limit{Name: "form.address", Max: 3, Per: 24 * time.Hour}
	perMailbox = budget.Limit{Name: "form.mailbox", Max: 4, Per: time.Hour, Then: []budget.Window{{Max: 8, Per: 24 * time.Hour}}}
	perNetwork = budget.Limit{Name: "form.network", Max: 60, Per: 10 * time.Minute, Then: []budget.Window{{Max: 1500, Per: 24 * time.Hour}}}
	unsolved   = budget.Limit{Name: "form.unsolved", Max: 10, Per: time.Hour, Then: []budget.Window{{Max: 40, Per: 24 * time.Hour}}}
	perForm    = budget.Limit{Name: "form.form", Max: 200_000, Per: time.Hour, Then: []budget.Window{{Max: 1_000_000, Per: 24 * time.Hour}}, Wide: true}
	perHouse   = budget.Limit{Name: "form.house", Max: 600_000, Per: 10 * time.Minute, Wide: true}
)

// Unworked is how many sign-ups an hour one network may send a form without the work it asks for.
func Unworked() int64 { return unsolved.Max }

// Submission is a post that was read: everything is known to be of the form.
type Submission struct {
	Live     Live
	Language string
	Email    address.Address
	Answers  map[string]string // by field, cleaned; personal
	Ticked   []int64
	OverAge  bool
	Solved   bool     // the puzzle of a form that asks one
	Explicit []string // special fields whose sentence was agreed to
	Page     string   // where the form stood, without query
	Method   string   // hosted, embed, api
	Origin   consent.Origin
	Way      string // where it was asked for when that was no form, with
	Shown    string // the words shown there, and
	Spoken   string // their language
	Proxy    string // the private address of a proxy nobody told us to trust, or ""
	ProxyN   int64  // how many such sign-ups to note with this one (Desk.Tally)
}

// Read reads what somebody posted, and finds everything that is wrong with it at once. It
// changes nothing and asks no database.
func Read(l Live, lang string, v url.Values) (Submission, error) {
	d := l.Version.Definition
	s := Submission{Live: l, Language: d.Language(lang), Answers: map[string]string{}, Method: "hosted"}
	var wrong fault.Many
	var err error
	if s.Email, err = address.Parse(v.Get("email")); err != nil {
		for _, e := range fault.All(err) {
			wrong = append(wrong, e.At("email"))
		}
	}
	for _, f := range d.Fields {
		said := f.said(v)
		if len(said) == 0 {
			if f.Required {
				wrong = append(wrong, fault.New(fault.Invalid, "form.missing").At("a."+f.Name))
			}
			continue
		}
		if s.Answers[f.Name], err = f.read(said); err != nil {
			wrong = append(wrong, fault.All(err)[0].At("a."+f.Name))
		}
		if f.asksExpressly() { // GDPR 9(2)(a): no answer is kept without its own yes
			if v.Get("x."+f.Name) == "" {
				wrong = append(wrong, fault.New(fault.Invalid, "form.explicit").At("x."+f.Name))
			}
			s.Explicit = append(s.Explicit, f.Name)
		}
	}
	for _, x := range v["list"] {
		id, err := strconv.ParseInt(x, 10, 64)
		c, ok := d.choice(id)
		if err != nil || !ok || c.Closed || d.ButtonActs() && !c.Grant {
			wrong = append(wrong, fault.New(fault.Invalid, "form.no_list").At("list"))
			break
		}
		if !slices.Contains(s.Ticked, id) {
			s.Ticked = append(s.Ticked, id)
		}
	}
	slices.Sort(s.Ticked)
	if len(s.lists()) == 0 && len(wrong) == 0 {
		wrong = append(wrong, fault.New(fault.Invalid, "form.pick_one").At("list"))
	}
	s.OverAge = v.Get("age") != ""
	if years, ok := d.years(v.Get("country")); !ok {
		wrong = append(wrong, fault.New(fault.Invalid, "form.missing").At("country"))
	} else if years > 0 && !s.OverAge {
		wrong = append(wrong, fault.New(fault.Invalid, "form.too_young", "years", years).At("age"))
	}
	return s, wrong.Err()
}

// years is the age asked of who lives in a country; false: the country is not said. The
// country is used for this alone and kept nowhere (GDPR 5(1)(c)).
func (d Definition) years(country string) (int, bool) {
	if len(d.Ages) == 0 {
		return d.Age, true
	}
	for _, a := range d.Ages {
		if a.Country == country {
			return a.Years, true
		}
	}
	return 0, false
}

// asksExpressly tells whether an answer needs a yes of its own.
func (f Field) asksExpressly() bool { return f.Marked && len(f.Explicit) > 0 }

// several tells whether more than one of the choices can be chosen.
func (f Field) several() bool { return contact.Type(f.Type) == contact.TypeMultiple }

// said is what was typed or ticked at a field; nothing is none.
func (f Field) said(v url.Values) []string {
	all := v["a."+f.Name]
	if !f.several() {
		all = all[:min(1, len(all))]
	}
	var out []string
	for _, s := range all {
		if s = strings.Join(strings.Fields(s), " "); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// read checks one answer. Its words are kept as typed; several choices as their attribute writes them.
func (f Field) read(said []string) (string, error) {
	if len(said) > 1 {
		x, err := contact.Attribute{Name: f.Name, Type: contact.Type(f.Type), Choices: f.Choices}.Pick(said)
		return x.Raw(), err
	}
	raw := said[0]
	if len(raw) > 400 {
		return "", fault.New(fault.Invalid, "form.long")
	}
	if f.Name == NameField {
		return raw, nil
	}
	x, err := contact.Attribute{Name: f.Name, Type: contact.Type(f.Type), Choices: f.Choices}.Read(raw)
	return x.Raw(), err
}

// lists are those the person asked for: ticked boxes, and the one the button stands for.
func (s Submission) lists() []int64 {
	d := s.Live.Version.Definition
	out := slices.Clone(s.Ticked)
	if d.ButtonActs() && !d.Mails()[0].Closed {
		out = append(out, d.Mails()[0].List)
	} else if !slices.ContainsFunc(d.Mails(), func(c Choice) bool { return slices.Contains(out, c.List) }) {
		return nil // measuring alone is nothing to sign up for
	}
	for _, f := range d.Fields { // a yes of its own to what is sensitive
		if f.Grant != 0 && slices.Contains(s.Explicit, f.Name) {
			out = append(out, f.Grant)
		}
	}
	slices.Sort(out)
	return out
}

// Outcome is what became of a submission. The page never tells more than Mail, which is the form's
// alone: whether an address is known here, said no or is overworked is nobody's business but its owner's.
type Outcome struct {
	Signup int64 // 0: nothing was written
	Mail   bool  // "look in your inbox"; false: "done", and a word for who had left (single opt-in)
}

// choice of a sign-up, as its row keeps it.
type asked struct {
	List  int64  `json:"l"`
	Event int64  `json:"e"`
	No    bool   `json:"n,omitempty"` // it is no more: a no came before the yes
	Way   string `json:"w,omitempty"` // "" is the form itself; else the page where who holds the mailbox asked
}

// The ways to ask beside a form: on the page of choices or of leaving, and after a "not me".
const (
	wayBack     = "preferences"
	wayAfterAll = "not_me_page"
)

// ErrQuiet says that nothing may be written, and that the answer is the usual one. Take gives it.
var ErrQuiet = errors.New("form: nothing is written")

// Take is Submit as a page calls it: in an act of its own.
func Take(ctx context.Context, db *store.DB, who actor.Actor, s Submission) (out Outcome, err error) {
	err = db.Write(ctx, who, func(tx *store.Tx) (err error) { out, err = Submit(tx, s); return err })
	if errors.Is(err, ErrQuiet) {
		return Outcome{Mail: s.Live.Version.Definition.OptIn != Single}, nil
	}
	return out, err
}

// Submit takes a sign-up: a pending row, the person's request in the ledger, and the fact
// that brings the confirmation mail; with single opt-in the yes itself, unless a no stands before
// any of its lists: then all of them wait for the mailbox. The mailbox has not
// answered, so nothing known about the person is changed.
//
// ErrQuiet: the address said "not me" here or to the whole installation, is over its budget, or is being erased; the act must
// not commit. Faults: budget.spent (a network, or the house, is over its budget).
func Submit(tx *store.Tx, s Submission) (Outcome, error) {
	d := s.Live.Version.Definition
	out := Outcome{Mail: d.OptIn != Single}
	fp, err := contact.FP(tx, s.Email)
	if err != nil {
		return out, err
	}
	// Questions, and the row that needs no answer to them, leave together.
	block := store.Ask[legalclock.Moment](tx, findBlock, fp[:])
	box, err := mailbox(tx, s.Email)
	if err != nil {
		return out, err
	}
	closed := store.Ask[shut](tx, findShut, box)
	bill, err := s.bill(tx)
	if err != nil {
		return out, err
	}
	ahead := consent.Ask(tx, s.lists(), fp)
	// One entry of the trace tells of both: that the person asked, and that they are known since.
	n := contact.New{Email: s.Email, Language: s.Language, Source: Source, Keyed: true, Entry: tx.ID(), EntryIndex: proof.Whole}
	if len(s.lists()) > 1 {
		n.EntryIndex = 0
	}
	if d.OptIn == Single { // believed of a new person only: Ensure changes nobody
		if err := s.describe(&n); err != nil {
			return out, err
		}
	}
	rows, err := contact.Ensure(tx, []contact.New{n})
	if err != nil {
		return out, err
	}
	who := rows[0]
	if err := pay(bill); err != nil { // before what is known of the address: a network over its budget hears the same of all
		return out, err
	}
	if _, err := block.One(); err == nil || who.State.Ending() {
		return out, ErrQuiet
	} else if !errors.Is(err, store.ErrNone) {
		return out, err
	}
	if x, err := closed.One(); err == nil && x.ShutAt != 0 {
		return out, ErrQuiet
	} else if err != nil && !errors.Is(err, store.ErrNone) {
		return out, err
	}
	kind, asks := consent.Request, true
	if d.OptIn == Single { // who said no before is asked in the mailbox, about all of it: one press, one yes
		if asks, err = ahead.ConfirmFirst(tx, s.events(who, consent.Accept, n.Entry)); err != nil {
			return out, err
		}
		if !asks {
			kind = consent.Accept
		}
	}
	results, err := ahead.Apply(tx, s.events(who, kind, n.Entry))
	if err != nil {
		return out, err
	}
	out.Signup = tx.ID()
	var chosen []asked
	for i, id := range s.lists() {
		chosen = append(chosen, asked{List: id, Event: results[i].Event})
	}
	choices, err := json.Marshal(chosen)
	if err != nil {
		return out, err
	}
	state, ended := pending, legalclock.Moment(0)
	var sealed []byte
	if asks {
		if sealed, err = s.seal(tx, &who, out.Signup); err != nil {
			return out, err
		}
		job.Post(tx, Requested, out.Signup)
	} else {
		state, ended = confirmed, tx.Now
		job.Post(tx, Confirmed, out.Signup)
	}
	tx.Do(addSignup, out.Signup, s.Live.Form.ID, s.Live.Version.ID, who.ID, state, s.Language, string(choices), sealed, ended)
	if s.ProxyN > 0 {
		tx.Do(countUp, s.Live.Form.ID, day(tx), "proxy", s.Proxy, s.ProxyN, s.ProxyN)
	}
	return out, nil
}

// bill asks about the budgets.
func (s Submission) bill(tx *store.Tx) (*budget.Bill, error) {
	key, err := keys.Of(tx).MAC(keys.Installation, "budget")
	if err != nil {
		return nil, err
	}
	charges := []budget.Charge{perHouse.For(""), perForm.For(dec(s.Live.Form.ID))}
	if !s.Origin.IP.IsZero() && s.Proxy == "" { // behind an untrusted proxy all share one address
		charges = append(charges, perNetwork.For(s.Origin.IP.Truncated()))
		if s.Live.AsksWork() && !s.Solved {
			charges = append(charges, unsolved.For(s.Origin.IP.Truncated()))
		}
	}
	charges = append(charges, perMailbox.For(s.Email.Norm()))
	charges = append(charges, perAddress.For(dec(tx.Account())+" "+s.Email.Norm())) // the last: the first over its limit answers
	return budget.Ask(tx, key, charges...), nil
}

// Unsolved tells whether a sign-up was refused because too many of its network came without the solution of the puzzle.
func Unsolved(err error) bool {
	return fault.Is(err, fault.Busy) && slices.Contains(fault.All(err)[0].Args, any(unsolved.Name))
}

// pay charges them. An address over its own gets the usual answer and no mail.
func pay(b *budget.Bill) error {
	err := b.Pay()
	if fault.Is(err, fault.Busy) && (slices.Contains(fault.All(err)[0].Args, any(perAddress.Name)) || slices.Contains(fault.All(err)[0].Args, any(perMailbox.Name))) {
		return ErrQuiet
	}
	return err
}

func (s Submission) events(who contact.Row, kind consent.Kind, entry int64) []consent.Event {
	if s.Way != "" { // no form was shown
		var out []consent.Event
		for _, list := range s.lists() {
			out = append(out, consent.Event{Contact: who.ID, Row: who, List: list, Kind: kind, Entry: entry, Source: "preferences", Method: s.Way,
				Text: s.Shown, Language: s.Spoken, Origin: s.Origin})
		}
		return out
	}
	l := s.Live
	note := l.Version.Definition.NoteIn(l.Note, s.Language)
	said := Said(l.Version.Definition, l.Note, s.Language, s.Ticked, s.Explicit...)
	var out []consent.Event
	for _, list := range s.lists() {
		out = append(out, consent.Event{Contact: who.ID, Row: who, List: list, Kind: kind, Entry: entry, Source: Source, Method: s.Method,
			FormVersion: l.Version.ID, NoteVersion: l.Note.ID, Text: said, Note: note.Sha256, Language: s.Language, Page: s.Page, Origin: s.Origin})
	}
	return out
}

// seal keeps what was typed, under the person's key, until the mailbox answers.
func (s Submission) seal(tx *store.Tx, who *contact.Row, signup int64) ([]byte, error) {
	if len(s.Answers) == 0 && !s.OverAge {
		return nil, nil
	}
	unlock := who.Unlock
	if !who.Created {
		unlock = func(tx *store.Tx) (keys.Subject, error) { return contact.Key(tx, who.ID) }
	}
	key, err := unlock(tx)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(typed{s.Answers, s.OverAge})
	if err != nil {
		return nil, err
	}
	return key.Seal(answersAt(signup), plain)
}

// typed is what stands in the answers of a sign-up.
type typed struct {
	Answers map[string]string `json:"answers,omitempty"`
	OverAge bool              `json:"over_age,omitempty"`
}

func answersAt(signup int64) keys.AAD {
	return keys.AAD{Table: "signup", Column: "answers", Row: signup}
}

// describe lays what was typed into a person to be.
func (s Submission) describe(n *contact.New) error {
	d := s.Live.Version.Definition
	n.Name = pii.T(s.Answers[NameField])
	if s.OverAge && (d.Age > 0 || len(d.Ages) > 0) {
		n.Age = contact.AgeSaidOver
	}
	for _, f := range d.Fields {
		if raw := s.Answers[f.Name]; raw != "" && f.Name != NameField {
			v, err := contact.Attribute{Name: f.Name, Type: contact.Type(f.Type), Choices: f.Choices}.Read(raw)
			if err != nil {
				return err
			}
			if n.Attributes == nil {
				n.Attributes = contact.Attributes{}
			}
			n.Attributes[f.Name] = v
		}
	}
	return nil
}

// learn writes down what was typed, now that it is the person's own word.
func learn(tx *store.Tx, id int64, d Definition, lang string, t typed) error {
	c, err := contact.Get(tx, id)
	if err != nil {
		return err
	}
	ch := contact.Change{Attributes: contact.Attributes{}, Said: true}
	if c.Language != lang {
		ch.Language = &lang
	}
	if t.OverAge && c.Age == contact.AgeNotAsked {
		age := contact.AgeSaidOver
		ch.Age = &age
	}
	for _, f := range d.Fields {
		raw := t.Answers[f.Name]
		if raw == "" {
			continue
		}
		if f.Name == NameField {
			name := pii.T(raw)
			ch.Name = &name
			continue
		}
		v, err := contact.Attribute{Name: f.Name, Type: contact.Type(f.Type), Choices: f.Choices}.Read(raw)
		if err != nil {
			return err
		}
		ch.Attributes[f.Name] = v
	}
	return contact.Correct(tx, id, 0, ch)
}
