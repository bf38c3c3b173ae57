// SPDX-License-Identifier: AGPL-3.0-or-later

package once

import (
	"context"
	"errors"
	"slices"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/budget"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// BeginTell lets the people of an import be told by a mail of its own who are still to be told. people is how
// many its owner was shown (CountTell): counted before the act, which holds up nobody else's. Faults: import.none, once.tell.direct (they gave it themselves), once.running, once.no_note, once.nobody.
func BeginTell(tx *store.Tx, imp, people int64) (int64, error) {
	i, err := importer.Get(tx, imp)
	if err != nil {
		return 0, err
	}
	if !i.Said().Origin.Indirect() || i.List == 0 {
		return 0, fault.New(fault.Conflict, "once.tell.direct")
	}
	if i.State == importer.Running || i.State.Editable() {
		return 0, fault.New(fault.Conflict, "once.running")
	}
	return begin(tx, Tell, i.List, imp, people)
}

// BeginAsk lets the people of a list be asked once whether the account may go on, those of an import
// alone where there is one (0: all). people is as in BeginTell (CountAsk). Faults: list.none, import.none, once.ask.list (it carries no mail, or is retired), once.running, once.no_note, once.nobody.
func BeginAsk(tx *store.Tx, listID, imp, people int64) (int64, error) {
	l, err := list.Get(tx, listID)
	if err != nil {
		return 0, err
	}
	if l.Kind != list.Mail || l.RetiredAt != 0 {
		return 0, fault.New(fault.Conflict, "once.ask.list")
	}
	if imp != 0 {
		if i, err := importer.Get(tx, imp); err != nil {
			return 0, err
		} else if i.List != listID {
			return 0, fault.New(fault.NotFound, "import.none")
		}
	}
	return begin(tx, Ask, listID, imp, people)
}

// Free is how many of those counted would get it.
func Free(tallies []Tally) (n int64) {
	for _, t := range tallies {
		if t.Reason == "" {
			n += t.People
		}
	}
	return n
}

func begin(tx *store.Tx, kind Kind, listID, imp, people int64) (int64, error) {
	if _, ok, err := notice.Current(tx); err != nil || !ok {
		if err == nil {
			err = fault.New(fault.Conflict, "once.no_note")
		}
		return 0, err
	}
	if last, err := Runs(tx, kind, listID, 1); err != nil {
		return 0, err
	} else if len(last) > 0 && last[0].EndedAt == 0 {
		return 0, fault.New(fault.Conflict, "once.running")
	}
	if people == 0 {
		return 0, fault.New(fault.Conflict, "once.nobody")
	}
	id := tx.ID()
	f := proof.Fields{"list": dec(listID), "expected": dec(people)}
	if imp != 0 {
		f["import"] = dec(imp)
	}
	entry, err := trace.Append(tx, trace.Act{Action: "once." + string(kind), Object: "once", ObjectID: id, Clear: f})
	if err != nil {
		return 0, err
	}
	tx.Do(addRun, id, kind, listID, imp, tx.Who.ID, entry)
	job.Start(tx, RunKind, id)
	return id, nil
}

// TellAgain lets those of an import be told once more whose mail may have arrived: a member decides so, knowing that some
// may get it twice. Faults: once.nobody.
func TellAgain(tx *store.Tx, imp int64) error {
	n, err := tx.Exec(again, imp)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "once.nobody")
	}
	_, err = trace.Append(tx, trace.Act{Action: "once.again", Object: "import", ObjectID: imp, Clear: proof.Fields{"people": dec(n)}})
	return err
}

// rows is how many people a step looks at.
const rows = 500

// Work chooses the people of an act: a job.Work. Each step writes them with how far it came, so that a
// kill chooses nobody twice and leaves nobody out. The first mails leave at once, the others by Pace.
func Work(ctx context.Context, r *job.Run) error {
	var run Run
	err := r.DB.Bulk(ctx, r.Who, func(tx *store.Tx) (more bool, err error) {
		if run, err = store.One[Run](tx, lockRun, r.Ref); err != nil || run.EndedAt != 0 {
			return false, err
		}
		ids, err := consent.Listed(tx, run.ListID, run.AfterID, rows)
		if err != nil {
			return false, err
		}
		if len(ids) == 0 {
			tx.Do(endRun, run.ID)
			_, err := trace.Append(tx, trace.Act{Action: "once.chosen", Object: "once", ObjectID: run.ID, Clear: proof.Fields{"people": dec(run.People)}})
			return false, err
		}
		last := ids[len(ids)-1]
		who, err := chosen(tx, run, ids)
		if err != nil {
			return false, err
		}
		listID := int64(0)
		if run.Kind == Ask {
			listID = run.ListID
		}
		if err := wanted(tx, who, listID, run.ID, func(int64) int64 { return run.ImportID }); err != nil {
			return false, err
		}
		tx.Do(stepRun, last, len(who), run.ID)
		return true, nil
	})
	if err == nil {
		err = pace(ctx, r.DB, r.Who.Account)
	}
	return err
}

// chosen gives those of some people of the list who get it.
func chosen(r store.Reader, run Run, ids []int64) ([]int64, error) {
	if run.ImportID != 0 {
		came, err := consent.CameBy(r, run.ListID, []int64{run.ImportID}, ids)
		if err != nil {
			return nil, err
		}
		ids = ids[:0]
		for _, c := range came {
			ids = append(ids, c.ContactID)
		}
		if ids = slices.Compact(ids); len(ids) == 0 {
			return nil, nil
		}
	}
	if run.Kind == Tell {
		return store.All[int64](r, whoTell, run.ListID, ids)
	}
	g, err := consent.GroundOf(r)
	if err != nil {
		return nil, err
	}
	return store.All[int64](r, whoAsk, append(g.Args(), run.ListID, ids)...)
}

