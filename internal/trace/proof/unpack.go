// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
)

// The most that is read of a bundle, so that a small file can't fill memory or time.
const (
	MostFiles    = 1 << 21
	MostUnpacked = 1 << 40
	mostSums     = 256 << 20
)

// IsBundle tells by its first bytes whether a file is a zip.
func IsBundle(head []byte) bool { return bytes.HasPrefix(head, []byte("PK\x03\x04")) }

// IsClosed tells from its first bytes whether a file is encrypted with age: it has to be opened before it
// can be checked.
func IsClosed(head []byte) bool {
	return bytes.HasPrefix(head, []byte("age-encryption.org/")) || bytes.HasPrefix(head, []byte("-----BEGIN AGE ENCRYPTED FILE"))
}

// BundleLog reads the log that a bundle names, before anything is checked; false: it names none.
func BundleLog(file io.ReaderAt, size int64) (Log, bool) {
	z, err := zip.NewReader(file, size)
	if err != nil || len(z.File) > MostFiles {
		return Log{}, false
	}
	for _, f := range z.File {
		if f.Name != bundleName {
			continue
		}
		u := unpacking{files: map[string]*zip.File{f.Name: f}, left: MaxFile}
		msg, err := u.read(f.Name, MaxFile)
		if err != nil {
			return Log{}, false
		}
		b, err := decodeBundle(msg)
		if err != nil {
			return Log{}, false
		}
		return b.Log, true
	}
	return Log{}, false
}

// VerifyBundle checks a bundle whole: its signature, that every file is there with its sum and
// no other, and every proof in it as Verify does, all in one log. It unpacks at most `most` bytes.
func VerifyBundle(file io.ReaderAt, size int64, key string, against []byte, most int64) (Report, error) {
	z, err := zip.NewReader(file, size)
	if err != nil {
		return Report{}, because(Unreadable, "the bundle is cut or is no zip: %w", err)
	}
	if len(z.File) > MostFiles {
		return Report{}, because(TooLarge, "the bundle holds more than %d files", MostFiles)
	}
	u := unpacking{files: make(map[string]*zip.File, len(z.File)), left: most}
	for _, f := range z.File {
		if u.files[f.Name] != nil {
			return Report{}, because(Altered, "%s is there twice", f.Name)
		}
		u.files[f.Name] = f
	}
	if err := u.head(strings.TrimSpace(key)); err != nil {
		return Report{}, err
	}
	if err := u.all(); err != nil {
		return Report{}, err
	}
	if against != nil {
		u.report.Asked = true
		if err := u.check.link(against); err != nil {
			return Report{}, err
		}
	}
	u.report.limits()
	return u.report, nil
}

// unpacking is a bundle on its way.
type unpacking struct {
	files  map[string]*zip.File
	left   int64
	b      *Bundle
	check  check // of the bundle's own log
	report Report
	sums   []string // lines of files.sha256
	ids    []int64  // of the people whose proofs are there
	roots  map[int64]Checkpoint
	drawn  []int64
	events int
}

// read unpacks one file of at most limit bytes.
func (u *unpacking) read(name string, limit int64) ([]byte, error) {
	var b bytes.Buffer
	err := u.copy(&b, name, limit)
	return b.Bytes(), err
}

func (u *unpacking) copy(w io.Writer, name string, limit int64) error {
	f := u.files[name]
	if f == nil {
		return because(Altered, "%s is missing", name)
	}
	r, err := f.Open()
	if err != nil {
		return because(Altered, "%s is damaged: %w", name, err)
	}
	defer r.Close()
	limit = min(limit, u.left)
	n, err := io.Copy(w, io.LimitReader(r, limit+1))
	u.left -= n
	if err != nil {
		return because(Altered, "%s is damaged: %w", name, err)
	}
	if n > limit {
		return because(TooLarge, "%s unpacks to more than is read here", name)
	}
	return nil
}

// head checks what is signed, and the sums that it names.
func (u *unpacking) head(key string) error {
	msg, err := u.read(bundleName, MaxFile)
	if err != nil {
		return err
	}
	if u.b, err = decodeBundle(msg); err != nil {
		return err
	}
	print := Fingerprint(u.b.Log.Key)
	u.report = Report{SignerKnown: key != "", Fingerprint: print}
	if key != "" && key != u.b.Log.Key {
		return because(OtherKey, "the bundle names the key %s, you trust %s", print, Fingerprint(key))
	}
	text, err := u.b.signed()
	if err != nil {
		return err
	}
	if _, err := openNote(append(append(text, '\n'), u.b.Signature+"\n"...), u.b.Log.Key); err != nil {
		return because(Altered, "the signature over the bundle does not hold: %w", err)
	}
	cp, err := OpenCheckpoint([]byte(u.b.Log.Checkpoint), u.b.Log.Key)
	if err != nil {
		return because(Altered, "the checkpoint in the bundle does not hold: %w", err)
	}
	u.check = check{file: &File{Log: u.b.Log}, cp: cp, report: &u.report}
	if u.report.SignerKnown {
		u.report.proved("bundle", "The bundle is what %s signed (key %s) on %s.", cp.Origin, print, u.b.Made)
	} else {
		u.report.proved("bundle_unknown", "The bundle is what the key inside it signed.")
		u.report.not("signer", signerUnknown, print)
	}
	sums, err := u.read(sumsName, mostSums)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(sums); hexOf(sum) != u.b.Sums {
		return because(Altered, "%s is not the one that was signed", sumsName)
	}
	u.sums = strings.Split(strings.TrimSuffix(string(sums), "\n"), "\n")
	return nil
}

