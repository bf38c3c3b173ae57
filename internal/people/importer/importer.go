// SPDX-License-Identifier: AGPL-3.0-or-later

// Package importer promises that a file of people comes in whole, once and lawfully: every
// line is counted as a row, a refused row with its reason, or a duplicate; every person gets
// an evidence grade and an entry in their ledger; and no file revives a withdrawal, an
// objection or a suppression (INV-04).
//
//	draft → checked → mapped → origin → ready → running → done
//	          ↑_________↑________↑________|        |→ stopped (goes on when told) · failed
//
// Steps before ready can be taken again in any order once reached. The file lies as a sealed
// blob until its end; nothing of it is copied elsewhere.
//
// What a crash leaves: the rows of the steps that were committed, and the cursor that stands
// in the same transactions. Another run reads the file again from its beginning, to know
// which addresses it has met, and writes from the cursor on.
//
// It leaves to sheet how a table is written, to consent what an event makes of a
// subscription, to contact who a person is.
package importer

import (
	"encoding/json"
	"errors"
	"slices"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/importer/sheet"
)

// State is how far an import is.
type State string

// The states of an import.
const (
	Draft    State = "draft"   // the file is here
	Checked  State = "checked" // encoding, separator and header are settled
	Mapped   State = "mapped"  // columns have their meaning
	Sourced  State = "origin"  // where the people come from is said
	Ready    State = "ready"   // list and options are chosen, words are given; it can start
	Running  State = "running" //
	Stopped  State = "stopped" // somebody stopped it; it can go on
	Done     State = "done"    //
	Failed   State = "failed"  // the file can't be read on; what was written stays, and it can go on
	fileKept       = 30        // days a file is kept, so that refused rows can be looked up and put right
)

// rank orders the states before the run.
var rank = map[State]int{Draft: 0, Checked: 1, Mapped: 2, Sourced: 3, Ready: 4}

// Editable tells whether steps can still be taken again.
func (s State) Editable() bool { _, ok := rank[s]; return ok }

// Reached tells whether an import has passed a step, or is past all of them.
func (s State) Reached(step State) bool { return !s.Editable() || rank[s] >= rank[step] }

// Existing says what happens to what is known already of a person.
type Existing string

// The ways with people who are here already. None ever erases by a blank.
const (
	Fill    Existing = "fill"    // what is missing is filled in
	Replace Existing = "replace" // what the file says goes before
	Keep    Existing = "keep"    // nobody's data changes; only their subscription is looked at
)

// Options are the choices of the last step before the summary.
type Options struct {
	Existing Existing  `json:"existing"`
	Refusals *Refusals `json:"refusals,omitempty"` // the file is of people who must not be written to
}

// Refusing tells whether the import is of people who must not be written to.
func (i Import) Refusing() bool { return i.Options.Refusals != nil }

// Survey is what is known of the file: never a cell of anybody.
type Survey struct {
	Header []string `json:"header"`
	Width  int      `json:"width"`
	Rows   int64    `json:"rows"`
	Broken int64    `json:"broken"`
	Twice  []string `json:"twice,omitempty"`
	Filled []int64  `json:"filled,omitempty"` // by column: rows in which it says something
}

// Says tells in how many rows a column says something; none for one that isn't there.
func (s Survey) Says(column int) int64 {
	if column < 0 || column >= len(s.Filled) {
		return 0
	}
	return s.Filled[column]
}

// Cursor is how far the file is written: all rows before the position, and of the rest the
// batches that begin at these octets (with two writers the later may be first).
type Cursor struct {
	sheet.Position
	Ahead []int64                  `json:"ahead,omitempty"`
	Next  map[int64]sheet.Position `json:"next,omitempty"` // where each of them ends
	Met   int64                    `json:"met,omitempty"`  // the last person who was compared with hashes, once all rows are in
}

func (c Cursor) ahead(from int64) bool { return slices.Contains(c.Ahead, from) }

// Import is one file on its way in.
type Import struct {
	ID         int64
	State      State
	Name       string
	Blob       int64
	Size       int64
	SHA256     []byte
	Format     sheet.Format
	Survey     Survey
	Shape      Shape
	Mapping    Mapping
	Origin     Origin
	Options    Options
	List       int64
	Evidence   int64
	DeclaredBy int64
	DeclaredAt legalclock.Moment
	At         Cursor
	Counts     Counts
	Fault      string
	WaitsUntil legalclock.Moment
	Task       int64
	MadeBy     int64
	MadeAt     legalclock.Moment
	StartedAt  legalclock.Moment
	EndedAt    legalclock.Moment
	FileEndsAt legalclock.Moment
	Fence      int64
	Version    int64
	Entry      int64
	UndoTask   int64             // it is being taken back, or was
	UndoAfter  int64             // the last person looked at for that
	UndoneAt   legalclock.Moment // it was taken back
	Releases   []Release         // what was said for rows that waited, oldest first
}