func wanted(tx *store.Tx, who []int64, listID, run int64, imp func(int64) int64) error {
	if len(who) == 0 {
		return nil
	}
	load := make([][]any, len(who))
	for k, c := range who {
		load[k] = []any{c, listID, tx.ID(), string(Wanted), run, imp(c), tx.Now}
	}
	_, err := tx.Load(want, load)
	return err
}

// InFlight is how many of an account's mails that go once wait for the sender at a time: so many hold
// up a confirmation mail by seconds, and are sent within a minute even by a slow service.
const InFlight = 200

// AskedADay is how many questions of an account go out in 24 hours: they are direct marketing, and nobody needs
// them today.
const AskedADay = 5_000

var (
	perAccount = budget.Limit{Name: "once.account", Max: AskedADay, Per: budget.Longest}
	perHouse   = budget.Limit{Name: "once.house", Max: 100_000, Per: budget.Longest, Wide: true}
)

// Pace lets more of what is wanted leave, in every account: a job.Periodic of every minute. Run twice at once it
// lets nobody have two.
func Pace(db *store.DB) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		accounts, err := over(ctx, db, accountsWanting)
		for _, a := range accounts {
			if ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			err = errors.Join(err, pace(ctx, db, a))
		}
		return err
	}
}

func over(ctx context.Context, db *store.DB, q *store.Query, args ...any) (accounts []int64, err error) {
	err = db.View(ctx, actor.System("once"), func(v *store.View) (err error) { accounts, err = store.All[int64](v, q, args...); return err })
	return accounts, err
}

func pace(ctx context.Context, db *store.DB, account int64) error {
	return db.Write(ctx, actor.Worker("once.pace", account), func(tx *store.Tx) error {
		flying, err := store.One[int64](tx, inFlight)
		if err != nil || flying >= InFlight {
			return err
		}
		next, err := store.All[Row](tx, nextWanted, InFlight-flying)
		if err != nil || len(next) == 0 {
			return err
		}
		key, err := keys.Of(tx).MAC(keys.Installation, "budget")
		if err != nil {
			return err
		}
		var ids []int64
		spent := false
		for _, o := range next {
			kind := TellMail
			if o.Kind() == Ask {
				if kind = AskMail; spent {
					continue
				}
				if err := budget.Spend(tx, key, perHouse.For(""), perAccount.For(dec(account))); fault.Is(err, fault.Busy) {
					spent = true // the others tomorrow
					continue
				} else if err != nil {
					return err
				}
			}
			ids = append(ids, o.ID)
			job.Post(tx, kind, o.ID)
		}
		if len(ids) > 0 {
			tx.Do(queue, ids)
		}
		return nil
	})
}

type owed struct {
	ID          int64
	NoticeDueAt legalclock.Moment
}

// Daily wants everybody told whose month ends soon (Ahead), or has ended, and whom no campaign told: in every account
// that doesn't say otherwise. A job.Periodic; run twice it wants nobody twice.
func Daily(db *store.DB) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		accounts, err := over(ctx, db, accountsDue, legalclock.MomentOf(db.Clock()()).Add(furthest*day))
		for _, a := range accounts {
			if ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			err = errors.Join(err, daily(ctx, db, a))
		}
		return err
	}
}

const day = 24 * time.Hour

func daily(ctx context.Context, db *store.DB, account int64) error {
	var at owed
	err := db.Bulk(ctx, actor.Worker("once.daily", account), func(tx *store.Tx) (bool, error) {
		on, err := ByItself(tx)
		if err != nil || !on {
			return false, err
		}
		if _, ok, err := notice.Current(tx); err != nil || !ok {
			return false, err
		}
		ahead, err := Ahead(tx)
		if err != nil {
			return false, err
		}
		due, err := store.All[owed](tx, whoDue, tx.Now.Add(time.Duration(ahead)*day), at.NoticeDueAt, at.NoticeDueAt, at.ID, rows)
		if err != nil || len(due) == 0 {
			return false, err
		}
		ids := make([]int64, len(due))
		for i, o := range due {
			ids[i] = o.ID
		}
		people, err := contact.Some(tx, ids)
		if err != nil {
			return false, err
		}
		from, err := Sources(tx, people)
		if err != nil {
			return false, err
		}
		if err := wanted(tx, ids, 0, 0, func(c int64) int64 { return from[c].Import }); err != nil {
			return false, err
		}
		if _, err := trace.Append(tx, trace.Act{Action: "once.due", Object: "once", Clear: proof.Fields{"people": dec(int64(len(ids)))}}); err != nil {
			return false, err
		}
		tx.AfterCommit(func() { at = due[len(due)-1] })
		return len(due) == rows, nil
	})
	if err != nil {
		return err
	}
	return pace(ctx, db, account)
}

// ByItself tells whether the account's people are told by themselves before the month ends: they are, unless it said otherwise.
func ByItself(r store.Reader) (bool, error) {
	on, err := store.One[bool](r, getSwitch)
	if errors.Is(err, store.ErrNone) {
		return true, nil
	}
	return on, err
}

// SetByItself sets it.
func SetByItself(tx *store.Tx, on bool) error {
	if was, err := ByItself(tx); err != nil || was == on {
		return err
	}
	f := proof.Fields{"by_itself": "no"}
	if on {
		f["by_itself"] = "yes"
	}
	entry, err := trace.Append(tx, trace.Act{Action: "once.switch", Object: "account", ObjectID: tx.Account(), Clear: f})
	if err == nil {
		tx.Do(setSwitch, on, entry)
	}
	return err
}
