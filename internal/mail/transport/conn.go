// SPDX-License-Identifier: AGPL-3.0-or-later

package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
)

// Conn is one open session with a relay, for one goroutine at a time. It is kept over many messages.
type Conn struct {
	cfg   Config
	ctx   context.Context // of Dial: its end is the end of the session
	nc    net.Conn
	br    *bufio.Reader
	out   []byte // reused for what is written
	ext   extensions
	shape shape       // of the message being sent
	begin func() bool // asked before its content leaves
	next  *Next       // the message after it, as the caller tells
	ahead *Next       // a message whose envelope has left already
	dirty bool        // a transaction was left open: RSET goes first
	dead  bool
	stop  func() bool // detaches the context of Dial
}

// extensions are what EHLO offered (RFC 1869).
type extensions struct {
	pipelining, eightBit, smtpUTF8, startTLS, size bool

	maxSize int64
	auth    []string
}

// Dial opens a session: connection, banner, EHLO, STARTTLS, AUTH. The error is an *Error.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	cfg = cfg.withDefaults()
	dial := cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: cfg.ConnectTimeout}).DialContext
	}
	dctx, cancel := context.WithTimeout(ctx, cfg.ConnectTimeout)
	nc, err := dial(dctx, "tcp", cfg.Addr)
	cancel()
	if err != nil {
		return nil, &Error{Stage: StageConnect, Err: err}
	}
	c := &Conn{cfg: cfg, nc: nc, ctx: ctx}
	// A cancelled context ends every wait at once; the outcome of the message in flight is then decided as for any lost connection.
	c.stop = context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	if err := c.open(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Conn) open(ctx context.Context) error {
	if c.cfg.TLS == TLSImplicit {
		if err := c.handshake(ctx); err != nil {
			return &Error{Stage: StageStartTLS, Err: err}
		}
	}
	c.br = bufio.NewReaderSize(c.nc, 4096)
	if r, err := c.read(c.cfg.CommandTimeout, nil); err != nil || r.Code != 220 {
		return &Error{Stage: StageBanner, Reply: r, Err: err}
	}
	if err := c.hello(); err != nil {
		return err
	}
	if c.cfg.TLS == TLSStart {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	if c.cfg.User != "" {
		return c.authenticate()
	}
	return nil
}

func (c *Conn) hello() error {
	c.ext = extensions{}
	r, err := c.command(StageHello, func(line string) { c.ext.take(line) }, "EHLO ", c.cfg.Hello)
	if err != nil {
		return err
	}
	if r.Positive() {
		return nil
	}
	if r.Code == 421 {
		return &Error{Stage: StageHello, Reply: r}
	}
	// RFC 5321 3.2: fall back to HELO; then there are no extensions at all.
	c.ext = extensions{}
	r, err = c.command(StageHello, nil, "HELO ", c.cfg.Hello)
	if err != nil {
		return err
	}
	if !r.Positive() {
		return &Error{Stage: StageHello, Reply: r}
	}
	return nil
}

func (x *extensions) take(line string) {
	name, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(name) {
	case "PIPELINING":
		x.pipelining = true
	case "8BITMIME":
		x.eightBit = true
	case "SMTPUTF8":
		x.smtpUTF8 = true
	case "STARTTLS":
		x.startTLS = true
	case "SIZE":
		x.size = true
		if n, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64); err == nil && n > 0 {
			x.maxSize = n
		}
	case "AUTH":
		x.auth = strings.Fields(strings.ToUpper(rest))
	}
}

func (c *Conn) startTLS(ctx context.Context) error {
	if !c.ext.startTLS {
		return &Error{Stage: StageStartTLS, Err: ErrNoStartTLS}
	}
	r, err := c.command(StageStartTLS, nil, "STARTTLS")
	if err != nil {
		return err
	}
	if !r.Positive() {
		return &Error{Stage: StageStartTLS, Reply: r, Err: ErrNoStartTLS}
	}
	// CVE-2011-0411: whatever came in clear behind the answer would be believed after the handshake.
	if c.br.Buffered() > 0 {
		return &Error{Stage: StageStartTLS, Err: errReply("bytes before the handshake")}
	}
	if err := c.handshake(ctx); err != nil {
		return &Error{Stage: StageStartTLS, Err: err}
	}
	c.br = bufio.NewReaderSize(c.nc, 4096)
	return c.hello() // RFC 3207 4.2: what was said in clear is forgotten
}

func (c *Conn) handshake(ctx context.Context) error {
	cfg := c.cfg.TLSConfig.Clone()
	if cfg == nil {
		cfg = &tls.Config{}
	}
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(c.cfg.Addr)
		if err != nil {
			return err
		}
		cfg.ServerName = host
	}
	if cfg.MinVersion == 0 {
		cfg.MinVersion = tls.VersionTLS12
	}
	tc := tls.Client(c.nc, cfg)
	hctx, cancel := context.WithTimeout(ctx, c.cfg.ConnectTimeout)
	defer cancel()
	if err := tc.HandshakeContext(hctx); err != nil {
		return err
	}
	c.nc = tc
	return nil
}