// Release is what was said for rows that waited: of them alone. What the import itself was told stays as it is,
// and goes for the rows that are still to come.
type Release struct {
	At         legalclock.Moment `json:"at"`
	Origin     Origin            `json:"origin"`
	Evidence   int64             `json:"evidence,omitempty"`
	DeclaredBy int64             `json:"declared_by,omitempty"`
	People     int64             `json:"people,omitempty"` // whom it released
}

// Said is what was said last of people who waited; of an import without a release, what it was told itself.
func (i Import) Said() Release {
	if n := len(i.Releases); n > 0 {
		return i.Releases[n-1]
	}
	return Release{At: i.DeclaredAt, Origin: i.Origin, Evidence: i.Evidence, DeclaredBy: i.DeclaredBy}
}

// OriginAt is the origin that a release at a moment stood on.
func (i Import) OriginAt(m legalclock.Moment) Origin {
	o := i.Origin
	for _, r := range i.Releases {
		if r.At <= m {
			o = r.Origin
		}
	}
	return o
}

// Counts is what the report says, in people and rows. Every row of the file is in exactly one
// of Fresh, Known, Refused and Doubled.
type Counts struct {
	Rows     int64            `json:"rows"`            // read so far, readable or not
	Fresh    int64            `json:"fresh"`           // people new to the account
	Known    int64            `json:"known"`           // people who were here
	Changed  int64            `json:"changed"`         // of Known: data was filled in or replaced
	Refused  int64            `json:"refused"`         // rows that can't be imported
	Doubled  int64            `json:"doubled"`         // rows whose address stands earlier in the file
	Grades   map[string]int64 `json:"grades"`          // subscriptions by grade; "" waits for proof
	Waits    map[string]int64 `json:"waits,omitempty"` // of Grades[""]: by what was missing when the import ended
	Same     int64            `json:"same"`            // were on the list already, on evidence at least as good
	Withheld map[string]int64 `json:"withheld"`        // not put on the list, by consent.Verdict: the person's no, the do-not-mail list …
	Left     int64            `json:"left"`            // rows that said no themselves: unsubscribed, blocked, complained, bounced
	Remarks  int64            `json:"remarks"`         // rows read without one of their values
	Listed   int64            `json:"listed"`          // notes that are kept
	Unlisted int64            `json:"unlisted"`        // notes beyond that
	Released int64            `json:"released"`        // waited, and were released since
	Freed    map[string]int64 `json:"freed,omitempty"` // of Released: by grade; of older releases it isn't known
	Expired  int64            `json:"expired"`         // waited in vain: the claim is gone, and so is who came by it alone
	Settled  int64            `json:"settled"`         // waited, and had said yes or no themselves or were proved otherwise when it ended

	Measured   int64 `json:"measured,omitempty"`   // said yes to measuring, with what shows it
	Unmeasured int64 `json:"unmeasured,omitempty"` // said no to it

	Hashed int64 `json:"hashed,omitempty"` // of refusals: rows that hold a hash instead of an address
	Met    int64 `json:"met,omitempty"`    // of these, how many named somebody who was here
	Here   int64 `json:"here,omitempty"`   // of refusals: people who were here by their address, and were stopped

	Off  int64            `json:"off,omitempty"`  // taken back: no longer on the list
	Gone int64            `json:"gone,omitempty"` // taken back: of these, deleted
	Stay map[string]int64 `json:"stay,omitempty"` // taken back: people who stay, by why (Stays)
}

func (c *Counts) waits(why string, n int64) {
	if c.Waits == nil {
		c.Waits = map[string]int64{}
	}
	c.Waits[why] += n
}

func (c *Counts) stays(why string, n int) {
	if n == 0 {
		return
	}
	if c.Stay == nil {
		c.Stay = map[string]int64{}
	}
	c.Stay[why] += int64(n)
}

// Undone is how many people were looked at to take the import back.
func (c Counts) Undone() int64 {
	n := c.Gone
	for _, k := range c.Stay {
		n += k
	}
	return n
}

// Mailable is how many people the import put on the list who may be mailed.
func (c Counts) Mailable() int64 { return c.Grades["B"] + c.Grades["C"] + c.Grades["D"] }

