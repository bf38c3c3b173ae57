// SPDX-License-Identifier: AGPL-3.0-or-later

package kill

import (
	"bytes"
	"errors"
	"io"
	"log"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-smtp"
)

// sink is a mail server outside the process that is killed: it counts what it took. A message
// counts once its whole content is here: the server owns it from then on, whether its answer is
// heard or not.
type sink struct {
	addr  string
	taken atomic.Int64
	open  atomic.Int64 // connections
	most  atomic.Int64 // … at a time

	mu     sync.Mutex
	copies map[string]int      // by Message-ID
	to     map[string][]string // by recipient: Message-IDs
	links  map[string]string   // by recipient: where the confirmation mail leads
	stall  func()              // before an answer
}

func receive(t testing.TB) *sink {
	t.Helper()
	s := &sink{copies: map[string]int{}, to: map[string][]string{}, links: map[string]string{}}
	server := smtp.NewServer(s)
	server.Domain, server.MaxLineLength, server.ErrorLog = "sink.example", 10000, log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.addr = l.Addr().String()
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return s
}

// NewSession begins a connection.
func (s *sink) NewSession(*smtp.Conn) (smtp.Session, error) {
	for k := s.open.Add(1); ; {
		if m := s.most.Load(); k <= m || s.most.CompareAndSwap(m, k) {
			break
		}
	}
	return &session{sink: s}, nil
}

type session struct {
	*sink
	rcpt string
}

func (x *session) Reset()                                      { x.rcpt = "" }
func (x *session) Logout() error                               { x.open.Add(-1); return nil }
func (x *session) Mail(string, *smtp.MailOptions) error        { return nil }
func (x *session) Rcpt(rcpt string, _ *smtp.RcptOptions) error { x.rcpt = rcpt; return nil }

var confirmLink = regexp.MustCompile(`http://[0-9.:]+/c/[a-z2-7]+`)

// Data takes a message.
func (x *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err // cut off: it was never ours
	}
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return err
	}
	id := m.Header.Get("Message-ID")
	if id == "" {
		return errors.New("a message without Message-ID")
	}
	x.mu.Lock()
	x.copies[id]++
	x.to[x.rcpt] = append(x.to[x.rcpt], id)
	if link := confirmLink.FindString(text(m)); link != "" {
		x.links[x.rcpt] = link
	}
	stall := x.stall
	x.mu.Unlock()
	x.taken.Add(1)
	if stall != nil {
		stall()
	}
	return nil
}

// text is a message's content, decoded as far as links in it can be read.
func text(m *mail.Message) string {
	b, err := io.ReadAll(m.Body)
	if err != nil {
		return ""
	}
	if kind, _, err := mime.ParseMediaType(m.Header.Get("Content-Type")); err == nil && !strings.HasPrefix(kind, "multipart/") && m.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
		return string(b)
	}
	d, _ := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(b))) // up to a part of another encoding
	return string(d)
}

// mails gives how many different messages came to an address, and how many copies beyond.
func (s *sink) mails(to string) (different, more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]bool{}
	for _, id := range s.to[to] {
		if seen[id] {
			more++
		}
		seen[id] = true
	}
	return len(seen), more
}

func (s *sink) link(to string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links[to]
}
