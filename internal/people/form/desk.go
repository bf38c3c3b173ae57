// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/notice"
	"consend/internal/team/account"
)

// Live is a form as it is served: what a visitor's page and post need, read once and kept.
type Live struct {
	Account account.Account
	Form    Form
	Version Version
	Note    notice.Version
	Pages   []Page

	puzzle bool // the version served now asks for the puzzle, whatever this one does
}

// AsksWork tells whether the browser is asked for a little work: as the form is served now, since a number of an old
// version is anybody's to name.
func (l Live) AsksWork() bool { return l.puzzle || l.Version.Definition.Puzzle }

// Page is the kept page in a language of the form.
func (l Live) Page(lang string) Page {
	for _, p := range l.Pages {
		if p.Language == lang {
			return p
		}
	}
	return Page{}
}

// Desk keeps the forms that are served in memory: versions never change, and which one is
// served is looked up again every two seconds, or at once where it was published. App makes
// one a node and attaches it to the main store.
type Desk struct {
	db *store.DB

	mu    sync.Mutex
	forms map[string]served
	old   map[pinned]Live // versions by number: copies on other sites show old ones, links lead to them
	seen  map[seen]tally
}

type served struct {
	live  Live
	err   error
	until legalclock.Moment
}

type seen struct {
	account, form int64
	kind, detail  string
}

type tally struct{ told, waiting int64 }

const (
	deskTTL = 2 * time.Second
	deskMax = 10_000 // forms; beyond it all are forgotten, and read again when asked for
)

// NewDesk makes a desk.
func NewDesk(db *store.DB) *Desk {
	return &Desk{db: db, forms: map[string]served{}, old: map[pinned]Live{}, seen: map[seen]tally{}}
}

// At finds the form at a public address. Faults: form.none, form.closed.
func (d *Desk) At(ctx context.Context, slug string) (Live, error) {
	now := legalclock.MomentOf(d.db.Clock()())
	d.mu.Lock()
	s, ok := d.forms[slug]
	d.mu.Unlock()
	if ok && now < s.until {
		return s.live, s.err
	}
	s.live, s.err = load(ctx, d.db, slug)
	if s.err != nil && !fault.Is(s.err, fault.NotFound) && !fault.Is(s.err, fault.Gone) {
		return s.live, s.err
	}
	s.until = now.Add(deskTTL)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.forms) >= deskMax {
		clear(d.forms)
	}
	d.forms[slug] = s
	return s.live, s.err
}

// Shown gives the form in the version a visitor was shown: the one served, or an older one,
// since a page may stand open and a copy stand on another site. A yes names what was shown. Where the one
// served asks of whom the older one didn't how old they are (GDPR 8(1)), that one is given: it is to be filled in anew.
func (d *Desk) Shown(ctx context.Context, l Live, version int64) (Live, error) {
	if version == 0 || version == l.Version.ID {
		return l, nil
	}
	var old Live
	err := d.db.View(ctx, actor.Worker("form", l.Account.ID), func(v *store.View) (err error) {
		old, err = d.version(v, version)
		return err
	})
	if err != nil || old.Version.FormID != l.Form.ID {
		return l, err
	}
	if !old.Version.Definition.asksAgeAs(l.Version.Definition) {
		return l, nil
	}
	old.Account, old.Form, old.puzzle = l.Account, l.Form, l.AsksWork()
	return old, nil
}

// asksAgeAs tells whether the form keeps out everybody whom another one does by their age.
func (d Definition) asksAgeAs(other Definition) bool {
	if len(other.Ages) == 0 {
		if len(d.Ages) == 0 {
			return d.Age >= other.Age
		}
		return !slices.ContainsFunc(d.Ages, func(a Aged) bool { return a.Years < other.Age })
	}
	for _, a := range other.Ages {
		if years, _ := d.years(a.Country); years < a.Years {
			return false
		}
	}
	return true
}

