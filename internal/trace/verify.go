// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/trace/proof"
)

// Verdict is what a check of the whole log found. The faults carry words for people: keys
// "trace.found.…".
type Verdict struct {
	Entries    int64          // sealed entries checked
	Members    int64          // members of set acts among them
	Pending    int64          // entries that wait to be sealed: they can still be changed unseen
	Restores   []Restored     // restores that were accepted: the log went back, and goes on from there
	Copies     int            // copies of checkpoints outside main, all held against it
	Checkpoint []byte         // signed, if nothing was found
	Found      []*fault.Error // at most maxFound
}

// Holds tells whether nothing was found.
func (v Verdict) Holds() bool { return len(v.Found) == 0 }

const maxFound = 200

// Salts finds the salts of persons' rows, so that the private commitments can be checked
// too; the people rooms have them. A person without a row is left out.
type Salts func(r store.Reader, account int64, contacts []int64) (map[int64][]byte, error)

var verifier = actor.System("trace verify")

// Check says how a check of the log goes.
type Check struct {
	Salts    Salts                   // nil: the private part of what is about a person is not checked
	Progress func(done, total int64) // nil: nobody wants to know
	Restored bool                    // main was put back: copies that say more are looked at by Setback
}

// Verify holds the whole log against the database: every entry against its leaf, every leaf
// against the tree, every set against its root, every copy of a checkpoint outside against
// main. It reads in pages, while people work.
//
// Not seen: a change before sealing; values under a person's key, which the seal of the key
// itself protects; the private part of what is about a member, or about somebody whose salt is gone.
func (l *Log) Verify(ctx context.Context, check Check) (Verdict, error) {
	c := &checking{log: l, Check: check, keys: map[int64][2]proof.Hash{}, vacant: map[proof.Hash]bool{}}
	var cp proof.Checkpoint
	err := l.main.View(ctx, verifier, func(v *store.View) error {
		h, err := store.One[head](v, findHead)
		if err != nil {
			return err
		}
		cp, err = l.checkpoint(h)
		return err
	})
	if err != nil {
		return c.Verdict, err
	}
	c.size, c.root = cp.Size, cp.Root
	if err := c.copies(ctx); err != nil {
		return c.Verdict, err
	}
	for c.next < c.size && len(c.Found) < maxFound {
		if err := l.main.View(ctx, verifier, c.page); err != nil {
			return c.Verdict, err
		}
		if check.Progress != nil {
			check.Progress(c.next, c.size)
		}
	}
	c.changed()
	if err := l.main.View(ctx, verifier, c.tree); err != nil {
		return c.Verdict, err
	}
	if err := c.strays(ctx); err != nil || !c.Holds() {
		return c.Verdict, err
	}
	c.Checkpoint, err = cp.Sign(l.signer)
	return c.Verdict, err
}

// checking is a check on its way.
type checking struct {
	Verdict
	Check
	log  *Log
	keys map[int64][2]proof.Hash // by account: of s1, of s2 without a person

	size   int64
	root   tlog.Hash
	next   int64   // the next leaf
	grown  growing // the tree as the leaves make it
	wrong  []wrongRow
	vacant map[proof.Hash]bool // leaves that were sealed and whose entry is not in its place
}

// wrongRow is an entry that does not give the leaf sealed in its place.
type wrongRow struct {
	account, entry, place int64
	leaf                  proof.Hash
	other                 string // the entry its text names
}

func (c *checking) found(key string, args ...any) {
	if len(c.Found) < maxFound {
		c.Found = append(c.Found, fault.New(fault.Conflict, key, args...))
	}
}

func (c *checking) copies(ctx context.Context) error {
	restores, bad, err := c.log.Restores(ctx)
	if err != nil {
		return err
	}
	c.Restores, c.Found = restores, append(c.Found, bad...)
	if c.Restored {
		return nil
	}
	found, err := c.log.against(ctx, 1<<20)
	if err != nil {
		return err
	}
	c.Found = append(c.Found, found...)
	for _, p := range c.log.places {
		n, err := p.copies(ctx, 1<<20)
		if err != nil {
			return err
		}
		c.Copies += len(n)
	}
	return nil
}

// sealedRow is a leaf with its entry, if it is still there.
type sealedRow struct {
	AccountID, EntryID, LeafIndex int64
	ID, At, N                     *int64
	Action, Actor, Object         string
	ActorID, ObjectID, ContactID  int64
	Clear, Private                string
	C2                            []byte
}

// at names the row in words.
func (r sealedRow) at(more ...any) []any {
	return append([]any{"entry", dec(r.EntryID), "account", dec(r.AccountID), "place", dec(r.LeafIndex)}, more...)
}

const verifyPage = 1000

// page checks the next leaves of the log.
func (c *checking) page(v *store.View) error {
	end := min(c.next+verifyPage, c.size)
	rows, err := store.All[sealedRow](v, sealedPage, c.next, end)
	if err != nil {
		return err
	}
	salts, err := c.salts(v, rows)
	if err != nil {
		return err
	}
	t := treeOf(v, c.size)
	for _, r := range rows {
		c.gap(t, r.LeafIndex)
		if err := c.leaf(v, t, r, salts); err != nil {
			return err
		}
	}
	c.gap(t, end)
	return nil
}

