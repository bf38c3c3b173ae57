// SPDX-License-Identifier: AGPL-3.0-or-later

// Package compose writes the bytes of a message: headers that nothing can be injected into, parts in the smallest safe
// encoding, the List-* headers of RFC 8058 inside the DKIM signature. The same letter gives the same bytes (a test's golden
// file, a proof's hash). It leaves to others what the words are (sending/template), who may get them (gate), and the wire.
//
// The form of every message:
//
//	headers                     7-bit, folded at 76; words beyond ASCII as RFC 2047
//	multipart/alternative       text/plain, then text/html (RFC 2046 5.1.4: the richest last)
//	multipart/mixed around it   only when something is attached
//
// It is written here, not by a library, because it is the inner loop of a campaign: no reflection, no copy beyond the
// encoding itself. Readers by other hands check it in the tests.
package compose

import (
	"errors"
	"time"
)

// Mailbox is a name and an address as they stand in a header. Both are personal where the person is.
type Mailbox struct {
	Name string // may be empty
	Addr string // local@domain; a domain in A-labels unless the message goes out by SMTPUTF8
}

// Letter is one message for one person. The caller has decided everything: compose adds no word of its own.
type Letter struct {
	From, ReplyTo, To Mailbox // ReplyTo is left out when it has no address
	Subject           string
	Text, HTML        string // UTF-8; HTML may be empty, Text may not
	// In the place of Text and HTML: forms, and what fills their holes. For many letters of the same words.
	TextForm, HTMLForm *Form
	TextFill, HTMLFill []string
	Date               time.Time
	MessageID          string // left@right without angle brackets; a token of ours at the sender's domain

	// Unsubscribe is the https address that takes the one-click POST (RFC 8058); empty on service mail only.
	Unsubscribe     string
	UnsubscribeMail string // mailto target, optional: some clients know only this (RFC 2369)
	ListID          string // name.domain, RFC 2919; optional
	Feedback        string // Feedback-ID, for complaint reports by campaign; no person in it
	Service         bool   // Auto-Submitted: auto-generated (RFC 3834): no holiday note answers it
	Language        string // Content-Language, "fr"
	Extra           []Field
	Attached        []Attachment
}

// Field is a further header. Names that compose writes itself are refused.
type Field struct{ Name, Value string }

// Attachment is one file.
type Attachment struct {
	Name string
	Type string // text/plain, application/json …
	Body []byte
}

// Draft is a service mail before anybody decided that it may go: for whom it is and what it says,
// already in that person's language. sending/transactional gives it its one layout, asks the gate
// and sends it. Rooms below sending write drafts, and never send.
type Draft struct {
	Class    string  // a gate class: "confirmation", "receipt", "invitation", "sign_in", "checkpoint", "notice", "source", "question"
	To       Mailbox // one person
	Contact  int64   // exactly one of the three says who it is
	Signup   int64
	Member   int64
	Change   int64  // beside Contact: a change of address, whose new mailbox To is
	List     int64  // beside Contact, of a question: the list it is about
	Language string // "en" or "fr"
	Subject  string
	Preview  string  // the line that mailbox lists show after the subject
	Blocks   []Block // in reading order
	Why      string  // why it comes, below; "" is what its class says
	Attached []Attachment
	Leave    string // where one click says no (RFC 8058), of mail that isn't the person's own doing
	Secret   bool   // holds a link or code that lets somebody in: its content is never kept
}

// BlockKind is what a block of a draft is.
type BlockKind string

// The kinds of block.
const (
	Heading   BlockKind = "heading"
	Paragraph BlockKind = "paragraph"
	Button    BlockKind = "button" // Text on it, URL behind it; also written out as text
	Small     BlockKind = "small"  // a note below
	Code      BlockKind = "code"   // a code or key, in fixed width
)

// Block is one piece of a draft. Text is plain: it is escaped where it is rendered.
type Block struct {
	Kind BlockKind
	Text string
	URL  string
}

// Errors of Append: mistakes of the caller's input, never of a recipient's mailbox.
var (
	ErrControl  = errors.New("control character in a header")
	ErrAddress  = errors.New("not an address a header can carry")
	ErrNoText   = errors.New("message without a text part")
	ErrHeader   = errors.New("header that may not be set")
	ErrOneClick = errors.New("the one-click address must be https") // RFC 8058 3.1
)

// MaxHeader bounds one header's value in bytes as given.
const MaxHeader = 4000
