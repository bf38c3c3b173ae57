// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
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
	Said        []Sentence // the same, for who tells it in another language
}

// Sentence is one thing a check showed, or left open. Key names what is said, Args are its
// values in the order in which Text has them; of "nobody_else" they are what was asked for: list, purpose, campaign, recorded from and before; of an "event" they are list, event, moment it
// happened, was confirmed, was recorded, basis, grade, state then, entry.
type Sentence struct {
	Proved bool
	Key    string
	Args   []any
	Text   string
}

// Holds tells whether everything that was asked holds.
func (r Report) Holds() bool { return r.SignerKnown && (!r.Asked || r.Linked) }

// The limits of every proof, in the words the verifier prints.
var limits = []struct{ key, text string }{
	{"limit.who", "It does not prove who clicked: only what this installation recorded."},
	{"limit.made", "What the program itself was made to record is not tampering and is not seen here."},
	{"limit.seconds", "Acts of the last seconds before a checkpoint could be changed before they were sealed."},
	{"limit.words", "Names, words and descriptions beside the facts are the controller's statements: signed, not sealed."},
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
		return Report{}, because(OtherKey, "the file names the key %s, you trust %s", r.Fingerprint, Fingerprint(key))
	}
	if err := f.checkSignature(f.Log.Key); err != nil {
		return Report{}, because(Altered, "the signature over the file does not hold: %w", err)
	}
	cp, err := OpenCheckpoint([]byte(f.Log.Checkpoint), f.Log.Key)
	if err != nil {
		return Report{}, because(Altered, "the checkpoint in the file does not hold: %w", err)
	}
	if r.SignerKnown {
		r.proved("file", "The file is byte for byte what %s signed (key %s).", cp.Origin, r.Fingerprint)
	} else {
		r.proved("file_unknown", "The file is byte for byte what the key inside it signed.")
		r.not("signer", signerUnknown, r.Fingerprint)
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
	r.limits()
	return r, nil
}

const signerUnknown = "Who signed: without --key the signer is unknown. Compare the fingerprint with one you trust: %s"

func said(key, format string, a ...any) Sentence {
	return Sentence{Proved: true, Key: key, Args: a, Text: fmt.Sprintf(format, a...)}
}

func (r *Report) say(s Sentence) {
	r.Said = append(r.Said, s)
	if s.Proved {
		r.Proved = append(r.Proved, s.Text)
	} else {
		r.NotProved = append(r.NotProved, s.Text)
	}
}

func (r *Report) proved(key, format string, a ...any) { r.say(said(key, format, a...)) }

func (r *Report) not(key, format string, a ...any) {
	s := said(key, format, a...)
	s.Proved = false
	r.say(s)
}

func (r *Report) limits() {
	for _, l := range limits {
		r.not(l.key, "%s", l.text)
	}
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
	var lines []Sentence
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
		lines = append(lines, said("act", "%s at %s, entry %d.", outer["action"], outer["at"], e.ID))
	}
	c.report.proved("entries", "Entries that stand in the log of %[2]s, among the first %[3]d, sealed by the checkpoint of %[4]s: %[1]d.",
		len(c.entries), c.cp.Origin, c.cp.Size, c.cp.At.Format("2006-01-02 15:04:05 UTC"))
	for _, l := range lines {
		c.report.say(l)
	}
	if err := c.texts(); err != nil {
		return err
	}
	if c.file.Person.Address != "" && !c.address {
		c.report.not("address", "The address at the top stands in no entry shown: it may have changed since; it is the controller's statement.")
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

func (c *check) list(l *List) ([]Sentence, error) {
	var out []Sentence
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
			c.report.not("ended", "entry %d, %s (its commitment still stands).", e.Entry.ID, x)
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
func (c *check) run(l *List, seen map[string]bool, last Entry) (Sentence, error) {
	n := len(seen)
	for i := 1; i <= n; i++ {
		if !seen[dec(int64(i))] {
			return Sentence{}, fmt.Errorf("event %d of the list is missing among those shown: the file is not whole", i)
		}
	}
	// Whether the signer says that nothing came later.
	const later = "list %d: that no event %d was recorded after entry %d; "
	if c.file.Complete == nil {
		c.report.not("later_unsaid", later+"the signer doesn't say so.", l.ID, n+1, last.ID)
	} else {
		c.report.not("later", later+"the signer says that none stands among the first %d entries.", l.ID, n+1, last.ID, c.cp.Size)
	}
	return said("run", "list %d: events 1 to %d, none missing among them; a later one would bear number %d and be recorded after entry %d.", l.ID, n, n+1, last.ID), nil
}

// whole checks the signer's word against what is shown.
func (c *check) whole() error {
	const other = "That no event of another list exists about this person"
	w := c.file.Complete
	if w == nil {
		c.report.not("other_unsaid", other+": the signer doesn't say so.")
		return nil
	}
	if w.Size != c.cp.Size || w.Lists != len(c.file.Lists) || w.Of != "" && !c.only(w.Of) {
		return fmt.Errorf("the file says it is complete for other lists, or up to another checkpoint, than it shows")
	}
	if w.Of != "" {
		c.report.not("other_of", other+" is not asked here: the file is about %s alone.", w.Of)
		return nil
	}
	c.report.not("other", other+" among the first %d entries: the signer says so.", w.Size)
	return nil
}

// only tells whether every list shown is the one, or of the one purpose, or has an event of the period, that a file
// is about.
func (c *check) only(of string) bool {
	if from, to, ok := strings.Cut(strings.TrimPrefix(of, period), "/"); ok && strings.HasPrefix(of, period) {
		a := Asked{From: from, To: to}
		return !slices.ContainsFunc(c.file.Lists, func(l List) bool {
			return !slices.ContainsFunc(l.Events, func(e Event) bool { return a.During(e.Facts.Recorded) })
		})
	}
	for _, l := range c.file.Lists {
		if of != "list "+dec(l.ID) && of != "purpose "+l.PurposeID {
			return false
		}
	}
	return true
}

func sentence(l *List, f Facts, entry int64) Sentence {
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
	return Sentence{true, "event", []any{l.ID, f.Event, f.Occurred, f.Confirmed, f.Recorded, f.Basis, f.Grade, f.State, entry},
		fmt.Sprintf("%s; state then: %s; entry %d.", s, f.State, entry)}
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
		c.report.proved("texts", "Texts that are, letter for letter, those that the entries name: %d.", n)
	}
	if n := len(c.named) - len(have); n > 0 {
		c.report.not("texts_missing", "Texts that the entries name, and that are not in the file: %d.", n)
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
		return because(Forked, "two different logs of the same size were signed: somebody was shown another history")
	case o.Size == c.cp.Size:
		c.report.Linked = true
	case o.Size > c.cp.Size && from == c.cp.Size:
		if from > 0 && tlog.CheckTree(path, o.Size, o.Root, from, c.cp.Root) != nil {
			return because(Forked, "the newer checkpoint does not continue the log of this proof")
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
		c.report.proved("linked", "The log is the same as that of the checkpoint of %s with %d entries, which you kept.", when, o.Size)
	} else {
		c.report.not("not_linked", "That the log is the same as that of the checkpoint of %s with %d entries: ask for a proof or bridge that links %d and %d.", when, o.Size, o.Size, c.cp.Size)
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
			return false, because(Forked, "the log of this proof does not continue the checkpoint you kept")
		}
		return true, nil
	}
	return o.Size == 0, nil
}

func dec(n int64) string { return strconv.FormatInt(n, 10) }
