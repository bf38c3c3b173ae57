// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"encoding/hex"
	"errors"
	"math"
	"strconv"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/trace/proof"
)

// Record is one event as it stands in the ledger.
type Record struct {
	ContactID      int64
	ListID         int64
	Seq            int64
	ID             int64
	Kind           Kind
	Verdict        Verdict
	State          Status // of the subscription after it
	Basis          Basis
	BasisRef       string
	BasisFamily    string
	OptoutOffered  bool
	Grade          Grade
	Lacks          string // why the claim waits for proof
	Source         string
	Method         string
	OccurredAt     legalclock.Moment
	RecordedAt     legalclock.Moment
	ConfirmedAt    legalclock.Moment
	RequestEvent   int64
	FormVersionID  int64
	NoteVersionID  int64
	TextSHA256     []byte `db:"text_sha256"`
	NoteSHA256     []byte `db:"note_sha256"`
	EvidenceSHA256 []byte `db:"evidence_sha256"`
	Language       string
	Page           string
	ImportID       int64
	ImportRow      int64
	DeclaredBy     int64
	EvidenceID     int64
	ActorKind      string
	ActorID        int64
	EntryID        int64
	EntryIndex     int // the member of the entry, proof.Whole for all of it

	// Where it came from; sealed under the person's key, and shortened after a term.
	IPCT        []byte `db:"ip_ct"`
	IPNetwork   string `db:"ip_network"`
	IPSource    string `db:"ip_source"`
	UACT        []byte `db:"ua_ct"`
	ShortenedAt legalclock.Moment

	PurposeID int64 `db:"-"` // of its list, for Facts
}

// column is one clear fact of an event: the same text is committed by Apply and shown by
// Facts, so that a proof can't differ by accident.
type column struct {
	name string
	same func(a, b *Record) bool
	text func(r *Record) string
	put  func(f *proof.Facts) *string
}

