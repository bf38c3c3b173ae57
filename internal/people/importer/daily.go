// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"context"
	"errors"
	"strconv"

	"consend/internal/ground/actor"
	"consend/internal/ground/blob"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/contact"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Remind is the fact that an account is to be reminded of rows that wait for proof (ref: the
// import). What the mail says is DraftReminder.
const Remind job.Kind = "importer.remind"

type waitingImport struct {
	ID         int64
	WaitsUntil legalclock.Moment
	Reminded   int64
	EndedAt    legalclock.Moment
	StartedAt  legalclock.Moment
}

// Daily looks at every account's imports: it reminds of rows that wait (rule waiting.remind:
// on the 7th and the 20th day), takes off those whose time has come, and destroys files that
// have ended. A job.Periodic; run twice it does nothing twice. An hour late is early enough:
// the rows go two days before the law asks (rule art14.margin). What goes wrong with one import
// is told and holds up no other.
func Daily(db *store.DB) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		var accounts []int64
		err := db.View(ctx, actor.System("importer"), func(v *store.View) (err error) {
			accounts, err = store.All[int64](v, accountsDue)
			return err
		})
		for _, a := range accounts {
			if ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			err = errors.Join(err, daily(ctx, db, actor.Worker("importer.daily", a)))
		}
		return errors.Join(err, contact.Forget(ctx, db))
	}
}

func daily(ctx context.Context, db *store.DB, who actor.Actor) error {
	var due []waitingImport
	err := db.View(ctx, who, func(v *store.View) (err error) {
		due, err = store.All[waitingImport](v, waitingImports)
		return err
	})
	if err == nil {
		err = db.Write(ctx, who, func(tx *store.Tx) error { return forgetFiles(tx) })
	}
	if err != nil {
		return err
	}
	now := legalclock.MomentOf(db.Clock()())
	for _, w := range due {
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if w.WaitsUntil <= now {
			err = errors.Join(err, endAll(ctx, db, who, w.ID))
		} else {
			err = errors.Join(err, db.Write(ctx, who, func(tx *store.Tx) error { return remind(tx, w) }))
		}
	}
	return err
}

// endAll takes off everybody who waits in an import, some at a time.
func endAll(ctx context.Context, db *store.DB, who actor.Actor, id int64) error {
	after := int64(0)
	return db.PurgeBulk(ctx, who, waitingRule, func(tx *store.Tx) (bool, error) {
		next, err := expire(tx, id, after)
		tx.AfterCommit(func() { after = next })
		return next != 0, err
	})
}

// remind posts the reminder of the latest day that has come, once.
func remind(tx *store.Tx, w waitingImport) error {
	zone, rules, err := rulesOf(tx)
	if err != nil {
		return err
	}
	began := w.StartedAt
	if w.EndedAt != 0 {
		began = w.EndedAt
	}
	passed := int64(legalclock.Day(tx.Now, zone) - legalclock.Day(began, zone))
	day := int64(0)
	for _, s := range rules.List(rulepack.WaitingRemind) {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && n <= passed && n > day {
			day = n
		}
	}
	if day <= w.Reminded {
		return nil
	}
	n, err := tx.Exec(setReminded, day, w.ID, day)
	if err != nil || n == 0 {
		return err
	}
	job.Post(tx, Remind, w.ID)
	_, err = trace.Append(tx, trace.Act{Action: "import.remind", Object: "import", ObjectID: w.ID, Clear: proof.Fields{"day": dec(day)}})
	return err
}

type endedFile struct{ ID, BlobID int64 }

// forgetFiles destroys the files of imports whose end has come (GDPR 5(1)(e)).
func forgetFiles(tx *store.Tx) error {
	files, err := store.All[endedFile](tx, ended)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := forgetFile(tx, f.ID, f.BlobID); err != nil {
			return err
		}
	}
	return nil
}

// forgetFile destroys the file of an import, and what the report quotes of it.
func forgetFile(tx *store.Tx, id, file int64) error {
	if file == 0 {
		return nil
	}
	if err := blob.Delete(tx, file); err != nil {
		return err
	}
	tx.Do(forget, id)
	tx.Do(forgetValues, unlistedValue, id, unknownValue)
	_, err := trace.Append(tx, trace.Act{Action: "import.file_end", Object: "import", ObjectID: id})
	return err
}