type person struct{ account, contact int64 }

// salts finds those of the persons of a page.
func (c *checking) salts(v *store.View, rows []sealedRow) (map[person][]byte, error) {
	out := map[person][]byte{}
	if c.Salts == nil {
		return out, nil
	}
	ask := map[int64][]int64{}
	for _, r := range rows {
		p := person{r.AccountID, r.ContactID}
		if _, seen := out[p]; r.ContactID != 0 && !seen {
			out[p] = nil
			ask[r.AccountID] = append(ask[r.AccountID], r.ContactID)
		}
	}
	for account, ids := range ask {
		found, err := c.Salts(v, account, ids)
		if err != nil {
			return nil, err
		}
		for id, salt := range found {
			out[person{account, id}] = salt
		}
	}
	return out, nil
}

// gap tells of places in the log whose leaf row is gone.
func (c *checking) gap(t *tiles, until int64) {
	for ; c.next < until && len(c.Found) < maxFound; c.next++ {
		c.found("trace.found.missing", "place", dec(c.next))
		c.sealed(t)
	}
	c.next = until
}

// sealed grows the tree by what the tile holds at the next place.
func (c *checking) sealed(t *tiles) (proof.Hash, bool) {
	h, err := t.leaf(c.next)
	if err != nil {
		c.found("trace.found.tile", "place", dec(c.next))
		return h, false
	}
	c.grown.add(h)
	return h, true
}

// leaf checks one place of the log.
func (c *checking) leaf(v *store.View, t *tiles, r sealedRow, salts map[person][]byte) error {
	c.Entries++
	sealed, ok := c.sealed(t)
	c.next++
	if r.ID == nil {
		c.found("trace.found.deleted", r.at()...)
		return nil
	}
	leaf, err := c.hash(r)
	if err != nil || !ok {
		return err
	}
	f, err := proof.Parse(r.Clear)
	if leaf != sealed {
		c.vacant[sealed] = true
		if len(c.wrong) < maxFound {
			c.wrong = append(c.wrong, wrongRow{r.AccountID, r.EntryID, r.LeafIndex, leaf, f["entry"]})
		}
		return nil
	}
	if err != nil { // the program never wrote such a text
		c.found("trace.found.changed", r.at()...)
		return nil
	}
	c.columns(r, f)
	c.private(r, f, salts)
	return c.members(v, r, f)
}

// hash gives the leaf an entry should have: its clear text under the log's key, which the
// database does not hold.
func (c *checking) hash(r sealedRow) (proof.Hash, error) {
	k, err := c.keysOf(r.AccountID)
	if err != nil {
		return proof.Hash{}, err
	}
	s1 := proof.Salt(&k[0], r.EntryID, proof.Whole)
	var c2 proof.Hash
	copy(c2[:], r.C2)
	return proof.Leaf(proof.MAC(&s1, []byte(r.Clear)), c2), nil
}

func (c *checking) keysOf(account int64) (k [2]proof.Hash, err error) {
	k, ok := c.keys[account]
	if !ok {
		k[0], k[1], err = log(c.log.ring, account)
		c.keys[account] = k
	}
	return k, err
}

// changed says how entries differ from what was sealed in their places: a text that names
// another entry was exchanged, a leaf that was sealed elsewhere was moved.
func (c *checking) changed() {
	for _, w := range c.wrong {
		r := sealedRow{AccountID: w.account, EntryID: w.entry, LeafIndex: w.place}
		switch {
		case w.other != "" && w.other != dec(w.entry):
			c.found("trace.found.swapped", r.at("other", w.other)...)
		case c.vacant[w.leaf]:
			c.found("trace.found.moved", r.at()...)
		default:
			c.found("trace.found.changed", r.at()...)
		}
	}
}

// columns holds what pages search by against what was sealed.
func (c *checking) columns(r sealedRow, f proof.Fields) {
	if f["entry"] != dec(r.EntryID) || f["account"] != dec(r.AccountID) {
		c.found("trace.found.swapped", r.at("other", f["entry"])...)
		return
	}
	if at := legalclock.Moment(*r.At).String(); at != f["at"] {
		c.found("trace.found.dated", r.at("sealed", f["at"], "says", at)...)
	}
	some := func(n int64) string {
		if n == 0 {
			return ""
		}
		return dec(n)
	}
	for _, x := range [][3]string{{"action", r.Action, f["action"]}, {"actor", r.Actor, f["actor"]}, {"actor_id", some(r.ActorID), f["actor_id"]},
		{"object", object(r.Object, r.ObjectID), f["object"]}, {"contact_id", some(r.ContactID), f["contact"]}} {
		if x[1] != x[2] {
			c.found("trace.found.column", r.at("column", x[0])...)
			return
		}
	}
}

