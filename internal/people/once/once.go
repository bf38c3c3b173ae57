// SPDX-License-Identifier: AGPL-3.0-or-later

// Package once promises that two things are said to a person once ever, at most, and only where
// that is lawful:
//
//	told   where their address comes from, where it didn't come from them (GDPR 14(1), (2), (3)):
//	       at the top of the first campaign they get, or in a mail of its own. No basis for anybody
//	       who waits for proof: who was told so may be mailed no more than before (compliance L3).
//	asked  whether the account may go on, where it rests on somebody's claim: a yes makes it the
//	       person's own (grade A), a no is a no, silence changes nothing (compliance L1).
//
//	wanted → queued → done | left out(reason) | failed | doubt
//
// A row for each person and list (0: told) is what "once" means: its key. Wanted becomes queued some
// at a time, so that a hundred thousand of them hold up nobody's confirmation mail; queued posts a fact, and
// sending/transactional makes the mail. Done is written with the sending service's word, in the same act.
//
// What a crash leaves: wanted rows of a step that was committed, and its cursor with them; of a mail that may have
// arrived, doubt: nobody counts as told by it, and nobody gets another one by itself.
//
// It leaves to consent whether somebody may be told or asked at all, to gate the same at the last
// moment, to campaign the block at the top of its messages.
package once

import (
	"errors"
	"strconv"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/trace/proof"
)

// Kind is what is said once.
type Kind string

// The kinds.
const (
	Tell Kind = "tell"
	Ask  Kind = "ask"
)

// Facts that ask for a mail (ref: the row), and the long work of an act (ref: the run).
const (
	TellMail job.Kind = "once.tell"
	AskMail  job.Kind = "once.ask"
	RunKind  job.Kind = "once.run"
)

// State is where a row is.
type State string

// The states of a row.
const (
	Wanted  State = "wanted"
	Queued  State = "queued"
	Done    State = "done" // the sending service took it
	LeftOut State = "left_out"
	Failed  State = "failed"
	Doubt   State = "doubt" // it may have arrived
)

// States lists them in the order pages show them.
func States() []State { return []State{Done, Wanted, Queued, Doubt, Failed, LeftOut} }

// Row is what was, or will be, said once to a person.
type Row struct {
	ContactID     int64
	ListID        int64 // 0: told
	ID            int64
	State         State
	Reason        string
	RunID         int64
	ImportID      int64
	CampaignID    int64 // told at the top of its message
	MessageID     int64 // the mail of its own
	NoteVersionID int64
	Language      string
	AskedWhat     string // the list's title as its mail had it; "": not asked, or before this was kept
	AskedBy       string // the account's name in it
	Answer        string
	MadeAt        legalclock.Moment
	At            legalclock.Moment
	AnsweredAt    legalclock.Moment
	EntryID       int64
	EntryIndex    int
}

// Kind tells which of the two it is.
func (r Row) Kind() Kind {
	if r.ListID != 0 {
		return Ask
	}
	return Tell
}

// Whole tells whether its entry in the trace is about this person alone.
func (r Row) Whole() bool { return r.EntryIndex == proof.Whole }

// Run is an act of a member that wants people told or asked.
type Run struct {
	ID       int64
	Kind     Kind
	ListID   int64
	ImportID int64
	AfterID  int64
	People   int64
	MadeBy   int64
	MadeAt   legalclock.Moment
	EndedAt  legalclock.Moment
	EntryID  int64
}

// Of lists what was said once to a person, the oldest first.
func Of(r store.Reader, contact int64) ([]Row, error) { return store.All[Row](r, ofContact, contact) }

// Find finds what was said to a person about a list (0: told). ok is false where nothing was.
func Find(r store.Reader, contact, list int64) (row Row, ok bool, err error) {
	row, err = store.One[Row](r, find, contact, list)
	if errors.Is(err, store.ErrNone) {
		return Row{}, false, nil
	}
	return row, err == nil, err
}

// Get finds a run. Faults: once.run.none.
func Get(r store.Reader, id int64) (Run, error) {
	out, err := store.One[Run](r, getRun, id)
	if errors.Is(err, store.ErrNone) {
		err = fault.New(fault.NotFound, "once.run.none")
	}
	return out, err
}

// Tally is how many people share a reason; "" are those who would get it.
type Tally struct {
	Reason string
	People int64
}

// SaidOnce is the reason of people to whom it was said before, or is about to be.
const SaidOnce = "said_once"

// CountTell counts the people of an import who are still to be told, by what speaks against a mail of its own.
func CountTell(r store.Reader, list, imp int64) ([]Tally, error) {
	return store.All[Tally](r, countTell, list, imp)
}

// CountAsk counts the people of a list who rest on a claim or more, by what speaks against asking
// them; of an import alone where there is one (0: everybody).
func CountAsk(r store.Reader, list, imp int64) ([]Tally, error) {
	g, err := consent.GroundOf(r)
	if err != nil {
		return nil, err
	}
	return store.All[Tally](r, countAsk, append(g.Args(), list, imp, imp)...)
}

// Outcome is how many rows of an import or list are in a state; of the answers too.
type Outcome struct {
	State  State
	Answer string
	People int64
}

// Told counts what became of telling the people of an import.
func Told(r store.Reader, imp int64) ([]Outcome, error) { return store.All[Outcome](r, countTold, imp) }

// Runs lists the acts about a list, newest first, at most limit.
func Runs(r store.Reader, kind Kind, list int64, limit int) ([]Run, error) {
	return store.All[Run](r, runsOf, kind, list, limit)
}

// Asked counts what became of asking the people of a list.
func Asked(r store.Reader, list int64) ([]Outcome, error) {
	return store.All[Outcome](r, countAsked, list)
}

// Held gives those of some people, at most 1,000, to whom a mail of its own went or is about to go.
func Held(r store.Reader, people []int64) ([]int64, error) {
	if len(people) == 0 {
		return nil, nil
	}
	return store.All[int64](r, held, people)
}

// DropPeople deletes what is known of people who are deleted for good, at most 1,000.
func DropPeople(tx *store.Tx, people []int64) { tx.Do(dropPeople, people) }

// Ahead is how many days before the month ends an account's people are told by themselves, where no campaign
// reached them (rule art14.ahead): time enough for a service that is down, and for a person to look.
func Ahead(r store.Reader) (int, error) {
	rules, err := rulepack.For(r)
	if err != nil {
		return 0, err
	}
	return rules.Number(rulepack.Art14Ahead), nil
}

// furthest is the most days any account may be ahead.
const furthest = 21

func dec(n int64) string { return strconv.FormatInt(n, 10) }