var columns = []column{
	{"event", func(a, b *Record) bool { return a.Kind == b.Kind }, func(r *Record) string { return string(r.Kind) }, func(f *proof.Facts) *string { return &f.Event }},
	{"list", func(a, b *Record) bool { return a.ListID == b.ListID }, func(r *Record) string { return dec(r.ListID) }, func(f *proof.Facts) *string { return &f.List }},
	{"purpose", func(a, b *Record) bool { return a.PurposeID == b.PurposeID }, func(r *Record) string { return dec(r.PurposeID) }, func(f *proof.Facts) *string { return &f.Purpose }},
	{"state", func(a, b *Record) bool { return a.State == b.State }, func(r *Record) string { return string(r.State) }, func(f *proof.Facts) *string { return &f.State }},
	{"basis", func(a, b *Record) bool { return a.Basis == b.Basis }, func(r *Record) string { return string(r.Basis) }, func(f *proof.Facts) *string { return &f.Basis }},
	{"grade", func(a, b *Record) bool { return a.Grade == b.Grade }, func(r *Record) string { return string(r.Grade) }, func(f *proof.Facts) *string { return &f.Grade }},
	{"seq", func(a, b *Record) bool { return a.Seq == b.Seq }, func(r *Record) string { return dec(r.Seq) }, func(f *proof.Facts) *string { return &f.Seq }},
	{"occurred", func(a, b *Record) bool { return a.OccurredAt == b.OccurredAt }, func(r *Record) string { return r.OccurredAt.String() }, func(f *proof.Facts) *string { return &f.Occurred }},
	{"recorded", func(a, b *Record) bool { return a.RecordedAt == b.RecordedAt }, func(r *Record) string { return r.RecordedAt.String() }, func(f *proof.Facts) *string { return &f.Recorded }},
	{"confirmed", func(a, b *Record) bool { return a.ConfirmedAt == b.ConfirmedAt }, func(r *Record) string { return r.ConfirmedAt.String() }, func(f *proof.Facts) *string { return &f.Confirmed }},
	{"method", func(a, b *Record) bool { return a.Method == b.Method }, func(r *Record) string { return r.Method }, func(f *proof.Facts) *string { return &f.Method }},
	{"source", func(a, b *Record) bool { return a.Source == b.Source }, func(r *Record) string { return r.Source }, func(f *proof.Facts) *string { return &f.Source }},
	{"import", func(a, b *Record) bool { return a.ImportID == b.ImportID }, func(r *Record) string { return dec(r.ImportID) }, func(f *proof.Facts) *string { return &f.Import }},
	{"form_version", func(a, b *Record) bool { return a.FormVersionID == b.FormVersionID }, func(r *Record) string { return dec(r.FormVersionID) }, func(f *proof.Facts) *string { return &f.FormVer }},
	{"note_version", func(a, b *Record) bool { return a.NoteVersionID == b.NoteVersionID }, func(r *Record) string { return dec(r.NoteVersionID) }, func(f *proof.Facts) *string { return &f.NoteVer }},
	{"label_sha256", func(a, b *Record) bool { return string(a.TextSHA256) == string(b.TextSHA256) }, func(r *Record) string { return hex.EncodeToString(r.TextSHA256) }, func(f *proof.Facts) *string { return &f.Label }},
	{"note_sha256", func(a, b *Record) bool { return string(a.NoteSHA256) == string(b.NoteSHA256) }, func(r *Record) string { return hex.EncodeToString(r.NoteSHA256) }, func(f *proof.Facts) *string { return &f.NoteText }},
	{"evidence_sha256", func(a, b *Record) bool { return string(a.EvidenceSHA256) == string(b.EvidenceSHA256) }, func(r *Record) string { return hex.EncodeToString(r.EvidenceSHA256) }, func(f *proof.Facts) *string { return &f.Evidence }},
	{"language", func(a, b *Record) bool { return a.Language == b.Language }, func(r *Record) string { return r.Language }, func(f *proof.Facts) *string { return &f.Language }},
	{"ip_source", func(a, b *Record) bool { return a.IPSource == b.IPSource }, func(r *Record) string { return r.IPSource }, func(f *proof.Facts) *string { return &f.IPSource }},
	{"by", func(a, b *Record) bool { return a.ActorKind == b.ActorKind }, func(r *Record) string { return r.ActorKind }, func(f *proof.Facts) *string { return &f.Actor }},
	// Not a fact of the proof's form, but committed: an event that changed nothing says why.
	{"verdict", func(a, b *Record) bool { return a.Verdict == b.Verdict }, func(r *Record) string { return r.verdict() }, nil},
	{"lacks", func(a, b *Record) bool { return a.Lacks == b.Lacks }, func(r *Record) string { return r.Lacks }, nil},
}

func (r *Record) verdict() string {
	if r.Verdict == Applied {
		return ""
	}
	return string(r.Verdict)
}

