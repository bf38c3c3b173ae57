// SPDX-License-Identifier: AGPL-3.0-or-later

// Package transport speaks SMTP to one relay, fast and without trusting it: every message ends in exactly one outcome
// per recipient, and no answer of the other side can make that outcome kinder than it was.
// It leaves to others who may be written to (gate), which relay is used and how fast (sending/relay), and retries (sending/campaign, sending/transactional).
//
// What an outcome means, and what the caller may do with it:
//
//	Accepted   the relay took responsibility (2xx after the content)          never send again
//	Deferred   4xx, or the connection ended before the content was complete   send again later
//	Failed     5xx, or the message cannot be sent over this relay at all       do not send again
//	Uncertain  the whole content was written, then the connection ended before the answer: it may have arrived
//	           (RFC 5321 4.5.3.2.6, RFC 1047)                                  never send again by itself
//
// Only one content is in flight on a connection. So a process that dies leaves at most one uncertain message per open
// connection; pipelining (RFC 2920) saves round trips inside one message, and lets the next one's envelope go with a content.
package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"consend/internal/ground/legalclock"
)

// Outcome is what became of one message for one recipient.
type Outcome uint8

// The four outcomes; the zero value is Uncertain on purpose: code that forgets to set one never causes a second copy.
const (
	Uncertain Outcome = iota
	Accepted
	Deferred
	Failed
)

func (o Outcome) String() string {
	switch o {
	case Accepted:
		return "accepted"
	case Deferred:
		return "deferred"
	case Failed:
		return "failed"
	}
	return "uncertain"
}

// Stage names the point of the session an outcome was decided at.
type Stage string

// Stages of a session.
const (
	StageLocal    Stage = "local" // decided here, nothing was sent
	StageConnect  Stage = "connect"
	StageBanner   Stage = "banner"
	StageHello    Stage = "hello"
	StageStartTLS Stage = "starttls"
	StageAuth     Stage = "auth"
	StageMail     Stage = "mail"
	StageRcpt     Stage = "rcpt"
	StageData     Stage = "data"
	StageContent  Stage = "content"
)

// Result is the outcome for one recipient with the answer it rests on (zero Reply when there was none).
type Result struct {
	Outcome Outcome
	Stage   Stage
	Reply   Reply
}

// TLS says how the connection is protected.
type TLS string

// TLS modes. There is no opportunistic mode: an attacker who strips STARTTLS must not get the mail in clear.
const (
	TLSNone     TLS = "none"     // clear; for a relay on the same machine or network
	TLSStart    TLS = "starttls" // RFC 3207, required: without it nothing is sent
	TLSImplicit TLS = "implicit" // RFC 8314, port 465
)

// Config describes one relay. Zero durations take the defaults of RFC 5321 4.5.3.2, shortened where a kept connection
// of a bulk sender would otherwise be stuck for long.
type Config struct {
	Addr       string // host:port
	TLS        TLS
	TLSConfig  *tls.Config // optional; ServerName is filled from Addr
	User       string      // AUTH is used when not empty
	Password   string
	AllowClear bool   // AUTH without TLS; only for loopback and tests
	Hello      string // name said in EHLO; "localhost" when empty

	ConnectTimeout time.Duration // default 30 s
	CommandTimeout time.Duration // one answer to a command; default 60 s (RFC: 5 min)
	FinalTimeout   time.Duration // the answer after the content; default 10 min (RFC 5321 4.5.3.2.6)

	// Dial replaces the network in tests. The default is net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Clock is compared with the kernel's by deadlines; nil means legalclock.System.
	Clock legalclock.Clock
}

func (c Config) withDefaults() Config {
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 30 * time.Second
	}
	if c.CommandTimeout == 0 {
		c.CommandTimeout = 60 * time.Second
	}
	if c.FinalTimeout == 0 {
		c.FinalTimeout = 10 * time.Minute
	}
	if c.Hello == "" {
		c.Hello = "localhost"
	}
	if c.TLS == "" {
		c.TLS = TLSStart
	}
	if c.Clock == nil {
		c.Clock = legalclock.System
	}
	return c
}

// Error is why a session could not be opened or kept. It never speaks about a recipient: no address may be blamed for it.
type Error struct {
	Stage Stage
	Reply Reply // zero when the other side said nothing usable
	Err   error
}

func (e *Error) Error() string {
	if e.Reply.Code != 0 {
		return fmt.Sprintf("smtp %s: %s", e.Stage, e.Reply)
	}
	return fmt.Sprintf("smtp %s: %v", e.Stage, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Settings tells whether a person has to change something (credentials, certificate, missing STARTTLS), so that trying
// again soon would only lock the account at the relay.
func (e *Error) Settings() bool {
	switch e.Stage {
	case StageAuth:
		return e.Reply.Code >= 500 || e.Reply.Code == 0
	case StageStartTLS:
		return true
	}
	return false
}

// Errors of this package that are no answers of the relay.
var (
	ErrProtocol   = errors.New("the relay broke the protocol")
	ErrNoStartTLS = errors.New("the relay offers no STARTTLS")
	ErrNoAuth     = errors.New("the relay offers no way of authentication we use")
	ErrClosed     = errors.New("connection is closed")
	ErrHeld       = errors.New("the content was held back")
)

// Envelope is who a message is from and for, as SMTP sees it. Build it with NewEnvelope.
type Envelope struct {
	from string
	to   []string
	utf8 bool
}

// NewEnvelope checks the addresses for what SMTP can't carry: control characters, spaces, angle brackets (RFC 5321 4.1.2;
// quoted local parts are not supported). An empty from is the null reverse path.
func NewEnvelope(from string, to ...string) (Envelope, error) {
	e := Envelope{from: from, to: to}
	if len(to) == 0 {
		return Envelope{}, errors.New("envelope without recipient")
	}
	if from != "" {
		if err := checkPath(from); err != nil {
			return Envelope{}, err
		}
	}
	e.utf8 = !ascii(from)
	for _, a := range to {
		if err := checkPath(a); err != nil {
			return Envelope{}, err
		}
		e.utf8 = e.utf8 || !ascii(a)
	}
	return e, nil
}

func checkPath(a string) error {
	if len(a) > 320 || strings.IndexByte(a, '@') < 1 {
		return errors.New("not an address SMTP can carry")
	}
	for i := 0; i < len(a); i++ {
		if c := a[i]; c <= ' ' || c == 0x7f || c == '<' || c == '>' {
			return errors.New("not an address SMTP can carry")
		}
	}
	return nil
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