func (c *Conn) authenticate() error {
	if _, ok := c.nc.(*tls.Conn); !ok && !c.cfg.AllowClear {
		return &Error{Stage: StageAuth, Err: errors.New("no password over a clear connection")}
	}
	var client sasl.Client
	for _, m := range c.ext.auth {
		switch m {
		case "PLAIN":
			client = sasl.NewPlainClient("", c.cfg.User, c.cfg.Password)
		case "LOGIN":
			if client == nil {
				client = sasl.NewLoginClient(c.cfg.User, c.cfg.Password)
			}
		}
	}
	if client == nil {
		return &Error{Stage: StageAuth, Err: ErrNoAuth}
	}
	mech, first, err := client.Start()
	if err != nil {
		return &Error{Stage: StageAuth, Err: err}
	}
	line := "AUTH " + mech
	if first != nil {
		line += " " + base64.StdEncoding.EncodeToString(first)
	}
	for step := 0; ; step++ {
		r, err := c.command(StageAuth, nil, line)
		if err != nil {
			return err
		}
		if r.Code == 235 {
			return nil
		}
		if r.Code != 334 || step > 3 {
			// The text is dropped: some relays repeat what was sent.
			return &Error{Stage: StageAuth, Reply: Reply{Code: r.Code, Enhanced: r.Enhanced}}
		}
		challenge, err := base64.StdEncoding.DecodeString(r.Text)
		if err != nil {
			return &Error{Stage: StageAuth, Err: errReply("challenge")}
		}
		answer, err := client.Next(challenge)
		if err != nil {
			return &Error{Stage: StageAuth, Err: err}
		}
		line = base64.StdEncoding.EncodeToString(answer)
	}
}

// command writes one line and reads its answer.
func (c *Conn) command(s Stage, want func(string), parts ...string) (Reply, error) {
	b := c.out[:0]
	for _, p := range parts {
		b = append(b, p...)
	}
	b = append(b, "\r\n"...)
	c.out = b
	if _, err := c.write(b, c.cfg.CommandTimeout); err != nil {
		return Reply{}, &Error{Stage: s, Err: err}
	}
	r, err := c.read(c.cfg.CommandTimeout, want)
	if err != nil {
		return r, &Error{Stage: s, Err: err}
	}
	return r, nil
}

func (c *Conn) write(b []byte, limit time.Duration) (int, error) {
	if c.dead {
		return 0, ErrClosed
	}
	if err := c.deadline(limit); err != nil {
		return 0, err
	}
	n, err := c.nc.Write(b)
	if err != nil {
		c.dead = true
	}
	return n, err
}

func (c *Conn) read(limit time.Duration, want func(string)) (Reply, error) {
	if c.dead {
		return Reply{}, ErrClosed
	}
	// An answer that is already here needs no deadline; setting one is a measurable share of a fast relay's message.
	if c.br.Buffered() == 0 {
		if err := c.deadline(limit); err != nil {
			return Reply{}, err
		}
	}
	r, err := readReply(c.br, want)
	if err != nil {
		c.dead = true
		return Reply{}, err
	}
	if r.Code == 421 { // RFC 5321 3.8: the relay closes after it
		c.dead = true
	}
	return r, nil
}

// deadline bounds the next read or write. The order matters: a context that ends between the two lines has put its own
// deadline before ours or is seen here.
func (c *Conn) deadline(limit time.Duration) error {
	err := c.nc.SetDeadline(c.cfg.Clock().Add(limit))
	if e := c.ctx.Err(); e != nil {
		err = e
	}
	if err != nil {
		c.dead = true
	}
	return err
}

// Dead tells that the session can't carry another message; the caller closes it and dials again.
func (c *Conn) Dead() bool { return c.dead }

// SMTPUTF8 tells whether internationalised addresses can be sent (RFC 6531).
func (c *Conn) SMTPUTF8() bool { return c.ext.smtpUTF8 }

// Quit ends the session politely, without waiting long for the answer. Where an envelope has left whose content doesn't
// follow, no command can be said any more.
func (c *Conn) Quit() {
	if !c.dead && c.ahead == nil {
		if _, err := c.write([]byte("QUIT\r\n"), time.Second); err == nil {
			c.read(time.Second, nil)
		}
	}
	c.Close()
}

// Close ends the session at once.
func (c *Conn) Close() error {
	c.dead = true
	if c.stop != nil {
		c.stop()
	}
	return c.nc.Close()
}

// Alive probes a connection that was idle: NOOP. A relay may have closed it meanwhile, and a message is worth more than a round trip.
func (c *Conn) Alive() bool {
	if c.dead || c.ahead != nil {
		return false
	}
	r, err := c.command(StageConnect, nil, "NOOP")
	return err == nil && r.Positive() && !c.dead
}

func (c *Conn) String() string { return fmt.Sprintf("smtp %s", c.cfg.Addr) }