func dec(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// Facts gives what was committed about the event. The purpose is that of its list; origin
// is what Origins opened; address is the one the person had then (after a correction: what
// the trace kept of it).
func (r Record) Facts(address address.Address, o Origin) proof.Facts {
	var f proof.Facts
	for _, c := range columns {
		if c.put != nil {
			*c.put(&f) = c.text(&r)
		}
	}
	for name, v := range r.private(address, o) {
		switch name {
		case "address":
			f.Address = v
		case "ip":
			f.IP = v
		case "agent":
			f.Agent = v
		case "page":
			f.Page = v
		case "source_detail":
			f.Detail = v
		}
	}
	return f
}

// private gives the values about the person that are committed, never written.
func (r *Record) private(a address.Address, o Origin) proof.Fields {
	f := make(proof.Fields, 1)
	r.eachPrivate(a, o, func(name, value string) { f[name] = value })
	return f
}

// eachPrivate gives them sorted by name.
func (r *Record) eachPrivate(a address.Address, o Origin, yield func(name, value string)) {
	if !a.IsZero() {
		yield("address", a.Raw())
	}
	if !o.Agent.IsZero() {
		yield("agent", o.Agent.Raw())
	}
	if !o.IP.IsZero() {
		yield("ip", o.IP.Raw().String())
	}
	if r.Page != "" {
		yield("page", r.Page)
	}
	if r.BasisRef != "" {
		yield("source_detail", r.BasisRef)
	}
}

// MostEvents is how many events of a person are read at once; who has as many may have more.
const MostEvents = 5000

// Events is the ledger of one person, oldest first, origins sealed; at most MostEvents.
func Events(r store.Reader, contact int64) ([]Record, error) {
	return store.All[Record](r, events, contact)
}

// EventsBefore pages through the ledger of one person, newest first, recorded before a moment and an
// event (0, 0: from the newest). It tells no origins and no hashes.
func EventsBefore(r store.Reader, contact int64, before legalclock.Moment, id int64, limit int) ([]Record, error) {
	if id == 0 {
		before = math.MaxInt64
	}
	return store.All[Record](r, eventsBefore, contact, before, id, limit)
}

// Words gives the words people were shown, by their hash; "" when they are not kept.
func Words(r store.Reader, sha256 []byte) (string, error) {
	if len(sha256) == 0 {
		return "", nil
	}
	s, err := store.One[string](r, text, sha256)
	if errors.Is(err, store.ErrNone) {
		return "", nil
	}
	return s, err
}

// Origins opens where a person's events came from, in their order. What has ended is
// empty: an origin after its term, or everything once the key is destroyed.
func Origins(r store.Reader, id int64, events []Record) ([]Origin, error) {
	out := make([]Origin, len(events))
	var key keys.Subject
	for i, e := range events {
		out[i].Source = e.IPSource
		if len(e.IPCT) == 0 && len(e.UACT) == 0 {
			continue
		}
		if key == (keys.Subject{}) {
			p, err := contact.Person(r, id)
			if err != nil {
				return nil, err
			}
			if p.Key.IsZero() {
				return out, nil
			}
			key, err = keys.Of(r).Subject(accountOf(r), p.Key)
			if errors.Is(err, keys.ErrForgotten) {
				return out, nil
			}
			if err != nil {
				return nil, err
			}
		}
		if len(e.IPCT) > 0 {
			b, err := key.Open(originAt("ip_ct", e.ID), e.IPCT)
			if err != nil {
				return nil, err
			}
			if out[i].IP, err = pii.ParseIP(string(b)); err != nil {
				return nil, err
			}
		}
		if len(e.UACT) > 0 {
			b, err := key.Open(originAt("ua_ct", e.ID), e.UACT)
			if err != nil {
				return nil, err
			}
			out[i].Agent = pii.T(string(b))
		}
	}
	return out, nil
}

func originAt(column string, event int64) keys.AAD {
	return keys.AAD{Table: "consent_origin", Column: column, Row: event}
}

// Standing is where a person stands on one list, and why they may or may not be written to.
type Standing struct {
	ListID      int64
	ListName    string
	ListKind    string
	PurposeID   int64
	PurposeName string
	State       Status
	Basis       Basis
	Grade       Grade
	Said        Said
	SaidAt      legalclock.Moment
	Seq         int64
	EventID     int64
	Since       legalclock.Moment
	Reason      Reason
}

// Standings lists where a person stands, by purpose and list.
func Standings(r store.Reader, contact int64) ([]Standing, error) {
	g, err := GroundOf(r)
	if err != nil {
		return nil, err
	}
	return store.All[Standing](r, standings, append(g.Args(), contact)...)
}

func accountOf(r store.Reader) int64 {
	switch v := r.(type) {
	case *store.Tx:
		return v.Account()
	case *store.View:
		return v.Account()
	}
	return 0
}
