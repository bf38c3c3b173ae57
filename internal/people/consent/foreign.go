// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/people/refusal"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// HashKind is how another tool made a hash of an address: of its trimmed form in lower case.
type HashKind string

// The hashes that are read.
const (
	SHA256 HashKind = "sha256"
	SHA1   HashKind = "sha1"
	MD5    HashKind = "md5"
)

// ReadHash reads a hash as tools write it, in hexadecimal: its length tells the kind.
func ReadHash(s string) (HashKind, []byte, bool) {
	kind := map[int]HashKind{64: SHA256, 40: SHA1, 32: MD5}[len(s)]
	if kind == "" {
		return "", nil, false
	}
	b, err := hex.DecodeString(s)
	return kind, b, err == nil
}

// Of gives the hash of a text. None of the three protects anything here: they are what the other
// tool wrote, and are only compared.
func (k HashKind) Of(s string) []byte {
	switch k {
	case SHA256:
		b := sha256.Sum256([]byte(s))
		return b[:]
	case SHA1:
		b := sha1.Sum([]byte(s))
		return b[:]
	}
	b := md5.Sum([]byte(s))
	return b[:]
}

// spellings are the texts of an address that another tool may have hashed: as it was typed, in
// lower case, and as we fold it, where a domain of other letters is written in A-labels.
func spellings(a address.Address) []string {
	typed := strings.ToLower(strings.TrimSpace(a.Raw()))
	if typed == a.Norm() {
		return []string{typed}
	}
	return []string{typed, a.Norm()}
}

// foreign is a refusal that came as a hash.
type foreign struct {
	Kind    HashKind
	Hash    []byte
	Scope   Reach
	ScopeID int64
	Reason  Cause
	Since   legalclock.Moment
}

// present says which kinds of hashes an account has: nearly none has any.
type present struct{ SHA256, SHA1, MD5 bool }

