// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// How long values are kept (GDPR 5(1)(e)). An account says of an attribute for how many days; from then on
// attribute_noted holds when each of its values was noted last, and EndValues deletes those that are older.
//
//	noted      set, changed, or said again by a form or a file
//	before     a value that was there when the limit was set counts from the person's last change
//	first      nothing goes within KeepGrace days after the limit was set or shortened: time to look at what would go
//	frozen     who asked that nothing be done with their data (GDPR 18(2)) keeps it until the freeze ends
//	retired    an attribute out of use still ends its values
//
//	corrected  what attribute_was keeps of a correction goes as soon as the older of its two values is too old
//
// The trace keeps no value of an attribute, but commitments.
const (
	KeepGrace = 7 // days
	keepRule  = "attribute.keep"
	keepStep  = 200
	datePage  = 10_000
	keepDay   = 24 * 60 * 60 * 1_000_000 // of 24 hours, in a Moment's microseconds
)

// From is when the first value can go; 0 where the attribute has no limit.
func (a Attribute) From() legalclock.Moment {
	if a.KeepDays == 0 || a.KeepSince == 0 {
		return 0
	}
	return a.KeepSince + KeepGrace*keepDay
}

// limit gives the moment before which values of an attribute are too old.
func (a Attribute) limit(now legalclock.Moment) legalclock.Moment {
	return now - legalclock.Moment(a.KeepDays*keepDay)
}

// since is when a limit was set or shortened. One that was taken off keeps its moment until nothing is dated any more.
func (a Attribute) since(was Attribute, now legalclock.Moment) legalclock.Moment {
	if a.KeepDays != 0 && (was.KeepDays == 0 || was.KeepSince == 0 || a.KeepDays < was.KeepDays) {
		return now
	}
	return was.KeepSince
}

// LeavingMost is where Leaving stops to count.
const LeavingMost = 10_000

// Leaving is of how many people a value goes within some days from now, at most LeavingMost.
func Leaving(r store.Reader, a Attribute, days int64) (int64, error) {
	now := store.NowOf(r) + legalclock.Moment(days*keepDay)
	if a.KeepDays == 0 || a.From() > now {
		return 0, nil
	}
	return store.One[int64](r, leavingCount, a.Name, a.limit(now), LeavingMost)
}

// note dates what was noted about people: those of the names that have a limit.
func note(tx *store.Tx, said []noted) error {
	if len(said) <= 2 { // leaves with the act: no question is asked
		for _, s := range said {
			if names := s.values.filled(); len(names) > 0 {
				tx.Do(noteOne, s.person, names)
			}
		}
		return nil
	}
	names, err := store.All[string](tx, datedNames)
	if err != nil || len(names) == 0 {
		return err
	}
	var rows [][]any
	for _, s := range said {
		for _, name := range names {
			if !s.values[name].IsZero() {
				rows = append(rows, []any{s.person, name, int64(tx.Now)})
			}
		}
	}
	_, err = tx.Load(noteMany, rows)
	return err
}

// noted is what was noted about a person.
type noted struct {
	person int64
	values Attributes
}

