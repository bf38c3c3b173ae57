// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"consend/internal/ground/actor"
	"consend/internal/ground/blob"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Evidence is a file that shows what a group of people said: a photo of the sheet, a
// contract, an old form. It holds many people, lies under the account's key, has an end,
// and every look at it is traced (compliance L14).
type Evidence struct {
	ID     int64
	Import int64 `db:"import_id"`
	Blob   int64 `db:"blob_id"`
	Name   string
	Type   string
	Size   int64
	SHA256 []byte `db:"sha256"`
	MadeBy int64
	MadeAt legalclock.Moment
	EndsAt legalclock.Moment
}

// MaxEvidence is how large a file of evidence may be.
const MaxEvidence = 20 << 20

// evidenceYears is how long evidence is kept: as long as consent can rest on it, then the
// five years in which a claim can be made (rule consent.proof_kept); extended by retention.
const evidenceYears = 5

// evidenceTypes are the kinds of file that are taken, by their first bytes. None is ever
// shown in a page of ours: it is handed out as a download.
var evidenceTypes = []struct{ begins, kind string }{
	{"%PDF-", "application/pdf"}, {"\xff\xd8\xff", "image/jpeg"}, {"\x89PNG\r\n\x1a\n", "image/png"}, {"II*\x00", "image/tiff"}, {"MM\x00*", "image/tiff"},
	{"PK\x03\x04", "application/zip"}, {"\xd0\xcf\x11\xe0", "application/msword"},
}

func evidenceType(head []byte, name string) string {
	for _, t := range evidenceTypes {
		if strings.HasPrefix(string(head), t.begins) {
			return t.kind
		}
	}
	if len(head) > 11 && string(head[4:8]) == "ftyp" {
		return "image/heic"
	}
	if strings.HasPrefix(string(head), "RIFF") && len(head) > 11 && string(head[8:12]) == "WEBP" {
		return "image/webp"
	}
	for _, c := range head {
		if c == 0 {
			return ""
		}
	}
	return "text/plain" // a mail, a saved page: kept as text, never shown as more
}

// EvidenceIs reads the beginning of a file and tells by it what it is; the name only tells a
// mail and JSON from other text. It gives the name tidied, and the whole file again. Faults:
// import.evidence.empty, import.evidence.type.
func EvidenceIs(name string, r io.Reader) (tidied, kind string, whole io.Reader, err error) {
	head := make([]byte, 512)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", "", nil, err
	}
	head = head[:n]
	tidied, kind = title(name), evidenceType(head, name)
	switch {
	case n == 0:
		return "", "", nil, fault.New(fault.Invalid, "import.evidence.empty").At("evidence")
	case kind == "":
		return "", "", nil, fault.New(fault.Invalid, "import.evidence.type").At("evidence")
	case kind == "text/plain" && strings.HasSuffix(strings.ToLower(name), ".eml"):
		kind = "message/rfc822"
	case kind == "text/plain" && strings.HasSuffix(strings.ToLower(name), ".json"):
		kind = "application/json"
	}
	return tidied, kind, io.MultiReader(bytes.NewReader(head), r), nil
}

// EvidenceEnds is when evidence that comes now is destroyed.
func EvidenceEnds(tx *store.Tx) (legalclock.Moment, error) {
	zone, _, err := rulesOf(tx)
	if err != nil {
		return 0, err
	}
	return legalclock.Day(tx.Now, zone).AddMonths(12 * evidenceYears).End(zone), nil
}

// Attach stores a file of evidence for an import and gives its rows grade C. It is taken
// before the import starts, or later for the rows that wait (see Release).
func Attach(ctx context.Context, db *store.DB, who actor.Actor, id int64, name string, r io.Reader) (Evidence, error) {
	var e Evidence
	var ring *keys.Ring
	err := db.View(ctx, who, func(v *store.View) error {
		ring = keys.Of(v)
		_, err := Get(v, id)
		return err
	})
	if err != nil {
		return e, err
	}
	called, kind, whole, err := EvidenceIs(name, r)
	if err != nil {
		return e, err
	}
	e = Evidence{Import: id, Name: called, Type: kind}
	_, err = blob.Store(ctx, db, who, ring.Box(who.Account), blob.New{Owner: "evidence", OwnerID: id, Type: kind}, whole, MaxEvidence,
		func(tx *store.Tx, b blob.Info) error {
			i, err := lock(tx, id)
			if err != nil {
				return err
			}
			e.ID, e.Blob, e.Size, e.SHA256, e.MadeAt = tx.ID(), b.ID, b.Size, b.SHA256, tx.Now
			e.MadeBy = 0
			if who.Kind == actor.Member {
				e.MadeBy = who.ID
			}
			if e.EndsAt, err = EvidenceEnds(tx); err != nil {
				return err
			}
			if err := blob.Keep(tx, b.ID, e.EndsAt); err != nil {
				return err
			}
			entry, err := trace.Append(tx, trace.Act{Action: "evidence.add", Object: "evidence", ObjectID: e.ID, Clear: proof.Fields{
				"import": dec(id), "sha256": hex.EncodeToString(b.SHA256), "size": dec(b.Size), "type": kind}})
			if err != nil {
				return err
			}
			tx.Do(addEvidence, e.ID, id, e.Blob, e.Name, e.Type, e.Size, e.SHA256, e.MadeBy, e.EndsAt, entry)
			if i.State.Editable() {
				tx.Do(setProof, e.ID, id)
			}
			return nil
		})
	if f := (*fault.Error)(nil); errors.As(err, &f) && f.Kind == fault.TooLarge {
		return e, f.At("evidence")
	}
	return e, err
}

// GetEvidence finds a file of evidence. Faults: import.evidence.none.
func GetEvidence(r store.Reader, id int64) (Evidence, error) {
	e, err := store.One[Evidence](r, getEvidence, id)
	if errors.Is(err, store.ErrNone) {
		return e, fault.New(fault.NotFound, "import.evidence.none")
	}
	return e, err
}

// EvidenceOf lists the files of evidence of an import, oldest first.
func EvidenceOf(r store.Reader, id int64) ([]Evidence, error) {
	return store.All[Evidence](r, evidenceOf, id)
}

// OpenEvidence opens a file of evidence of an import for a member, once the look is traced.
func OpenEvidence(ctx context.Context, db *store.DB, who actor.Actor, importID, id int64) (Evidence, io.Reader, error) {
	var e Evidence
	var ring *keys.Ring
	err := db.View(ctx, who, func(v *store.View) (err error) {
		ring = keys.Of(v)
		if e, err = GetEvidence(v, id); err == nil && e.Import != importID {
			err = fault.New(fault.NotFound, "import.evidence.none")
		}
		return err
	})
	if err != nil {
		return e, nil, err
	}
	if err := look(ctx, db, who, "evidence.look", "evidence", id); err != nil {
		return e, nil, err
	}
	f, err := blob.Open(ctx, db, who, ring.Box(who.Account), e.Blob)
	return e, f, err
}

// look writes down that who is shown a file of people, or a part of it, before it is shown.
// The people in it have no number yet, so that trace.Look can't name them: the file is named.
func look(ctx context.Context, db *store.DB, who actor.Actor, action, object string, id int64) error {
	return db.Write(ctx, who, func(tx *store.Tx) error {
		_, err := trace.Append(tx, trace.Act{Action: action, Object: object, ObjectID: id})
		return err
	})
}