// all checks every file against its sum, and every proof as such.
func (u *unpacking) all() error {
	named := map[string]bool{bundleName: true, sumsName: true}
	u.roots = map[int64]Checkpoint{}
	for _, line := range u.sums {
		sum, name, ok := strings.Cut(line, "  ")
		if !ok || named[name] {
			return because(Altered, "%s is malformed", sumsName)
		}
		named[name] = true
		if err := u.one(name, sum); err != nil {
			return err
		}
	}
	for name := range u.files {
		if !named[name] {
			return because(Altered, "%s was added: the signer does not name it", name)
		}
	}
	if int64(len(u.sums)) != u.b.Files || int64(len(u.ids)) != u.b.People {
		return fmt.Errorf("the bundle says %d files and %d people, and holds %d and %d", u.b.Files, u.b.People, len(u.sums), len(u.ids))
	}
	if err := u.draw(); err != nil {
		return err
	}
	u.report.proved("files", "Every file is there as signed, none is missing and none was added: %d.", u.b.Files)
	u.report.proved("proofs", "Proofs that hold, each whole: %d. Their events in the log of %[3]s, among the first %[4]d entries, sealed by the checkpoint of %[5]s: %[2]d.",
		len(u.ids), u.events, u.check.cp.Origin, u.check.cp.Size, u.check.cp.At.Format("2006-01-02 15:04:05 UTC"))
	u.report.proved("numbered", "In every list of every proof the events are numbered from 1 without a gap.")
	a := u.b.Asked
	u.report.say(Sentence{Key: "nobody_else", Args: []any{a.List, a.Purpose, a.Campaign, a.From, a.To},
		Text: fmt.Sprintf("That nobody else belongs in the bundle%s, and that nothing was said after the last events shown: the signer's statement.", a.words())})
	u.report.not("beside", "The tables, graphs and pages beside the proofs are checked by their sums only: they are the signer's statement.")
	return nil
}

// words tells the question.
func (a Asked) words() string {
	var s []string
	for _, x := range [][2]string{{"list", dec(a.List)}, {"purpose", dec(a.Purpose)}, {"campaign", dec(a.Campaign)}, {"recorded from", a.From}, {"recorded before", a.To}} {
		if x[1] != "" && x[1] != "0" {
			s = append(s, x[0]+" "+x[1])
		}
	}
	if s == nil {
		return ""
	}
	return " (" + strings.Join(s, ", ") + ")"
}

// one checks one file that the sums name.
func (u *unpacking) one(name, sum string) error {
	const other = "%s is not the file that was signed: it was changed or swapped"
	id, isProof := strings.CutPrefix(name, "proofs/")
	if !isProof {
		var h hash.Hash = sha256.New()
		w := io.Writer(h)
		var text bytes.Buffer
		if name == DrawName {
			w = io.MultiWriter(h, &text)
		}
		if err := u.copy(w, name, u.left); err != nil {
			return err
		}
		if hex.EncodeToString(h.Sum(nil)) != sum {
			return because(Altered, other, name)
		}
		return u.listed(text.String())
	}
	msg, err := u.read(name, MaxFile)
	if err != nil {
		return err
	}
	if h := sha256.Sum256(msg); hexOf(h) != sum {
		return because(Altered, other, name)
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(id, ".json"), 10, 64)
	if err != nil || id != dec(n)+".json" {
		return fmt.Errorf("%s is no name of a proof", name)
	}
	if err := u.proof(msg, n); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	u.ids = append(u.ids, n)
	return nil
}

// proof checks one person's proof, and that it is of this bundle, account and log.
func (u *unpacking) proof(msg []byte, id int64) error {
	if _, err := Verify(msg, u.b.Log.Key, nil); err != nil {
		return err
	}
	f, err := Decode(msg)
	if err != nil {
		return err
	}
	if f.Person.ID != id || f.Account != u.b.Account {
		return fmt.Errorf("the proof is about somebody else")
	}
	if of := u.b.Asked.Of(); of != "" && !(&check{file: f}).only(of) {
		return fmt.Errorf("the proof is about other lists than were asked for")
	}
	for _, l := range f.Lists {
		u.events += len(l.Events)
	}
	cp, err := OpenCheckpoint([]byte(f.Log.Checkpoint), u.b.Log.Key)
	if err != nil {
		return err
	}
	if known, ok := u.roots[cp.Size]; ok && known.Root == cp.Root {
		return nil
	}
	u.roots[cp.Size] = cp
	if cp.Size == u.check.cp.Size {
		if cp.Root != u.check.cp.Root {
			return fmt.Errorf("its log is another history than the bundle's")
		}
		return nil
	}
	if ok, err := u.check.earlier(cp); err != nil || !ok {
		return fmt.Errorf("its log does not lead to the bundle's checkpoint")
	}
	return nil
}

// listed reads the ids that were drawn from.
func (u *unpacking) listed(text string) error {
	for _, s := range strings.Fields(text) {
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fmt.Errorf("%s is malformed", DrawName)
		}
		u.drawn = append(u.drawn, id)
	}
	return nil
}

// draw repeats an auditor's draw.
func (u *unpacking) draw() error {
	d := u.b.Asked.Draw
	if d == nil {
		return nil
	}
	want := Draw(u.drawn, d.N, d.Seed)
	have := append(slices.Clone(u.ids), d.Missing...)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		return fmt.Errorf("the people are not those that the seed draws from %s", DrawName)
	}
	u.report.proved("draw", "The people are those that the seed %[2]q draws from %[4]s: %[1]d of %[3]d. Of whom nothing is left to prove: %[5]d.", len(want), d.Seed, len(u.drawn), DrawName, len(d.Missing))
	u.report.not("draw_from", "That "+DrawName+" is everybody the campaign was made for: the signer's statement.")
	return nil
}