// version reads a version once. The key holds the account: what one has read is no other's.
func (d *Desk) version(r store.Reader, id int64) (Live, error) {
	k := pinned{accountOf(r), id}
	d.mu.Lock()
	l, ok := d.old[k]
	d.mu.Unlock()
	if ok {
		return l, nil
	}
	l, err := read(r, Form{}, id)
	if err != nil {
		return l, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.old) >= deskMax {
		clear(d.old)
	}
	d.old[k] = l
	return l, nil
}

type pinned struct{ account, version int64 }

// Forget makes the next visitor read the form again.
func (d *Desk) Forget(slug string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.forms, slug)
}

// Tally counts what isn't worth a write each time: it gives how many to write down now. The
// first are written one by one, later ones by growing steps of at most 64.
func (d *Desk) Tally(account, form int64, kind, detail string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := seen{account, form, kind, detail}
	if len(d.seen) >= deskMax {
		clear(d.seen)
	}
	t := d.seen[k]
	t.waiting++
	give := t.waiting
	if give < min(max(1, t.told/4), 64) {
		give = 0
	} else {
		t = tally{told: t.told + give}
	}
	d.seen[k] = t
	return give
}

// Caught counts a post that became no sign-up, such as a robot's.
func (d *Desk) Caught(ctx context.Context, l Live, kind string) error {
	n := d.Tally(l.Account.ID, l.Form.ID, kind, "")
	if n == 0 {
		return nil
	}
	return d.db.Write(ctx, actor.Worker("form", l.Account.ID), func(tx *store.Tx) error {
		tx.Do(countUp, l.Form.ID, day(tx), kind, "", n, n)
		return nil
	})
}

func forget(tx *store.Tx, slug string) {
	if d, ok := store.Attached[*Desk](tx); ok {
		tx.AfterCommit(func() { d.Forget(slug) })
	}
}

type place struct{ AccountID, FormID int64 }

func load(ctx context.Context, db *store.DB, slug string) (Live, error) {
	none := fault.New(fault.NotFound, "form.none")
	if slug == "" || len(slug) > 80 {
		return Live{}, none
	}
	var at place
	err := db.View(ctx, actor.System("form"), func(v *store.View) (err error) {
		at, err = store.One[place](v, findSlug, slug)
		return err
	})
	if errors.Is(err, store.ErrNone) {
		return Live{}, none
	}
	if err != nil {
		return Live{}, err
	}
	var l Live
	err = db.View(ctx, actor.Worker("form", at.AccountID), func(v *store.View) (err error) {
		f, err := Find(v, at.FormID)
		if err != nil {
			return err
		}
		if f.State() == Draft || f.State() == Retired {
			return none
		}
		if l, err = read(v, f, f.CurrentID); err != nil {
			return err
		}
		if l.Account, err = account.Get(v); err != nil {
			return err
		}
		if f.State() == Closed || l.Account.Suspended() {
			return fault.New(fault.Gone, "form.closed")
		}
		return nil
	})
	return l, err
}

func read(v store.Reader, f Form, version int64) (Live, error) {
	l := Live{Form: f}
	var err error
	if l.Version, err = Get(v, version); err != nil {
		return l, err
	}
	if l.Note, err = notice.Get(v, l.Version.NoteVersion); err != nil {
		return l, err
	}
	l.Pages, err = Pages(v, version)
	return l, err
}

// Language picks the language a visitor reads the form in: the one asked for, then the
// browser's (an Accept-Language header), then the form's own.
func (l Live) Language(asked ...string) string {
	for _, a := range asked {
		if slices.Contains(l.Version.Definition.Languages, a) {
			return a
		}
		if t := l.Version.Definition.Prefers(a); strings.ContainsAny(a, ",;-") && t != "" {
			return t
		}
	}
	return l.Version.Definition.Language("")
}

func day(r *store.Tx) int64 { return int64(r.Now) / (24 * time.Hour).Microseconds() }