// private holds the commitments against the leaf, where the salt is still there.
func (c *checking) private(r sealedRow, f proof.Fields, salts map[person][]byte) {
	k, err := c.keysOf(r.AccountID)
	if err != nil {
		return
	}
	salt := k[1]
	if r.Private != "" && (f["contact"] != "" || f["member"] != "") {
		s := salts[person{r.AccountID, r.ContactID}]
		if len(s) != 32 {
			return
		}
		salt = proof.Hash(s)
	}
	if holds(r, salt) {
		return
	}
	// A person may be named with nothing private told, with or without their salt.
	if s := salts[person{r.AccountID, r.ContactID}]; r.Private == "" && (len(s) != 32 || holds(r, proof.Hash(s))) {
		return
	}
	c.found("trace.found.private", r.at()...)
}

func holds(r sealedRow, salt proof.Hash) bool {
	s2 := proof.Salt(&salt, r.EntryID, proof.Whole)
	all := proof.All(&s2)
	c2 := proof.MAC(&all, []byte(r.Private))
	return bytes.Equal(c2[:], r.C2)
}

// members holds a set act's members against the root in its clear text.
func (c *checking) members(v *store.View, r sealedRow, f proof.Fields) error {
	switch {
	case r.N == nil && f["members"] != "":
		c.found("trace.found.members_gone", r.at()...)
		return nil
	case r.N == nil:
		return nil
	}
	m, err := store.One[membersRow](v, membersOf, r.AccountID, r.EntryID)
	if err != nil {
		return err
	}
	leaves, err := m.hashes()
	g := growing{}
	for i := range leaves {
		g.add(leaves[i])
	}
	if err != nil || f["members"] != dec(*r.N) || proof.Hex(g.root()) != f["root"] {
		c.found("trace.found.members", r.at()...)
		return nil
	}
	c.Members += *r.N
	return nil
}

// tree holds the tiles against the tree that the leaves make, and that against the head.
func (c *checking) tree(v *store.View) error {
	if c.size == 0 || len(c.Found) >= maxFound {
		return nil
	}
	stored, err := treeOf(v, c.size).root(c.size)
	switch {
	case err != nil:
		c.found("trace.found.tree")
	case stored != c.root || c.grown.n == c.size && c.grown.root() != c.root:
		c.found("trace.found.tree")
	}
	return nil
}

type strayRow struct {
	AccountID, ID int64
	Leaf          []byte
	Clear         string
	C2            []byte
}

// strays finds entries that stand in no place of the log, places beyond its end, and entries
// that wait with another leaf than theirs.
func (c *checking) strays(ctx context.Context) error {
	account, id := int64(-1), int64(0)
	for {
		var rows []strayRow
		err := c.log.main.View(ctx, verifier, func(v *store.View) (err error) {
			rows, err = store.All[strayRow](v, unplaced, account, id, verifyPage)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range rows {
			account, id = r.AccountID, r.ID
			if len(r.Leaf) == 0 {
				c.found("trace.found.inserted", "entry", dec(r.ID), "account", dec(r.AccountID))
				continue
			}
			c.Pending++
			leaf, err := c.hash(sealedRow{AccountID: r.AccountID, EntryID: r.ID, Clear: r.Clear, C2: r.C2})
			if err != nil {
				return err
			}
			if !bytes.Equal(leaf[:], r.Leaf) {
				c.found("trace.found.waiting", "entry", dec(r.ID), "account", dec(r.AccountID))
			}
		}
		if len(rows) < verifyPage {
			break
		}
	}
	return c.log.main.View(ctx, verifier, func(v *store.View) error {
		h, err := store.One[head](v, findHead)
		if err != nil {
			return err
		}
		beyond, err := store.All[sealedRow](v, beyondHead, h.Size)
		for _, r := range beyond {
			c.found("trace.found.beyond", r.at("size", h.Size)...)
		}
		return err
	})
}

// leaf reads one leaf of the tree.
func (t *tiles) leaf(n int64) (proof.Hash, error) {
	b, err := t.load(tileID{0, n >> tileBits})
	if err != nil {
		return proof.Hash{}, err
	}
	at := n % tileWidth * tlog.HashSize
	if int64(len(b)) < at+tlog.HashSize {
		return proof.Hash{}, fmt.Errorf("trace: tile %d of level 0 is missing", n>>tileBits)
	}
	return proof.Hash(b[at:]), nil
}

// growing is a tree of which only the right edge is kept: one hash for each bit of n.
type growing struct {
	n    int64
	edge []proof.Hash
}

func (g *growing) add(leaf proof.Hash) {
	for m := g.n; m&1 == 1; m >>= 1 {
		last := len(g.edge) - 1
		leaf = tlog.NodeHash(g.edge[last], leaf)
		g.edge = g.edge[:last]
	}
	g.edge = append(g.edge, leaf)
	g.n++
}

func (g *growing) root() proof.Hash {
	if len(g.edge) == 0 {
		return proof.Hash{}
	}
	h := g.edge[len(g.edge)-1]
	for i := len(g.edge) - 2; i >= 0; i-- {
		h = tlog.NodeHash(g.edge[i], h)
	}
	return h
}
