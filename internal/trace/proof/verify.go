// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Report is what a check found, in sentences. An error from Verify means forgery or
// damage and comes without a report.
type Report struct {
	SignerKnown bool   // the caller's own key checked the signature
	Fingerprint string // of the key that signed
	Asked       bool   // a checkpoint was handed in
	Linked      bool   // … and the proof's log is the same log
	Proved      []string
	NotProved   []string
}

// Holds tells whether everything that was asked holds.
func (r Report) Holds() bool { return r.SignerKnown && (!r.Asked || r.Linked) }

// The limits of every proof, in the words the verifier prints.
var limits = []string{
	"It does not prove who clicked: only what this installation recorded.",
	"What the program itself was made to record is not tampering and is not seen here.",
	"Acts of the last seconds before a checkpoint could be changed before they were sealed.",
	"Names, words and descriptions beside the facts are the controller's statements: signed, not sealed.",
}

// Verify checks a proof file. key is the log's public key from a source the reader
// trusts, or "": then the key inside the file is used and the signer stays unknown.
// against is a checkpoint or bridge kept elsewhere, or nil.
func Verify(file []byte, key string, against []byte) (Report, error) {
	f, err := Decode(file)
	if err != nil {
		return Report{}, err
	}
	key = strings.TrimSpace(key)
	r := Report{SignerKnown: key != "", Fingerprint: Fingerprint(f.Log.Key)}
	if key != "" && key != f.Log.Key {
		return Report{}, fmt.Errorf("the file names the key %s, you trust %s", r.Fingerprint, Fingerprint(key))
	}
	if err := f.checkSignature(f.Log.Key); err != nil {
		return Report{}, fmt.Errorf("the signature over the file does not hold: %w", err)
	}
	cp, err := OpenCheckpoint([]byte(f.Log.Checkpoint), f.Log.Key)
	if err != nil {
		return Report{}, fmt.Errorf("the checkpoint in the file does not hold: %w", err)
	}
	if r.SignerKnown {
		r.proved("The file is byte for byte what %s signed (key %s).", cp.Origin, r.Fingerprint)
	} else {
		r.proved("The file is byte for byte what the key inside it signed.")
		r.NotProved = append(r.NotProved, "Who signed: without --key the signer is unknown. Compare the fingerprint with one you trust: "+r.Fingerprint)
	}
	c := check{file: f, cp: cp, report: &r}
	if err := c.all(); err != nil {
		return Report{}, err
	}
	if against != nil {
		r.Asked = true
		if err := c.link(against); err != nil {
			return Report{}, err
		}
	}
	r.NotProved = append(r.NotProved, limits...)
	return r, nil
}

func (r *Report) proved(format string, a ...any) {
	r.Proved = append(r.Proved, fmt.Sprintf(format, a...))
}

type check struct {
	file    *File
	cp      Checkpoint
	report  *Report
	named   map[string]bool // texts that events name
	entries map[int64]bool
	address bool // the address at the top stands in an event
}

func (c *check) all() error {
	c.named, c.entries = map[string]bool{}, map[int64]bool{}
	var lines []string
	for i := range c.file.Lists {
		l, err := c.list(&c.file.Lists[i])
		if err != nil {
			return fmt.Errorf("list %d: %w", c.file.Lists[i].ID, err)
		}
		lines = append(lines, l...)
	}
	if err := c.whole(); err != nil {
		return err
	}
	for i := range c.file.Acts {
		e := &c.file.Acts[i].Entry
		parts, err := c.entry(e)
		if err != nil {
			return fmt.Errorf("entry %d: %w", e.ID, err)
		}
		outer := parts[len(parts)-1].clear
		lines = append(lines, fmt.Sprintf("%s at %s, entry %d.", outer["action"], outer["at"], e.ID))
	}
	c.report.proved("%d entries stand in the log of %s, among the first %d, sealed by the checkpoint of %s.",
		len(c.entries), c.cp.Origin, c.cp.Size, c.cp.At.Format("2006-01-02 15:04:05 UTC"))
	c.report.Proved = append(c.report.Proved, lines...)
	if err := c.texts(); err != nil {
		return err
	}
	if c.file.Person.Address != "" && !c.address {
		c.report.NotProved = append(c.report.NotProved, "The address at the top stands in no entry shown: it may have changed since; it is the controller's statement.")
	}
	return nil
}

