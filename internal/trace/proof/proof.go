// SPDX-License-Identifier: AGPL-3.0-or-later

// Package proof promises that somebody who trusts neither us nor our database can
// check, offline and with public algorithms only, that an act was recorded as
// shown and has stood unchanged in the log since a signed checkpoint (GDPR 5(2), 7(1)).
//
// It imports nothing of the house and stores nothing: trace keeps the log, the
// people rooms fill a File. The formats are drawn in docs/formats.
//
//	entry   clear text ─ HMAC(s1) ─ c1 ┐
//	        private fields ─ HMAC(k_name) each ─ text ─ HMAC(s2all) ─ c2 ┴ record c1‖c2 ─ leaf
//	leaf    ─ inclusion path ─ root of a signed checkpoint
//	set act: member record ─ leaf ─ path ─ root named in the entry's clear text ─ as above
package proof

import "encoding/hex"

// Schema names the version of the file's format.
const Schema = "consend-proof/1"

// Profile is the vocabulary the header follows (ISO/IEC TS 27560:2023, DPV guide).
const Profile = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"

// File is one proof: what one account recorded about one person, with everything
// needed to check it. The names of the header are those of ISO/IEC TS 27560.
type File struct {
	Schema     string    `json:"schema_version"`
	Profile    string    `json:"conforms_to"`
	ID         string    `json:"record_id"`               // random, names this export
	Made       string    `json:"made"`                    // moment of the export
	Language   string    `json:"language"`                // of the words in the file
	Account    int64     `json:"account"`                 // the account's number in the log
	Controller Party     `json:"pii_controller"`          // who is answerable
	Processor  *Party    `json:"pii_processor,omitempty"` // who runs the installation, when somebody else
	Person     Person    `json:"pii_principal"`
	Lists      []List    `json:"lists,omitempty"`
	Complete   *Complete `json:"complete,omitempty"` // the signer's word that nothing is left out
	Acts       []Act     `json:"acts,omitempty"`     // other acts about the person (requests, corrections)
	Texts      []Text    `json:"texts,omitempty"`
	Log        Log       `json:"log"`
	Signature  string    `json:"signature,omitempty"` // note signature line over the file without it
}

// Party is a controller or processor (27560: party_name, party_address, party_contact).
type Party struct {
	Name    string `json:"party_name"`
	Address string `json:"party_address,omitempty"`
	Contact string `json:"party_contact,omitempty"`
	Email   string `json:"party_email,omitempty"`
	Phone   string `json:"party_phone,omitempty"`
	URL     string `json:"party_url,omitempty"`
	Country string `json:"party_country,omitempty"`
}

// Person is whom the file is about: the contact's number (a pseudonym that the log
// knows) and the address (that only this file and the controller know).
type Person struct {
	ID      int64  `json:"pii_principal_id"`
	Address string `json:"address,omitempty"`
}

// List is one subscription: a list, its purpose, and all its events in order of seq, which
// runs from 1 without a gap.
// What is not in Events is the controller's statement, signed but not in the log.
type List struct {
	ID         int64      `json:"list"`
	Name       string     `json:"name,omitempty"`
	Purpose    string     `json:"purpose,omitempty"`      // in words
	PurposeID  string     `json:"purpose_type,omitempty"` // the code that events carry
	Basis      string     `json:"lawful_basis,omitempty"`
	State      string     `json:"state"`
	Grade      string     `json:"grade,omitempty"` // A B C D, "" while waiting for proof
	GradeWords string     `json:"grade_words,omitempty"`
	Processing Processing `json:"pii_processing,omitzero"`
	Events     []Event    `json:"events"`
}

// Complete is the signer's word on what no inclusion path can show: that these lists are all that
// the person has events of, and the last event shown of each the newest, among the first Size
// entries of the log. A later proof that shows one more below Size convicts the signer.
type Complete struct {
	Lists int    `json:"lists"`        // how many
	Of    string `json:"of,omitempty"` // "list 31", "purpose 12" or "period FROM/TO" (lists with an event recorded then) where the file is only about these
	Size  int64  `json:"size"`         // that of the checkpoint
}

// Processing holds the fields of 27560 that describe the list, as the privacy note
// tells them. They are statements of the controller.
type Processing struct {
	Notice     string   `json:"privacy_notice,omitempty"`
	Storage    []string `json:"storage_locations,omitempty"`
	Retention  string   `json:"retention_period,omitempty"`
	Law        string   `json:"jurisdiction,omitempty"`
	Recipients []string `json:"recipient_third_parties,omitempty"`
	Withdrawal string   `json:"withdrawal_method,omitempty"`
	Rights     []string `json:"privacy_rights,omitempty"`
	Service    string   `json:"service,omitempty"`
	Authority  string   `json:"authority_party,omitempty"`
	Categories []string `json:"pii_type,omitempty"`
}

// Event is one event of a list with its entry in the log. Every fact shown must be
// committed in that entry, and every committed fact must be shown.
type Event struct {
	ID    int64  `json:"event_id,omitempty"`
	Words string `json:"words,omitempty"` // one sentence for the reader; a statement
	Facts Facts  `json:"facts"`
	Entry Entry  `json:"entry"`
}

// Act is an entry about the person that belongs to no list.
type Act struct {
	Words string `json:"words,omitempty"`
	Entry Entry  `json:"entry"`
}

// Text is a text as the person saw it; events name it by its SHA-256.
type Text struct {
	SHA256   string `json:"sha256"`
	Kind     string `json:"kind"` // form, page, mail, note; told: by a program of the account; label: as others wrote them down
	Language string `json:"language,omitempty"`
	Text     string `json:"text"`
}

// Log is where the entries stand.
type Log struct {
	Key        string    `json:"key"`        // the log's public key, in note form
	Checkpoint string    `json:"checkpoint"` // signed note
	Earlier    []Earlier `json:"earlier,omitempty"`
}

// Earlier shows that the log only grew since an earlier checkpoint.
type Earlier struct {
	Size int64    `json:"size"`
	Path []string `json:"path"`
}

// Entry is an entry of the log with its inclusion path; a set act also carries the
// member that is about the person.
type Entry struct {
	ID     int64    `json:"id"`
	Record Record   `json:"record"`
	Member *Member  `json:"member,omitempty"`
	Leaf   int64    `json:"leaf"` // position in the log, from 0
	Path   []string `json:"path"`
}

// Member is one member of a set act.
type Member struct {
	Index  int      `json:"index"` // position in the set, from 0
	Record Record   `json:"record"`
	Path   []string `json:"path"`
}

// Record is what a leaf commits to. Private fields are shown with S2All, or not at
// all, then C2 stands for them.
type Record struct {
	Clear   string  `json:"clear"`
	S1      string  `json:"s1"`
	S2All   string  `json:"s2all,omitempty"`
	Private []Field `json:"private,omitempty"`
	C2      string  `json:"c2,omitempty"`
}

// Field is one private field: its value with the key of its commitment, or, once the
// value has ended, the commitment alone with the reason.
type Field struct {
	Name       string `json:"name"`
	Value      string `json:"value,omitempty"`
	Key        string `json:"key,omitempty"`
	Commitment string `json:"commitment,omitempty"`
	Removed    string `json:"removed,omitempty"` // "2026-11-24 by rule consent.ip"
}

func hexOf(b [32]byte) string { return hex.EncodeToString(b[:]) }

func hex32(s string) (out [32]byte, ok bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 || hex.EncodeToString(b) != s {
		return out, false
	}
	copy(out[:], b)
	return out, true
}
