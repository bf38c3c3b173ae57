// SPDX-License-Identifier: AGPL-3.0-or-later

// Package notice promises that what people are told about their data (GDPR 12, 13; ISO/IEC
// 29184) is a structured note, complete in each of its languages before anybody sees it, and
// that what a person was shown can be shown again, to the letter, years later.
//
//	draft      answers that members edit                      (Note)
//	version    the answers and one text a language, for ever  (Version, Text)
//	short      the layer that stands in a form
//	body       the whole note, the page /privacy/…
//	sha256     of short and body together: it stands in each consent
//
// It leaves to form where the note is shown, and to consent who was shown it.
package notice

import (
	"crypto/sha256"
	"strings"

	"consend/internal/ground/legalclock"
)

// Words is a text in several languages.
type Words map[string]string

// In gives the text in a language, or "".
func (w Words) In(lang string) string { return strings.TrimSpace(w[lang]) }

// Note is the answers a privacy note is written from.
type Note struct {
	Languages  []string    `json:"languages"`            // the first is the note's own
	Controller Controller  `json:"controller"`           // GDPR 13(1)(a)
	Contact    Contact     `json:"contact"`              // GDPR 13(1)(b)
	Purposes   []Purpose   `json:"purposes"`             // GDPR 13(1)(c), (d)
	Recipients []Recipient `json:"recipients,omitempty"` // GDPR 13(1)(e)
	Transfers  []Transfer  `json:"transfers,omitempty"`  // GDPR 13(1)(f)
	Kept       Kept        `json:"kept"`                 // GDPR 13(2)(a)
	Needed     Words       `json:"needed,omitempty"`     // GDPR 13(2)(e): what must be given, and what happens without; "" is the house's words
	More       Words       `json:"more,omitempty"`       // anything else, in the account's words
	Policy     string      `json:"policy,omitempty"`     // https address of the account's own privacy policy
}

// Controller is who decides why and how.
type Controller struct {
	Name    string `json:"name"`
	Postal  string `json:"postal"`
	Country string `json:"country"` // ISO 3166-1 alpha-2; tells the authority
	Email   string `json:"email,omitempty"`
	Phone   string `json:"phone,omitempty"`
}

// Contact is who answers questions: a data protection officer where there is one, else
// somebody who is never called so.
type Contact struct {
	DPO   bool   `json:"dpo,omitempty"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email"`
}

// Purpose is one thing the data is used for, and by which right.
type Purpose struct {
	Name  Words  `json:"name"`
	Basis string `json:"basis"`           // consent, soft_opt_in, b2b, contract, member, public_task, non_commercial_li
	Why   Words  `json:"why,omitempty"`   // the interest pursued, where the basis is one (GDPR 13(1)(d))
	Asked string `json:"asked,omitempty"` // "" or "measuring": opens and clicks, only of those who agreed
}

// Recipient is who gets the data.
type Recipient struct {
	Name    string `json:"name"`
	Does    Words  `json:"does"`
	Country string `json:"country"`
}

// Transfer is data leaving the EEA, and what protects it there.
type Transfer struct {
	To        string `json:"to"`        // the recipient's name
	Country   string `json:"country"`   // ISO 3166-1 alpha-2
	Mechanism string `json:"mechanism"` // adequacy, dpf, scc, bcr
}

// Kept is how long.
type Kept struct {
	Months      int   `json:"months"` // after the last sign of life
	ProofMonths int   `json:"proof"`  // the proof of consent, after the end
	Why         Words `json:"why,omitempty"`
}

// Notice is a note with its draft.
type Notice struct {
	ID        int64
	Name      string
	Draft     Note
	Version   int64 // of the draft: give it back with Edit and Publish
	CurrentID int64 // the newest version; 0 was never published
	Number    int64 // of the newest version
	CreatedAt legalclock.Moment
	UpdatedAt legalclock.Moment
	RetiredAt legalclock.Moment
}

// Version is a published note: never changed.
type Version struct {
	ID          int64
	NoticeID    int64
	Number      int64
	Content     Note
	PublishedAt legalclock.Moment
	EntryID     int64
	Texts       []Text
}

// Text is a version in one language, as people read it. Its form is that of Lines.
type Text struct {
	Language string
	Short    string
	Body     string
	Sha256   []byte
}

// In gives the version's text in a language, or in its first when it hasn't that one.
func (v Version) In(lang string) Text {
	for _, t := range v.Texts {
		if t.Language == lang {
			return t
		}
	}
	for _, t := range v.Texts {
		if len(v.Content.Languages) > 0 && t.Language == v.Content.Languages[0] {
			return t
		}
	}
	return Text{}
}

// hash is the hash that stands in a consent: both layers, since both were offered.
func hash(short, body string) []byte {
	h := sha256.New()
	h.Write([]byte(short))
	h.Write([]byte("\n\n"))
	h.Write([]byte(body))
	return h.Sum(nil)
}
