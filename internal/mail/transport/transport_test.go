// SPDX-License-Identifier: AGPL-3.0-or-later

package transport_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"consend/internal/mail/transport"
)

const body = "Subject: hello\r\n\r\nBonjour\r\n.\r\n..two\r\n"

// sink is a real server by other hands.
type sink struct {
	mu    sync.Mutex
	got   []string
	conns int
	addr  string
}

func (s *sink) NewSession(*smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns++
	return &session{s: s}, nil
}

type session struct {
	s    *sink
	from string
	to   []string
}

func (x *session) AuthMechanisms() []string { return []string{sasl.Plain} }
func (x *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "me" || password != "secret" {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}
func (x *session) Reset()        { x.from, x.to = "", nil }
func (x *session) Logout() error { return nil }
func (x *session) Mail(from string, o *smtp.MailOptions) error {
	x.from = from
	return nil
}
func (x *session) Rcpt(to string, o *smtp.RcptOptions) error {
	switch {
	case strings.HasPrefix(to, "gone"):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	case strings.HasPrefix(to, "full"):
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox full"}
	}
	x.to = append(x.to, to)
	return nil
}
func (x *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.got = append(x.s.got, fmt.Sprintf("%s>%s|%s", x.from, strings.Join(x.to, ","), b))
	return nil
}

func newSink(t testing.TB, change func(*smtp.Server)) *sink {
	t.Helper()
	s := &sink{}
	srv := smtp.NewServer(s)
	srv.Domain = "sink.example"
	srv.EnableSMTPUTF8 = true
	srv.AllowInsecureAuth = true
	if change != nil {
		change(srv)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return s
}

func dial(t testing.TB, cfg transport.Config) *transport.Conn {
	t.Helper()
	if cfg.TLS == "" {
		cfg.TLS = transport.TLSNone
	}
	c, err := transport.Dial(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func envelope(t testing.TB, to ...string) transport.Envelope {
	t.Helper()
	e, err := transport.NewEnvelope("b+x@house.example", to...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOneConnectionCarriesManyMessagesByteForByte(t *testing.T) {
	s := newSink(t, nil)
	c := dial(t, transport.Config{Addr: s.addr})
	for range 3 {
		res, err := c.Send(envelope(t, "zoe@example.org"), []byte(body))
		if err != nil || res[0].Outcome != transport.Accepted {
			t.Fatal(res, err)
		}
	}
	c.Quit()
	if s.conns != 1 || len(s.got) != 3 || s.got[2] != "b+x@house.example>zoe@example.org|"+body {
		t.Fatalf("%d connections, %q", s.conns, s.got)
	}
}

// The next envelope leaves with a content: also when the relay refuses that content or that recipient, and also with dots.
func TestTheNextEnvelopeLeavesWithTheContentBeforeIt(t *testing.T) {
	s := newSink(t, nil)
	c := dial(t, transport.Config{Addr: s.addr})
	to := []string{"zoe@example.org", "gone@example.org", "yan@example.org", "full@example.org", "xia@example.org"}
	want := []transport.Outcome{transport.Accepted, transport.Failed, transport.Accepted, transport.Deferred, transport.Accepted}
	raw := func(i int) []byte { return []byte(fmt.Sprintf("Subject: %d\r\n\r\n.%s\r\n", i, to[i])) }
	for i := range to {
		var next *transport.Next
		if i+1 < len(to) {
			next = &transport.Next{Env: envelope(t, to[i+1]), Raw: raw(i + 1)}
		}
		began := 0
		res, err := c.SendWhen(envelope(t, to[i]), raw(i), func() bool { began++; return true }, next)
		if err != nil || res[0].Outcome != want[i] || began != map[bool]int{true: 1}[want[i] == transport.Accepted] {
			t.Fatalf("message %d: %+v %v, began %d times", i, res, err, began)
		}
	}
	c.Quit()
	if s.conns != 1 || len(s.got) != 3 {
		t.Fatalf("%d connections, %q", s.conns, s.got)
	}
	for k, i := range []int{0, 2, 4} {
		if s.got[k] != "b+x@house.example>"+to[i]+"|"+string(raw(i)) {
			t.Errorf("%q", s.got[k])
		}
	}
}

// breaks is a network that takes n bytes behind the beginning of a content's end mark, and is gone.
type breaks struct {
	net.Conn
	n int
}

func (b breaks) Write(p []byte) (int, error) {
	i := bytes.Index(p, []byte("\r\n.\r\n"))
	if i < 0 {
		return b.Conn.Write(p)
	}
	n, _ := b.Conn.Write(p[:i+b.n])
	return n, io.ErrClosedPipe
}

// A write that fails within the next envelope has carried the whole of this content: it may have arrived, and goes to nobody twice.
func TestAWriteThatFailsTellsWhetherTheContentHasLeft(t *testing.T) {
	for n, want := range map[int]transport.Outcome{0: transport.Deferred, 4: transport.Deferred, 5: transport.Uncertain, 9: transport.Uncertain} {
		s := newSink(t, nil)
		c := dial(t, transport.Config{Addr: s.addr, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := new(net.Dialer).DialContext(ctx, network, addr)
			return breaks{nc, n}, err
		}})
		raw := []byte("Subject: one\r\n\r\nOne\r\n")
		res, err := c.SendWhen(envelope(t, "zoe@example.org"), raw, nil, &transport.Next{Env: envelope(t, "yan@example.org"), Raw: raw})
		if err == nil || res[0].Outcome != want || !c.Dead() {
			t.Errorf("%d bytes of the end: %+v %v", n, res, err)
		}
	}
}

func TestAnAnnouncedMessageThatIsHeldBackOrExchangedIsNotSent(t *testing.T) {
	for name, second := range map[string]func(c *transport.Conn) error{
		"held back": func(c *transport.Conn) error {
			_, err := c.SendWhen(envelope(t, "yan@example.org"), []byte(body), func() bool { return false }, nil)
			return err
		},
		"exchanged": func(c *transport.Conn) error {
			if c.Takes(envelope(t, "xia@example.org"), []byte(body)) || !c.Takes(envelope(t, "yan@example.org"), []byte(body)) {
				t.Error("the session doesn't know what it waits for")
			}
			_, err := c.Send(envelope(t, "xia@example.org"), []byte(body))
			return err
		},
		"left": func(c *transport.Conn) error { c.Quit(); return transport.ErrClosed },
	} {
		s := newSink(t, nil)
		c := dial(t, transport.Config{Addr: s.addr})
		res, err := c.SendWhen(envelope(t, "zoe@example.org"), []byte(body), nil, &transport.Next{Env: envelope(t, "yan@example.org"), Raw: []byte(body)})
		if err != nil || res[0].Outcome != transport.Accepted {
			t.Fatal(res, err)
		}
		if err := second(c); err == nil || !c.Dead() {
			t.Errorf("%s: %v, and the session goes on", name, err)
		}
		s.mu.Lock()
		if len(s.got) != 1 {
			t.Errorf("%s: %q", name, s.got)
		}
		s.mu.Unlock()
	}
}

func TestEachRecipientHasItsOwnAnswer(t *testing.T) {
	s := newSink(t, nil)
	c := dial(t, transport.Config{Addr: s.addr})
	res, err := c.Send(envelope(t, "gone@example.org", "zoe@example.org", "full@example.org"), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := []transport.Outcome{transport.Failed, transport.Accepted, transport.Deferred}
	for i := range want {
		if res[i].Outcome != want[i] {
			t.Errorf("recipient %d: %v", i, res[i])
		}
	}
	if res[0].Reply.Code != 550 || res[0].Reply.Enhanced != "5.1.1" || res[0].Stage != transport.StageRcpt {
		t.Errorf("%+v", res[0])
	}
	// Nobody left: the session goes on, and the next message arrives.
	if res, err = c.Send(envelope(t, "gone@example.org"), []byte(body)); err != nil || res[0].Outcome != transport.Failed {
		t.Fatal(res, err)
	}
	if res, err = c.Send(envelope(t, "zoe@example.org"), []byte(body)); err != nil || res[0].Outcome != transport.Accepted {
		t.Fatal(res, err)
	}
	if len(s.got) != 2 {
		t.Errorf("%d messages", len(s.got))
	}
}

func TestPasswordsNeverTravelInClear(t *testing.T) {
	s := newSink(t, nil)
	_, err := transport.Dial(context.Background(), transport.Config{Addr: s.addr, TLS: transport.TLSNone, User: "me", Password: "secret"})
	var e *transport.Error
	if !errors.As(err, &e) || e.Stage != transport.StageAuth || !e.Settings() {
		t.Fatal(err)
	}
	dial(t, transport.Config{Addr: s.addr, User: "me", Password: "secret", AllowClear: true})
	_, err = transport.Dial(context.Background(), transport.Config{Addr: s.addr, TLS: transport.TLSNone, User: "me", Password: "wrong", AllowClear: true})
	if !errors.As(err, &e) || !e.Settings() {
		t.Fatal(err)
	}
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"relay.example"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestSTARTTLSIsNeverOptional(t *testing.T) {
	cert, pool := certificate(t)
	s := newSink(t, func(srv *smtp.Server) { srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}} })
	c := dial(t, transport.Config{Addr: s.addr, TLS: transport.TLSStart, TLSConfig: &tls.Config{RootCAs: pool, ServerName: "relay.example"}, User: "me", Password: "secret"})
	if res, err := c.Send(envelope(t, "zoe@example.org"), []byte(body)); err != nil || res[0].Outcome != transport.Accepted {
		t.Fatal(res, err)
	}
	_, err := transport.Dial(context.Background(), transport.Config{Addr: s.addr, TLS: transport.TLSStart, TLSConfig: &tls.Config{RootCAs: pool, ServerName: "other.example"}})
	if err == nil {
		t.Fatal("a certificate for another name was taken")
	}
	plain := newSink(t, nil)
	_, err = transport.Dial(context.Background(), transport.Config{Addr: plain.addr, TLS: transport.TLSStart})
	if !errors.Is(err, transport.ErrNoStartTLS) {
		t.Fatal(err)
	}
}

// What comes in clear behind the answer to STARTTLS would be taken for said under its protection (CVE-2011-0411).
func TestNothingSaidInClearIsBelievedAfterTheHandshake(t *testing.T) {
	cert, pool := certificate(t)
	addr := nasty(t, func(w io.Writer, r *bufio.Reader) {
		io.WriteString(w, "250-nasty\r\n250 STARTTLS\r\n")
		r.ReadString('\n')
		io.WriteString(w, "220 go on\r\n250 AUTH PLAIN\r\n")
		tls.Server(w.(net.Conn), &tls.Config{Certificates: []tls.Certificate{cert}}).Handshake()
	})
	_, err := transport.Dial(context.Background(), transport.Config{Addr: addr, TLS: transport.TLSStart, TLSConfig: &tls.Config{RootCAs: pool, ServerName: "relay.example"}})
	var e *transport.Error
	if !errors.As(err, &e) || e.Stage != transport.StageStartTLS || !errors.Is(err, transport.ErrProtocol) {
		t.Fatal(err)
	}
}

func TestInternationalAddressesNeedARelayThatTakesThem(t *testing.T) {
	with := newSink(t, nil)
	without := newSink(t, func(s *smtp.Server) { s.EnableSMTPUTF8 = false })
	for _, c := range []struct {
		s    *sink
		want transport.Outcome
	}{{with, transport.Accepted}, {without, transport.Failed}} {
		res, err := dial(t, transport.Config{Addr: c.s.addr}).Send(envelope(t, "zoé@example.org"), []byte(body))
		if err != nil || res[0].Outcome != c.want {
			t.Errorf("%v %v, want %v", res, err, c.want)
		}
	}
}

func TestNoMessageBecomesTwo(t *testing.T) {
	s := newSink(t, nil)
	c := dial(t, transport.Config{Addr: s.addr})
	for _, raw := range []string{"a: b\r\n\r\nx\n.\r\n", "a: b\r\n\r\nx\r.\r\n", "a: b\n", "x", "", "a\r\r\n", "a: b\r\n\r\nx\n.\ry\r\n"} {
		res, err := c.Send(envelope(t, "zoe@example.org"), []byte(raw))
		if err != nil || res[0].Outcome != transport.Failed || res[0].Stage != transport.StageLocal {
			t.Errorf("%q: %v %v", raw, res, err)
		}
	}
	for _, a := range []string{"a@b.c>\r\nRCPT TO:<x@y.z", "a b@c.d", "<a@b.c>", "nobody", "@x"} {
		if _, err := transport.NewEnvelope("", a); err == nil {
			t.Errorf("%q was taken", a)
		}
	}
	if len(s.got) != 0 {
		t.Errorf("%q", s.got)
	}
}

// nasty is a server by hand: it plays a script of answers. An empty answer closes the connection.
func nasty(t *testing.T, script func(w io.Writer, r *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				r := bufio.NewReader(nc)
				io.WriteString(nc, "220 nasty\r\n")
				r.ReadString('\n')
				script(nc, r)
			}()
		}
	}()
	return l.Addr().String()
}

func untilDot(r *bufio.Reader) {
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return
		}
	}
}

func TestWhatEveryUglyAnswerMeans(t *testing.T) {
	const pipelining = "250-nasty\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
	const slow = "250 nasty\r\n"
	lines := func(r *bufio.Reader, n int) {
		for range n {
			r.ReadString('\n')
		}
	}
	// play answers the three commands (at once or one by one) and then the content.
	play := func(ehlo, mail, rcpt, data, final string) func(io.Writer, *bufio.Reader) {
		return func(w io.Writer, r *bufio.Reader) {
			io.WriteString(w, ehlo)
			if ehlo == pipelining {
				lines(r, 3)
				io.WriteString(w, mail+rcpt+data)
			} else {
				for _, a := range []string{mail, rcpt, data} {
					lines(r, 1)
					if a == "" {
						return
					}
					io.WriteString(w, a)
					if a[0] != '2' && a[0] != '3' {
						lines(r, 100)
						return
					}
				}
			}
			if mail == "" || rcpt == "" || data == "" {
				return
			}
			if strings.HasPrefix(data, "354") {
				untilDot(r)
			}
			io.WriteString(w, final)
			if final != "" {
				lines(r, 100)
			}
		}
	}
	const ok, goOn = "250 2.0.0 ok\r\n", "354 go on\r\n"
	for _, c := range []struct {
		name                    string
		mail, rcpt, data, final string
		want                    transport.Outcome
		stage                   transport.Stage
	}{
		{"all is well", ok, ok, goOn, ok, transport.Accepted, transport.StageContent},
		{"sender refused", "553 not yours\r\n", "503 no\r\n", "503 no\r\n", "", transport.Failed, transport.StageMail},
		{"sender later", "451 greylisted\r\n", "503 no\r\n", "503 no\r\n", "", transport.Deferred, transport.StageMail},
		{"recipient later", ok, "450 later\r\n", "503 no\r\n", "", transport.Deferred, transport.StageRcpt},
		{"data refused", ok, ok, "554 no\r\n", "", transport.Failed, transport.StageData},
		{"content refused", ok, ok, goOn, "550 spam\r\n", transport.Failed, transport.StageContent},
		{"content later", ok, ok, goOn, "451 later\r\n", transport.Deferred, transport.StageContent},
		{"closing after content", ok, ok, goOn, "421 closing\r\n", transport.Deferred, transport.StageContent},
		{"closing at once", "421 busy\r\n", "", "", "", transport.Deferred, ""},
		{"silence after content", ok, ok, goOn, "", transport.Uncertain, transport.StageContent},
		{"nonsense after content", ok, ok, goOn, "hello\r\n", transport.Uncertain, transport.StageContent},
		{"half an answer after content", ok, ok, goOn, "250-first\r\n", transport.Uncertain, transport.StageContent},
		{"two codes in one answer", ok, ok, goOn, "250-a\r\n550 b\r\n", transport.Uncertain, transport.StageContent},
		{"354 after content", ok, ok, goOn, goOn, transport.Uncertain, transport.StageContent},
		{"gone before data", ok, ok, "", "", transport.Deferred, transport.StageData},
		{"gone before rcpt", ok, "", "", "", transport.Deferred, transport.StageRcpt},
		{"a line without end", ok, ok, goOn, "250 " + strings.Repeat("x", 9000), transport.Uncertain, transport.StageContent},
	} {
		for _, ehlo := range []string{pipelining, slow} {
			t.Run(fmt.Sprintf("%s/%v", c.name, ehlo == pipelining), func(t *testing.T) {
				addr := nasty(t, play(ehlo, c.mail, c.rcpt, c.data, c.final))
				conn := dial(t, transport.Config{Addr: addr, CommandTimeout: 2 * time.Second, FinalTimeout: 300 * time.Millisecond})
				res, _ := conn.Send(envelope(t, "zoe@example.org"), []byte(body))
				if res[0].Outcome != c.want || c.stage != "" && res[0].Stage != c.stage {
					t.Errorf("got %v at %q, want %v at %q", res[0].Outcome, res[0].Stage, c.want, c.stage)
				}
			})
		}
	}
}

func TestARelayThatSaysNothingTimesOut(t *testing.T) {
	addr := nasty(t, func(w io.Writer, r *bufio.Reader) { io.Copy(io.Discard, r) })
	_, err := transport.Dial(context.Background(), transport.Config{Addr: addr, TLS: transport.TLSNone, CommandTimeout: 50 * time.Millisecond})
	var e *transport.Error
	if !errors.As(err, &e) || e.Stage != transport.StageHello {
		t.Fatal(err)
	}
}

func TestTheEndOfTheContextEndsTheWait(t *testing.T) {
	addr := nasty(t, func(w io.Writer, r *bufio.Reader) {
		io.WriteString(w, "250 PIPELINING\r\n")
		io.Copy(io.Discard, r)
	})
	ctx, cancel := context.WithCancel(context.Background())
	c, err := transport.Dial(ctx, transport.Config{Addr: addr, TLS: transport.TLSNone})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	time.AfterFunc(50*time.Millisecond, cancel)
	res, err := c.Send(envelope(t, "zoe@example.org"), []byte(body))
	if err == nil || res[0].Outcome != transport.Deferred || !c.Dead() {
		t.Fatal(res, err)
	}
}

func TestRelayWordsAreMadeHarmless(t *testing.T) {
	addr := nasty(t, func(w io.Writer, r *bufio.Reader) {
		io.WriteString(w, "250 PIPELINING\r\n")
		for range 3 {
			r.ReadString('\n')
		}
		io.WriteString(w, "250 ok\r\n550 5.1.1 \x1b[2J no \xff \u202eresu\r\n503 no\r\n")
		r.ReadString('\n')
	})
	res, _ := dial(t, transport.Config{Addr: addr}).Send(envelope(t, "zoe@example.org"), []byte(body))
	if strings.ContainsAny(res[0].Reply.Text, "\x1b\u202e") || !strings.Contains(res[0].Reply.Text, "no") || res[0].Reply.Enhanced != "5.1.1" {
		t.Errorf("%q", res[0].Reply.Text)
	}
}

func BenchmarkSend(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() { // a sink that costs little: it answers the envelope in one write
		nc, err := l.Accept()
		if err != nil {
			return
		}
		r := bufio.NewReaderSize(nc, 64<<10)
		io.WriteString(nc, "220 sink\r\n")
		r.ReadSlice('\n')
		io.WriteString(nc, "250-sink\r\n250 PIPELINING\r\n")
		for {
			for range 3 {
				if _, err := r.ReadSlice('\n'); err != nil {
					return
				}
			}
			io.WriteString(nc, "250 ok\r\n250 ok\r\n354 go\r\n")
			for {
				line, err := r.ReadSlice('\n')
				if err != nil {
					return
				}
				if string(line) == ".\r\n" {
					break
				}
			}
			io.WriteString(nc, "250 ok\r\n")
		}
	}()
	c := dial(b, transport.Config{Addr: l.Addr().String()})
	raw := append([]byte("Subject: x\r\n\r\n"), bytes.Repeat([]byte(strings.Repeat("y", 76)+"\r\n"), 128)...)
	env := envelope(b, "zoe@example.org")
	for b.Loop() {
		if res, err := c.Send(env, raw); err != nil || res[0].Outcome != transport.Accepted {
			b.Fatal(res, err)
		}
	}
}