// filled gives the names of values that are something.
func (a Attributes) filled() []string {
	var out []string
	for n, v := range a {
		if !v.IsZero() {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// EndValues deletes the values that were kept as long as their account said, in every account. Again is
// harmless, and a kill leaves the rest to the next time. What goes wrong in one account holds up no other's.
func EndValues(ctx context.Context, db *store.DB) error {
	var accounts []int64
	err := db.View(ctx, actor.System("contact.keep"), func(v *store.View) (err error) {
		accounts, err = store.All[int64](v, keepers)
		return err
	})
	for _, a := range accounts {
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		err = errors.Join(err, keeper{ctx, db, actor.Worker("contact.keep", a)}.run())
	}
	return err
}

// keeper ends values of one account.
type keeper struct {
	ctx context.Context
	db  *store.DB
	who actor.Actor
}

func (k keeper) run() error {
	rules := map[string]Attribute{} // what holds of a name: its attribute in use, else the one retired last
	var dated []string
	err := k.db.View(k.ctx, k.who, func(v *store.View) error {
		all, err := EveryAttribute(v)
		for _, a := range all {
			if was, ok := rules[a.Name]; !ok || was.RetiredAt != 0 && a.RetiredAt > was.RetiredAt {
				rules[a.Name] = a
			}
			if a.KeepSince != 0 && !slices.Contains(dated, a.Name) {
				dated = append(dated, a.Name)
			}
		}
		return err
	})
	for _, name := range dated {
		if rules[name].KeepDays == 0 {
			err = errors.Join(err, k.forget(name))
		}
	}
	for _, a := range rules {
		switch {
		case a.KeepDays == 0:
		case a.KeepSince == 0: // from before limits were kept
			err = errors.Join(err, k.db.Write(k.ctx, k.who, func(tx *store.Tx) error { tx.Do(beginKeeping, tx.Now, a.ID); return nil }))
		default:
			if err = errors.Join(err, k.date(a)); a.From() <= legalclock.MomentOf(k.db.Clock()()) {
				err = errors.Join(err, k.end(a), k.endWas(a))
			}
		}
	}
	return err
}

// forget drops the dates of a name that has no limit any more.
func (k keeper) forget(name string) error {
	return k.db.Bulk(k.ctx, k.who, func(tx *store.Tx) (bool, error) {
		n, err := tx.Exec(dropDates, name, name, keepStep)
		if err != nil || n > 0 {
			return n > 0, err
		}
		tx.Do(stopKeeping, name)
		return false, nil
	})
}

// date gives a moment to the values that have none: that of the person's last change.
func (k keeper) date(a Attribute) error {
	type undated struct {
		ID        int64
		UpdatedAt legalclock.Moment
	}
	after := int64(0)
	for {
		var end int64
		var some []undated
		err := k.db.View(k.ctx, k.who, func(v *store.View) (err error) {
			if end, err = store.One[int64](v, datePageEnd, after, datePage); err != nil || end == 0 {
				return err
			}
			some, err = store.All[undated](v, withoutDate, after, end, a.Name, a.Name)
			return err
		})
		if err != nil || end == 0 {
			return err
		}
		after = end
		for part := range slices.Chunk(some, 1000) {
			err := k.db.Bulk(k.ctx, k.who, func(tx *store.Tx) (bool, error) {
				ids := make([]int64, len(part))
				for i, u := range part {
					ids[i] = u.ID
				}
				here, err := Lock(tx, ids) // who went meanwhile gets no date
				if err != nil {
					return false, err
				}
				at := map[int64]legalclock.Moment{}
				for _, u := range part {
					at[u.ID] = u.UpdatedAt
				}
				rows := make([][]any, len(here))
				for i, r := range here {
					rows[i] = []any{r.ID, a.Name, int64(at[r.ID])}
				}
				_, err = tx.Load(dateMany, rows)
				return false, err
			})
			if err != nil {
				return err
			}
		}
	}
}

type due struct {
	ContactID int64
	NotedAt   legalclock.Moment
}

// end deletes an attribute's values that are too old, some at a time.
func (k keeper) end(a Attribute) error {
	var last due
	return k.db.PurgeBulk(k.ctx, k.who, keepRule, func(tx *store.Tx) (bool, error) {
		now, err := lockedAttribute(tx, a.ID) // a limit that is changed meanwhile holds at once
		if err != nil || now.KeepDays == 0 || now.From() > tx.Now {
			return false, err
		}
		at := last
		for first := true; first || !tx.Yield(); first = false {
			old, err := store.All[due](tx, dueValues, now.Name, now.limit(tx.Now), at.NotedAt, at.NotedAt, at.ContactID, keepStep)
			if err != nil || len(old) == 0 {
				return false, err
			}
			at = old[len(old)-1]
			if err := endSome(tx, now, old); err != nil {
				return false, err
			}
		}
		tx.AfterCommit(func() { last = at })
		return true, nil
	})
}

// endWas deletes what corrections told of values that are too old, some at a time.
func (k keeper) endWas(a Attribute) error {
	return k.db.PurgeBulk(k.ctx, k.who, keepRule, func(tx *store.Tx) (bool, error) {
		now, err := lockedAttribute(tx, a.ID)
		if err != nil || now.KeepDays == 0 || now.From() > tx.Now {
			return false, err
		}
		n, err := tx.Exec(endWas, now.Name, now.limit(tx.Now), now.Name, now.limit(tx.Now), keepStep)
		if err != nil || n == 0 {
			return false, err
		}
		_, err = trace.Append(tx, trace.Act{Action: "contact.attribute.forget", Object: "attribute", ObjectID: now.ID,
			Clear: proof.Fields{"name": now.Name, "rule": keepRule, "keep_days": strconv.FormatInt(now.KeepDays, 10), "corrections": strconv.FormatInt(n, 10)}})
		return n == keepStep, err
	})
}

// endSome deletes the value of some people, and tells of it in one act: whose, never what.
func endSome(tx *store.Tx, a Attribute, old []due) error {
	ids := make([]int64, len(old))
	for i, d := range old {
		ids[i] = d.ContactID
	}
	slices.Sort(ids)
	rows, err := Lock(tx, ids)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r Row) bool { return r.State == StateRestricted || r.State.Ending() })
	if len(rows) == 0 {
		return nil
	}
	ids = ids[:0]
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	// Locked and read again: who noted it anew since the list was made keeps it.
	ids, err = store.All[int64](tx, stillDue, a.Name, a.limit(tx.Now), ids)
	if err != nil || len(ids) == 0 {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r Row) bool { return !slices.Contains(ids, r.ID) })
	return strip(tx, a, rows, trace.Act{Action: "contact.attribute.end", Clear: proof.Fields{"rule": keepRule, "keep_days": strconv.FormatInt(a.KeepDays, 10)}})
}

// strip deletes what an attribute holds of some people, who are locked, and its dates, and tells of it in one act:
// whose, never what.
func strip(tx *store.Tx, a Attribute, rows []Row, act trace.Act) error {
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	people, err := Some(tx, ids)
	if err != nil {
		return err
	}
	has := make(map[int64]Attributes, len(people))
	for _, c := range people {
		has[c.ID] = c.Attributes
	}
	var members []trace.Member
	for _, r := range rows {
		values := has[r.ID]
		if _, ok := values[a.Name]; !ok {
			continue
		}
		delete(values, a.Name)
		tx.Do(setAttributes, values.text(), r.ID)
		members = append(members, trace.Member{Person: r.Person()})
	}
	tx.Do(dropDatesOf, a.Name, ids)
	if len(members) == 0 {
		return nil
	}
	act.Object, act.ObjectID, act.Clear["name"] = "attribute", a.ID, a.Name
	_, err = trace.AppendSet(tx, act, members)
	return err
}
