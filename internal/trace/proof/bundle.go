// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// BundleSchema names the version of the bundle's format.
const BundleSchema = "consend-bundle/1"

// Bundle is what stands in bundle.json of a bundle: a zip with the proofs of many people and
// the same as tables and pages. It is signed, and names by sums_sha256 the file of all sums.
type Bundle struct {
	Schema     string `json:"schema_version"`
	Made       string `json:"made"`
	Language   string `json:"language"`
	Account    int64  `json:"account"`
	Controller Party  `json:"pii_controller"`
	Asked      Asked  `json:"asked"`
	People     int64  `json:"people"` // as many files proofs/<id>.json
	Files      int64  `json:"files"`  // lines of files.sha256
	Sums       string `json:"sums_sha256"`
	Log        Log    `json:"log"` // its checkpoint is not older than any proof's; earlier leads from each of theirs
	Signature  string `json:"signature,omitempty"`
}

// Asked is the question a bundle answers: everybody with an event that fits.
type Asked struct {
	List     int64  `json:"list,omitempty"`
	Purpose  int64  `json:"purpose,omitempty"`
	From     string `json:"from,omitempty"`   // recorded from this moment on
	To       string `json:"to,omitempty"`     // … and before this one
	Narrow   bool   `json:"narrow,omitempty"` // of these people only the lists with such an event, each whole
	Campaign int64  `json:"campaign,omitempty"`
	Draw     *Drawn `json:"draw,omitempty"`
}

// Of is what the proofs are about alone, as Complete names it; "" is everything.
func (a Asked) Of() string {
	switch {
	case a.List != 0:
		return "list " + dec(a.List)
	case a.Purpose != 0:
		return "purpose " + dec(a.Purpose)
	case a.Narrow && (a.From != "" || a.To != ""):
		return period + a.From + "/" + a.To
	}
	return ""
}

const period = "period "

// During tells whether a moment of recording lies in the period; an end that isn't named is open.
func (a Asked) During(recorded string) bool {
	at, err := time.Parse(time.RFC3339Nano, recorded)
	if err != nil {
		return false
	}
	for s, outside := range map[string]func(time.Time) bool{a.From: at.Before, a.To: func(t time.Time) bool { return !at.Before(t) }} {
		if s == "" {
			continue
		}
		if t, err := time.Parse(time.RFC3339Nano, s); err != nil || outside(t) {
			return false
		}
	}
	return true
}

// Drawn is an auditor's draw over the ids in draw.txt.
type Drawn struct {
	N       int     `json:"n"`
	Seed    string  `json:"seed"`
	Missing []int64 `json:"missing,omitempty"` // drawn, but erased since: nothing is left to prove
}

// The names in a bundle beside proofs/<contact>.json and print/<number>.html.
const (
	bundleName = "bundle.json"
	sumsName   = "files.sha256"

	CSVName    = "consents.csv"
	GraphName  = "records.jsonld"
	ReadmeName = "README.txt"

	DrawName = "draw.txt"  // the ids that were drawn from, one a line
	SentName = "sent.json" // why each mail was sent; a statement
)

const bundleHead = "consend-proof-bundle/1\n"

func (b Bundle) signed() ([]byte, error) {
	b.Signature = ""
	body, err := canonicalJSON(b)
	return append([]byte(bundleHead), body...), err
}

// Packer writes a bundle to a stream. Of each file it keeps one line.
type Packer struct {
	z      *zip.Writer
	sums   bytes.Buffer
	files  int64
	people int64
}

// NewPacker begins a bundle.
func NewPacker(w io.Writer) *Packer { return &Packer{z: zip.NewWriter(w)} }

// Add writes one file.
func (p *Packer) Add(name string, write func(io.Writer) error) error {
	w, err := p.z.Create(name)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if err := write(io.MultiWriter(w, sum)); err != nil {
		return err
	}
	p.note(name, sum.Sum(nil))
	return nil
}

// Copy takes a file over from another zip, as it is packed there.
func (p *Packer) Copy(f *zip.File) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return err
	}
	p.note(f.Name, sum.Sum(nil))
	return p.z.Copy(f)
}

func (p *Packer) note(name string, sum []byte) {
	p.files++
	if strings.HasPrefix(name, "proofs/") {
		p.people++
	}
	p.sums.Write(append(hex.AppendEncode(nil, sum), "  "+name+"\n"...)) // as sha256sum writes and checks it
}

// Close signs what was packed and ends the bundle.
func (p *Packer) Close(b Bundle, s note.Signer) error {
	sum := sha256.Sum256(p.sums.Bytes())
	b.Schema, b.Files, b.People, b.Sums = BundleSchema, p.files, p.people, hexOf(sum)
	text, err := b.signed()
	if err != nil {
		return err
	}
	if b.Signature, err = signature(text, s); err != nil {
		return err
	}
	body, err := canonicalJSON(b)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		body []byte
	}{{sumsName, p.sums.Bytes()}, {bundleName, body}} {
		w, err := p.z.Create(f.name)
		if err == nil {
			_, err = w.Write(f.body)
		}
		if err != nil {
			return err
		}
	}
	return p.z.Close()
}

// decodeBundle reads bundle.json as strictly as a proof.
func decodeBundle(msg []byte) (*Bundle, error) {
	d := json.NewDecoder(bytes.NewReader(msg))
	d.DisallowUnknownFields()
	var b Bundle
	if err := d.Decode(&b); err != nil {
		return nil, because(Unreadable, "%s is not that of a bundle: %w", bundleName, err)
	}
	again, err := canonicalJSON(b)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, msg) {
		return nil, because(Altered, "%s is not in its one canonical form: it was changed after it was written", bundleName)
	}
	if b.Schema != BundleSchema {
		return nil, because(OtherSchema, "the bundle is of version %q, this program reads %q", b.Schema, BundleSchema)
	}
	return &b, nil
}