// entry checks one entry up to the checkpoint and that it speaks of this account and
// person. It returns the member's part, if any, then the entry's.
func (c *check) entry(e *Entry) ([]part, error) {
	leaf, err := e.Record.leaf()
	if err != nil {
		return nil, err
	}
	path, err := parsePath(e.Path)
	if err != nil {
		return nil, err
	}
	if e.Leaf < 0 || e.Leaf >= c.cp.Size || tlog.CheckRecord(path, c.cp.Size, c.cp.Root, e.Leaf, leaf) != nil {
		return nil, fmt.Errorf("the entry as shown does not stand in the log")
	}
	p, err := e.Record.part()
	if err != nil {
		return nil, err
	}
	if p.clear["entry"] != dec(e.ID) || p.clear["account"] != dec(c.file.Account) {
		return nil, fmt.Errorf("the entry is another one than the file says")
	}
	c.entries[e.ID] = true
	parts := []part{p}
	if e.Member != nil {
		m, err := e.Member.check(p)
		if err != nil {
			return nil, err
		}
		parts = []part{m, p}
	}
	if parts[0].clear["contact"] != dec(c.file.Person.ID) {
		return nil, fmt.Errorf("the entry is about somebody else")
	}
	for _, q := range parts {
		if a := q.private["address"]; a != "" && a == Clean(c.file.Person.Address) {
			c.address = true
		}
	}
	return parts, nil
}

// check proves the member in the sub-tree whose root the entry names.
func (m *Member) check(entry part) (part, error) {
	n, err := strconv.ParseInt(entry.clear["members"], 10, 64)
	root, ok := hex32(entry.clear["root"])
	if err != nil || !ok || n < 1 || n > MaxMembers || m.Index < 0 || int64(m.Index) >= n {
		return part{}, fmt.Errorf("the entry is not a set act with this member")
	}
	leaf, err := m.Record.leaf()
	if err != nil {
		return part{}, err
	}
	path, err := parsePath(m.Path)
	if err != nil {
		return part{}, err
	}
	if tlog.CheckRecord(path, n, root, int64(m.Index), leaf) != nil {
		return part{}, fmt.Errorf("the member as shown does not stand in its set")
	}
	return m.Record.part()
}

func (c *check) list(l *List) ([]string, error) {
	var out []string
	top, state, last := int64(-1), "", Entry{}
	seen := map[string]bool{}
	for i := range l.Events {
		e := &l.Events[i]
		parts, err := c.entry(&e.Entry)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", e.Entry.ID, err)
		}
		ended, err := e.Facts.bound(parts...)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", e.Entry.ID, err)
		}
		f := e.Facts
		if f.List != dec(l.ID) || l.PurposeID != "" && f.Purpose != l.PurposeID {
			return nil, fmt.Errorf("entry %d is about another list or purpose", e.Entry.ID)
		}
		seq, err := strconv.ParseInt(f.Seq, 10, 64)
		if err != nil || dec(seq) != f.Seq || seen[f.Seq] {
			return nil, fmt.Errorf("entry %d has no order of its own among the events", e.Entry.ID)
		}
		if seq > top {
			last = e.Entry
		}
		seen[f.Seq] = true
		if seq > top {
			top, state = seq, f.State
		}
		for _, h := range []string{f.Label, f.FormText, f.NoteText, f.MailText} {
			if h != "" {
				c.named[h] = true
			}
		}
		out = append(out, sentence(l, f, e.Entry.ID))
		for _, x := range ended {
			c.report.NotProved = append(c.report.NotProved, fmt.Sprintf("entry %d, %s (its commitment still stands).", e.Entry.ID, x))
		}
	}
	if len(l.Events) == 0 || state != l.State {
		return nil, fmt.Errorf("its state is not that of the last event shown")
	}
	run, err := c.run(l, seen, last)
	return append(out, run), err
}

// run checks that the events of a list are numbered from 1 without a gap: the number is sealed
// with each event, so none can be missing between them. It says what that leaves open.
func (c *check) run(l *List, seen map[string]bool, last Entry) (string, error) {
	n := len(seen)
	for i := 1; i <= n; i++ {
		if !seen[dec(int64(i))] {
			return "", fmt.Errorf("event %d of the list is missing among those shown: the file is not whole", i)
		}
	}
	c.report.NotProved = append(c.report.NotProved, fmt.Sprintf("list %d: that no event %d was recorded after entry %d; %s", l.ID, n+1, last.ID, c.word()))
	return fmt.Sprintf("list %d: events 1 to %d, none missing among them; a later one would bear number %d and be recorded after entry %d.", l.ID, n, n+1, last.ID), nil
}

// word tells whether the signer says that nothing came later.
func (c *check) word() string {
	if c.file.Complete == nil {
		return "the signer doesn't say so."
	}
	return fmt.Sprintf("the signer says that none stands among the first %d entries.", c.cp.Size)
}