func (p present) kinds() (out []HashKind) {
	for k, has := range map[HashKind]bool{SHA256: p.SHA256, SHA1: p.SHA1, MD5: p.MD5} {
		if has {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// Meet is contact.Arriving: who comes and is named by a hash that another tool told is put on the
// do-not-mail list in the act that makes them. To an account without such hashes it is one
// question that travels with others.
func Meet(tx *store.Tx) func(came []*contact.Row) error {
	any := store.Ask[present](tx, foreignPresent)
	return func(came []*contact.Row) error {
		has, err := any.One()
		if err != nil || len(came) == 0 {
			return err
		}
		kinds := has.kinds()
		if len(kinds) == 0 {
			return nil
		}
		nos, err := named(tx, kinds, came)
		if err != nil || len(nos) == 0 {
			return err
		}
		for i := range nos {
			nos[i].row.Barred = true
		}
		_, _, err = refuse(tx, nos, 0)
		return err
	}
}

// MeetAll looks for people who are here already and are named by a hash: some of them, behind a
// number. It gives the number to go on behind, 0 at the end, and how many came onto the list whom that
// binds.
func MeetAll(tx *store.Tx, after int64, importID int64) (next int64, met int, err error) {
	const some = 1000
	has, err := store.One[present](tx, foreignPresent)
	if err != nil {
		return 0, 0, err
	}
	kinds := has.kinds()
	if len(kinds) == 0 {
		return 0, 0, nil
	}
	rows, err := contact.Addresses(tx, after, some)
	if err != nil || len(rows) == 0 {
		return 0, 0, err
	}
	came := make([]*contact.Row, len(rows))
	for i := range rows {
		came[i] = &rows[i]
	}
	if len(rows) == some {
		next = rows[len(rows)-1].ID
	}
	nos, err := named(tx, kinds, came)
	if err != nil || len(nos) == 0 {
		return next, 0, err
	}
	if nos, err = lockAll(tx, nos); err != nil {
		return 0, 0, err
	}
	_, met, err = refuse(tx, nos, importID)
	return next, met, err
}

// named finds the refusals that name some people.
func named(r store.Reader, kinds []HashKind, came []*contact.Row) ([]no, error) {
	var out []no
	for _, k := range kinds {
		who := make(map[string]*contact.Row, len(came))
		hashes := make([][]byte, 0, len(came))
		for _, p := range came {
			for _, s := range spellings(p.Email) {
				h := k.Of(s)
				who[string(h)] = p
				hashes = append(hashes, h)
			}
		}
		for part := range slices.Chunk(hashes, 1000) {
			rows, err := store.All[foreign](r, foreignOf, string(k), part)
			if err != nil {
				return nil, err
			}
			for _, f := range rows {
				p := who[string(f.Hash)]
				out = append(out, no{fp: p.FP, row: p, cause: f.Reason, scope: Scope{f.Scope, f.ScopeID}, since: f.Since})
			}
		}
	}
	return out, nil
}

// Told is what another tool told of an address, or of the hash of one.
type Told struct {
	Email address.Address
	Kind  HashKind // of Hash, when there is no address
	Hash  []byte
	Cause Cause
	Scope Scope
	Since legalclock.Moment // when it was said there; 0: the file doesn't tell
}

// Intake counts what became of refusals of another tool.
type Intake struct {
	Fresh  int // on the do-not-mail list since
	Stood  int // were there before, and nothing is newer
	Hashed int // of these, hashes, which hold whoever comes by them
	Here   int // of Fresh, people who are here by their address and whom it stops
}

// RefuseSet takes in refusals of another tool, in bulk, at most proof.MaxMembers. Nobody is made:
// an address that the account doesn't know stands on the do-not-mail list by its keyed hash alone.
// A refusal bears the moment at which it was said there: what the person said yes to here, after
// it, stands. One without a moment counts as said now. The same again changes nothing.
// Faults: consent.scope.
func RefuseSet(tx *store.Tx, told []Told, importID int64) (out Intake, err error) {
	if len(told) > proof.MaxMembers {
		return out, fmt.Errorf("consent: %d refusals do not fit into one entry of %d", len(told), proof.MaxMembers)
	}
	var nos []no
	var hashes []Told
	for _, t := range told {
		if !t.Scope.valid() || !slices.Contains(Foreign(), t.Cause) {
			return out, badScope()
		}
		if t.Email.IsZero() {
			hashes = append(hashes, t)
			continue
		}
		fp, err := contact.FP(tx, t.Email)
		if err != nil {
			return out, err
		}
		nos = append(nos, no{fp: fp, norm: t.Email.Norm(), cause: t.Cause, scope: t.Scope, since: t.Since})
	}
	fresh, err := refuseHashes(tx, hashes, importID)
	if err != nil {
		return out, err
	}
	if nos, err = sought(tx, nos); err != nil {
		return out, err
	}
	written, here, err := refuse(tx, nos, importID)
	out.Fresh, out.Hashed, out.Here = written+fresh, len(hashes), here
	out.Stood = len(told) - out.Fresh
	return out, err
}

// Foreign lists the causes that another tool can tell.
func Foreign() []Cause { return []Cause{Unsubscribed, Objected, Complained, HardBounce, Imported} }

type hashPlace struct {
	hash  string
	scope Scope
}

// hashesOf reads which of some hashes the account has.
func hashesOf(r store.Reader, told []Told) (map[hashPlace]foreign, error) {
	stands := map[hashPlace]foreign{}
	for _, k := range []HashKind{SHA256, SHA1, MD5} {
		var hashes [][]byte
		for _, t := range told {
			if t.Kind == k {
				hashes = append(hashes, t.Hash)
			}
		}
		for part := range slices.Chunk(hashes, 1000) {
			rows, err := store.All[foreign](r, foreignOf, string(k), part)
			if err != nil {
				return nil, err
			}
			for _, f := range rows {
				stands[hashPlace{string(f.Hash), Scope{f.Scope, f.ScopeID}}] = f
			}
		}
	}
	return stands, nil
}

// refuseHashes keeps hashes. What stands from the same moment or a later one stays as it is; without
// a moment of its own a refusal that is told again counts as said again.
func refuseHashes(tx *store.Tx, told []Told, importID int64) (fresh int, err error) {
	if len(told) == 0 {
		return 0, nil
	}
	stands, err := hashesOf(tx, told)
	if err != nil {
		return 0, err
	}
	entry := tx.ID()
	var rows [][]any
	var members []trace.Member
	var lines []refusal.Refusal
	at := map[hashPlace]int{}
	for _, t := range told {
		k := hashPlace{string(t.Hash), t.Scope}
		f, had := stands[k]
		since := t.Since
		if since == 0 {
			since = tx.Now
		}
		if had && (f.Since >= since || t.Cause == HardBounce && f.Reason != HardBounce) {
			continue
		}
		if !had {
			fresh++
		}
		stands[k] = foreign{Reason: t.Cause, Since: since}
		row := []any{string(t.Kind), t.Hash, string(t.Scope.Reach), t.Scope.ID, string(t.Cause), since, importID, entry}
		member := trace.Member{Clear: clearOf(t.Cause, t.Scope, t.Since)}
		line := refusal.Refusal{EntryID: entry, FP: t.Hash, Kind: refusal.Hashed + string(t.Cause), Scope: string(t.Scope.Reach), ScopeID: t.Scope.ID}
		if i, twice := at[k]; twice { // one statement writes a row once
			rows[i], members[i], lines[i] = row, member, line
			continue
		}
		at[k] = len(rows)
		rows, members, lines = append(rows, row), append(members, member), append(lines, line)
	}
	if len(rows) == 0 {
		return 0, nil
	}
	if _, err := tx.Load(addForeign, rows); err != nil {
		return 0, err
	}
	if err := refusal.Note(tx, lines); err != nil {
		return 0, err
	}
	return fresh, tellSet(tx, entry, "suppression.hashed", importID, members)
}

// HoldAgain lets hashes of the ledger hold again after a restore, at most proof.MaxMembers, and tells how many the account
// had lost. They bind from the day their file came, which is no earlier than when the other tool heard them. MeetAll
// finds whom they name.
func HoldAgain(tx *store.Tx, lines []refusal.Refusal) (int, error) {
	told := make([]Told, len(lines))
	for i, r := range lines {
		told[i] = Told{Kind: map[int]HashKind{16: MD5, 20: SHA1, 32: SHA256}[len(r.FP)], Hash: r.FP, Since: r.At,
			Cause: Cause(strings.TrimPrefix(r.Kind, refusal.Hashed)), Scope: Scope{Reach(r.Scope), r.ScopeID}}
		if told[i].Kind == "" || !told[i].Scope.valid() || !slices.Contains(Foreign(), told[i].Cause) {
			return 0, fmt.Errorf("consent: line %d of the ledger is no hash of another tool", r.ID)
		}
	}
	return refuseHashes(tx, told, 0)
}

func tellSet(tx *store.Tx, entry int64, action string, importID int64, members []trace.Member) error {
	a := trace.Act{ID: entry, Action: action, Object: "import", ObjectID: importID}
	if importID == 0 {
		a.Object = "suppression"
	}
	if len(members) == 1 {
		a.Clear, a.Person = members[0].Clear, members[0].Person
		_, err := trace.Append(tx, a)
		return err
	}
	_, err := trace.AppendSet(tx, a, members)
	return err
}