// Graded is how many people have a grade by the import, those released since among them.
func (c Counts) Graded(g string) int64 { return c.Grades[g] + c.Freed[g] }

// Waiting is how many were kept waiting for proof when the import ended.
func (c Counts) Waiting() int64 { return c.Grades[""] }

// StillWaiting is how many of these wait yet.
func (c Counts) StillWaiting() int64 { return c.Waiting() - c.Released - c.Expired - c.Settled }

// NotMailed is how many people the file names who may not be written to.
func (c Counts) NotMailed() int64 {
	n := c.Left
	for _, k := range c.Withheld {
		n += k
	}
	return n
}

// Get finds an import. Faults: import.none.
func Get(r store.Reader, id int64) (Import, error) { return one(r, get, id) }

func lock(tx *store.Tx, id int64) (Import, error) { return one(tx, getLocked, id) }

func one(r store.Reader, q *store.Query, id int64) (Import, error) {
	l, err := store.One[line](r, q, id)
	if errors.Is(err, store.ErrNone) {
		return Import{}, fault.New(fault.NotFound, "import.none")
	}
	if err != nil {
		return Import{}, err
	}
	return l.read()
}

// Title is an import as a search shows it.
type Title struct {
	ID     int64
	Name   string
	State  State
	MadeAt legalclock.Moment
}

// Names gives the titles of the newest imports.
func Names(r store.Reader, limit int) ([]Title, error) { return store.All[Title](r, titles, limit) }

// All lists the newest imports, at most limit.
func All(r store.Reader, limit int) ([]Import, error) {
	ls, err := store.All[line](r, newest, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Import, 0, len(ls))
	for _, l := range ls {
		i, err := l.read()
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// line is an import as its row has it.
type line struct {
	ID         int64
	State      State
	Name       string
	BlobID     int64
	Size       int64
	Sha256     []byte `db:"sha256"`
	Format     string
	Survey     string
	Shape      Shape
	Mapping    string
	Origin     string
	Options    string
	ListID     int64
	EvidenceID int64
	DeclaredBy int64
	DeclaredAt legalclock.Moment
	Cursor     string
	Counts     string
	Fault      string
	WaitsUntil legalclock.Moment
	TaskID     int64
	MadeBy     int64
	MadeAt     legalclock.Moment
	StartedAt  legalclock.Moment
	EndedAt    legalclock.Moment
	FileEndsAt legalclock.Moment
	Fence      int64
	Version    int64
	EntryID    int64
	UndoTaskID int64
	UndoAfter  int64
	UndoneAt   legalclock.Moment
	Releases   string
}

func (l line) read() (Import, error) {
	i := Import{ID: l.ID, State: l.State, Name: l.Name, Blob: l.BlobID, Size: l.Size, SHA256: l.Sha256, Shape: l.Shape, List: l.ListID, Evidence: l.EvidenceID,
		DeclaredBy: l.DeclaredBy, DeclaredAt: l.DeclaredAt, Fault: l.Fault, WaitsUntil: l.WaitsUntil, Task: l.TaskID, MadeBy: l.MadeBy, MadeAt: l.MadeAt,
		StartedAt: l.StartedAt, EndedAt: l.EndedAt, FileEndsAt: l.FileEndsAt, Fence: l.Fence, Version: l.Version, Entry: l.EntryID,
		UndoTask: l.UndoTaskID, UndoAfter: l.UndoAfter, UndoneAt: l.UndoneAt}
	for _, f := range []struct {
		text string
		into any
	}{{l.Format, &i.Format}, {l.Survey, &i.Survey}, {l.Mapping, &i.Mapping}, {l.Origin, &i.Origin}, {l.Options, &i.Options}, {l.Cursor, &i.At}, {l.Counts, &i.Counts}, {l.Releases, &i.Releases}} {
		if err := json.Unmarshal([]byte(f.text), f.into); err != nil {
			return i, err
		}
	}
	if i.Counts.Grades == nil {
		i.Counts.Grades = map[string]int64{}
	}
	if i.Counts.Withheld == nil {
		i.Counts.Withheld = map[string]int64{}
	}
	return i, nil
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("importer: " + err.Error()) // own structs of strings and numbers
	}
	return string(b)
}

// signs tells whether an actor's word may stand for people: an owner or admin, by name (kind.md).
func signs(who actor.Actor) bool {
	return who.Kind == actor.Member && who.ID != 0 && (who.Role == "owner" || who.Role == "admin")
}