// whole checks the signer's word against what is shown.
func (c *check) whole() error {
	const other = "That no event of another list exists about this person"
	w := c.file.Complete
	if w == nil {
		c.report.NotProved = append(c.report.NotProved, other+": the signer doesn't say so.")
		return nil
	}
	if w.Size != c.cp.Size || w.Lists != len(c.file.Lists) || w.Of != "" && !c.only(w.Of) {
		return fmt.Errorf("the file says it is complete for other lists, or up to another checkpoint, than it shows")
	}
	if w.Of != "" {
		other := other + " is not asked here: the file is about " + w.Of + " alone."
		c.report.NotProved = append(c.report.NotProved, other)
		return nil
	}
	c.report.NotProved = append(c.report.NotProved, fmt.Sprintf("%s among the first %d entries: the signer says so.", other, w.Size))
	return nil
}

// only tells whether every list shown is the one, or of the one purpose, that a file is about.
func (c *check) only(of string) bool {
	for _, l := range c.file.Lists {
		if of != "list "+dec(l.ID) && of != "purpose "+l.PurposeID {
			return false
		}
	}
	return true
}

func sentence(l *List, f Facts, entry int64) string {
	s := fmt.Sprintf("list %d: %s", l.ID, f.Event)
	version := " version "
	if f.Form == "" {
		version = ", form version "
	}
	for _, x := range [][2]string{{", happened ", f.Occurred}, {", confirmed ", f.Confirmed}, {", recorded ", f.Recorded},
		{", basis ", f.Basis}, {", evidence grade ", f.Grade}, {", form ", f.Form}, {version, f.FormVer}, {", note version ", f.NoteVer}} {
		if x[1] != "" {
			s += x[0] + x[1]
		}
	}
	return fmt.Sprintf("%s; state then: %s; entry %d.", s, f.State, entry)
}

func (c *check) texts() error {
	have := map[string]bool{}
	for _, t := range c.file.Texts {
		h := sha256.Sum256([]byte(t.Text))
		if hex.EncodeToString(h[:]) != t.SHA256 {
			return fmt.Errorf("a text is not the one whose fingerprint it bears")
		}
		if !c.named[t.SHA256] || have[t.SHA256] {
			return fmt.Errorf("a text belongs to no event")
		}
		have[t.SHA256] = true
	}
	if n := len(have); n > 0 {
		c.report.proved("%d texts are, letter for letter, those that the entries name.", n)
	}
	if n := len(c.named) - len(have); n > 0 {
		c.report.NotProved = append(c.report.NotProved, fmt.Sprintf("%d texts that the entries name are not in the file.", n))
	}
	return nil
}

// link compares the file's log with a checkpoint kept elsewhere.
func (c *check) link(msg []byte) error {
	from, path := int64(-1), []tlog.Hash(nil)
	if bytes.HasPrefix(msg, []byte(bridgeHead)) {
		b, err := parseBridge(msg)
		if err != nil {
			return err
		}
		from, path, msg = b.From, b.Path, b.Checkpoint
	}
	o, err := OpenCheckpoint(msg, c.file.Log.Key)
	if err != nil {
		return fmt.Errorf("the checkpoint to compare with does not hold: %w", err)
	}
	when := o.At.Format("2006-01-02 15:04:05 UTC")
	switch {
	case o.Size == c.cp.Size && o.Root != c.cp.Root:
		return fmt.Errorf("two different logs of the same size were signed: somebody was shown another history")
	case o.Size == c.cp.Size:
		c.report.Linked = true
	case o.Size > c.cp.Size && from == c.cp.Size:
		if from > 0 && tlog.CheckTree(path, o.Size, o.Root, from, c.cp.Root) != nil {
			return fmt.Errorf("the newer checkpoint does not continue the log of this proof")
		}
		c.report.Linked = true
	case o.Size < c.cp.Size:
		linked, err := c.earlier(o)
		if err != nil {
			return err
		}
		c.report.Linked = linked
	}
	if c.report.Linked {
		c.report.proved("The log is the same as that of the checkpoint of %s with %d entries, which you kept.", when, o.Size)
	} else {
		c.report.NotProved = append(c.report.NotProved, fmt.Sprintf("That the log is the same as that of the checkpoint of %s with %d entries: ask for a proof or bridge that links %d and %d.", when, o.Size, o.Size, c.cp.Size))
	}
	return nil
}

func (c *check) earlier(o Checkpoint) (bool, error) {
	for _, e := range c.file.Log.Earlier {
		if e.Size != o.Size {
			continue
		}
		path, err := parsePath(e.Path)
		if err != nil {
			return false, err
		}
		if o.Size > 0 && tlog.CheckTree(path, c.cp.Size, c.cp.Root, o.Size, o.Root) != nil {
			return false, fmt.Errorf("the log of this proof does not continue the checkpoint you kept")
		}
		return true, nil
	}
	return o.Size == 0, nil
}

func dec(n int64) string { return strconv.FormatInt(n, 10) }
