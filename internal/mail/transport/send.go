// SPDX-License-Identifier: AGPL-3.0-or-later

package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
)

// ErrBareLineEnd refuses a message with a CR or LF that isn't part of CRLF: two servers read its end differently, and one
// message becomes two (SMTP smuggling; RFC 5321 2.3.8).
var ErrBareLineEnd = errors.New("message with a bare CR or LF")

// Send sends one message and gives one result per recipient, in order. The error is not nil when the session is over
// (c.Dead): the results stand all the same, and another message needs another session. raw ends with CRLF, has CRLF
// line ends only, and is 7-bit unless the relay offers 8BITMIME.
func (c *Conn) Send(env Envelope, raw []byte) ([]Result, error) {
	return c.SendWhen(env, raw, nil, nil)
}

// SendWhen is Send, and asks begin once more just before the first byte of the content leaves, however long the relay
// took over the envelope. When it says no, nothing of the content goes: the session ends, since DATA can't be taken back
// in any other way, and the results are Deferred with ErrHeld. It is not asked when the relay wants no content.
//
// next, when it isn't nil, is the message that the next call sends: its envelope leaves in one write with this content, as
// RFC 2920 3.1 allows, which halves the round trips. When something else is sent then, the session ends. Room behind raw's
// length may be written to.
func (c *Conn) SendWhen(env Envelope, raw []byte, begin func() bool, next *Next) ([]Result, error) {
	c.begin, c.next = begin, next
	res := make([]Result, len(env.to))
	announced := c.ahead
	c.ahead = nil
	if announced != nil && !announced.is(env, raw) {
		c.dead = true
	}
	if announced == nil {
		if r, ok := c.fits(env, raw); !ok {
			fill(res, r)
			return res, nil
		}
	}
	if c.dead {
		fill(res, Result{Outcome: Deferred, Stage: StageConnect})
		return res, ErrClosed
	}
	var err error
	if announced != nil {
		c.shape = announced.shape
		if &raw[0] != &announced.Raw[0] {
			c.shape = shapeOf(raw)
		}
		if !c.shape.formed {
			err = ErrBareLineEnd
			fill(res, Result{Outcome: Failed, Stage: StageLocal, Reply: Reply{Code: 554, Enhanced: "5.6.0", Text: err.Error()}})
		} else {
			err = c.answers(raw, res)
		}
	} else {
		err = c.transact(env, raw, res)
	}
	if err != nil {
		c.dead = true
	}
	if err == nil && c.dead { // 421
		err = ErrClosed
	}
	return res, err
}

// Next is a message that is about to be sent. Its bytes stay as they are until then.
type Next struct {
	Env   Envelope
	Raw   []byte
	shape shape
}

func (n *Next) is(env Envelope, raw []byte) bool { return n.Env.same(env) && len(n.Raw) == len(raw) }

// Takes tells whether the session can carry a message: no other's envelope has left.
func (c *Conn) Takes(env Envelope, raw []byte) bool {
	return !c.dead && (c.ahead == nil || c.ahead.is(env, raw))
}

func (e Envelope) same(o Envelope) bool { return e.from == o.from && slices.Equal(e.to, o.to) }

// fits decides what needs no relay to be asked.
func (c *Conn) fits(env Envelope, raw []byte) (Result, bool) {
	local := func(code int, enhanced, text string) (Result, bool) {
		return Result{Outcome: Failed, Stage: StageLocal, Reply: Reply{Code: code, Enhanced: enhanced, Text: text}}, false
	}
	c.shape = shapeOf(raw)
	if len(env.to) == 0 || !c.shape.formed {
		return local(554, "5.6.0", ErrBareLineEnd.Error())
	}
	if env.utf8 && !c.ext.smtpUTF8 {
		return local(553, "5.6.7", "the sending service carries no internationalised addresses") // RFC 6531 3.5
	}
	if c.ext.maxSize > 0 && int64(len(raw)) > c.ext.maxSize {
		return local(552, "5.3.4", "larger than the sending service takes") // RFC 1870 6.1
	}
	if !c.ext.eightBit && !env.utf8 && !c.shape.ascii {
		return local(554, "5.6.3", "8-bit message, and the sending service takes 7 bits") // RFC 6152 3
	}
	return Result{}, true
}

// transact runs MAIL, RCPT…, DATA, content. With PIPELINING (RFC 2920) the three commands leave in one write.
func (c *Conn) transact(env Envelope, raw []byte, res []Result) error {
	b := c.out[:0]
	if c.dirty {
		b = append(b, "RSET\r\n"...)
	}
	if !c.ext.pipelining {
		return c.stepwise(c.appendMail(b, env, raw), env, raw, res)
	}
	b = c.appendEnvelope(b, env, raw)
	c.out = b
	if _, err := c.write(b, c.cfg.CommandTimeout); err != nil {
		fill(res, Result{Outcome: Deferred, Stage: StageMail})
		return err
	}
	return c.answers(raw, res)
}

func (c *Conn) appendEnvelope(b []byte, env Envelope, raw []byte) []byte {
	b = c.appendMail(b, env, raw)
	for _, to := range env.to {
		b = appendRcpt(b, to)
	}
	return append(b, "DATA\r\n"...)
}

// answers reads what the relay says to an envelope that has left, and sends the content.
func (c *Conn) answers(raw []byte, res []Result) error {
	if err := c.readReset(res); err != nil {
		return err
	}
	mail, err := c.read(c.cfg.CommandTimeout, nil)
	if err != nil {
		fill(res, Result{Outcome: Deferred, Stage: StageMail})
		return err
	}
	n, err := c.readRcpts(res, mail)
	if err != nil {
		return err
	}
	data, err := c.read(c.cfg.CommandTimeout, nil)
	if err != nil {
		fillOpen(res, Result{Outcome: Deferred, Stage: StageData})
		return err
	}
	if data.Code != 354 {
		fillOpen(res, Result{Outcome: data.outcome(), Stage: StageData, Reply: data})
		if data.Positive() { // 2xx to DATA means nothing: the two sides no longer agree where they are
			fillStage(res, StageData, Deferred)
			return errReply("2xx to DATA")
		}
		c.dirty = true
		return nil
	}
	if n == 0 {
		// RFC 2920 3.1: DATA was let in though nobody is left to receive: an empty message ends it, and its answer means nothing.
		if _, err := c.write([]byte(".\r\n"), c.cfg.CommandTimeout); err != nil {
			return err
		}
		_, err := c.read(c.cfg.FinalTimeout, nil)
		c.dirty = true
		return err
	}
	return c.content(raw, res)
}

func (c *Conn) readReset(res []Result) error {
	if !c.dirty {
		return nil
	}
	r, err := c.read(c.cfg.CommandTimeout, nil)
	if err == nil && !r.Positive() {
		err = errReply("RSET refused")
	}
	if err != nil {
		fill(res, Result{Outcome: Deferred, Stage: StageMail})
		return err
	}
	c.dirty = false
	return nil
}

// readRcpts takes the answers to RCPT; n is how many recipients the relay took.
func (c *Conn) readRcpts(res []Result, mail Reply) (n int, err error) {
	for i := range res {
		r, err := c.read(c.cfg.CommandTimeout, nil)
		if err != nil {
			fillOpen(res, Result{Outcome: Deferred, Stage: StageRcpt})
			return 0, err
		}
		switch {
		case !mail.Positive():
			res[i] = Result{Outcome: negative(mail), Stage: StageMail, Reply: mail}
		case r.Positive():
			n++ // stays open
		default:
			res[i] = Result{Outcome: r.outcome(), Stage: StageRcpt, Reply: r}
		}
	}
	return n, nil
}

// stepwise is for relays without PIPELINING: one answer before the next command.
func (c *Conn) stepwise(first []byte, env Envelope, raw []byte, res []Result) error {
	if c.dirty {
		c.dirty = false
		if r, err := c.command(StageMail, nil, "RSET"); err != nil || !r.Positive() {
			fill(res, Result{Outcome: Deferred, Stage: StageMail})
			return errors.Join(errReply("RSET refused"), err)
		}
		first = c.appendMail(nil, env, raw)
	}
	ask := func(line []byte, open Result) (Reply, error) {
		_, err := c.write(line, c.cfg.CommandTimeout)
		var r Reply
		if err == nil {
			r, err = c.read(c.cfg.CommandTimeout, nil)
		}
		if err != nil {
			fillOpen(res, open)
		}
		return r, err
	}
	mail, err := ask(first, Result{Outcome: Deferred, Stage: StageMail})
	if err != nil {
		return err
	}
	if !mail.Positive() {
		fill(res, Result{Outcome: negative(mail), Stage: StageMail, Reply: mail})
		return nil
	}
	c.dirty = true
	n := 0
	for i, to := range env.to {
		r, err := ask(appendRcpt(c.out[:0], to), Result{Outcome: Deferred, Stage: StageRcpt})
		if err != nil {
			return err
		}
		if r.Positive() {
			n++
		} else {
			res[i] = Result{Outcome: r.outcome(), Stage: StageRcpt, Reply: r}
		}
	}
	if n == 0 {
		return nil
	}
	data, err := ask([]byte("DATA\r\n"), Result{Outcome: Deferred, Stage: StageData})
	if err != nil {
		return err
	}
	if data.Code != 354 {
		fillOpen(res, Result{Outcome: negative(data), Stage: StageData, Reply: data})
		return nil
	}
	c.dirty = false
	return c.content(raw, res)
}

var end = []byte(".\r\n")

// held asks whether the content may leave. An empty message in its place would be delivered as one: so the session ends.
func (c *Conn) held(res []Result) error {
	if c.begin == nil || c.begin() {
		return nil
	}
	fillOpen(res, Result{Outcome: Deferred, Stage: StageData})
	return ErrHeld
}

// content writes the message and reads the one answer that counts. Until the last byte of the end mark has left, the relay
// can't have taken it (Deferred); from then on silence is Uncertain.
func (c *Conn) content(raw []byte, res []Result) error {
	if err := c.held(res); err != nil {
		return err
	}
	out := raw
	if c.shape.dots {
		out = stuff(c.out[:0], raw)
		c.out = out[:0]
	}
	out = append(out, end...)
	whole := len(out)
	out = c.announce(out)
	n, err := c.write(out, c.cfg.FinalTimeout)
	if err != nil {
		o := Deferred
		if n >= whole {
			o = Uncertain
		}
		fillOpen(res, Result{Outcome: o, Stage: StageContent})
		return err
	}
	r, err := c.read(c.cfg.FinalTimeout, nil)
	if err != nil {
		fillOpen(res, Result{Outcome: Uncertain, Stage: StageContent})
		return err
	}
	if r.Code < 400 && !r.Positive() { // 354 again: neither taken nor refused
		fillOpen(res, Result{Outcome: Uncertain, Stage: StageContent, Reply: r})
		return errReply("3xx to the content")
	}
	fillOpen(res, Result{Outcome: r.outcome(), Stage: StageContent, Reply: r})
	return nil
}

// announce adds the envelope of the next message, if the relay takes it in this place.
func (c *Conn) announce(out []byte) []byte {
	if c.next == nil || !c.ext.pipelining {
		return out
	}
	if _, ok := c.fits(c.next.Env, c.next.Raw); !ok {
		return out
	}
	c.ahead, c.next.shape = c.next, c.shape
	return c.appendEnvelope(out, c.next.Env, c.next.Raw)
}

func (c *Conn) appendMail(b []byte, env Envelope, raw []byte) []byte {
	b = append(b, "MAIL FROM:<"...)
	b = append(b, env.from...)
	b = append(b, '>')
	if c.ext.size {
		b = strconv.AppendInt(append(b, " SIZE="...), int64(len(raw)), 10)
	}
	if c.ext.eightBit && !c.shape.ascii {
		b = append(b, " BODY=8BITMIME"...)
	}
	if env.utf8 {
		b = append(b, " SMTPUTF8"...)
	}
	return append(b, "\r\n"...)
}

func appendRcpt(b []byte, to string) []byte {
	b = append(b, "RCPT TO:<"...)
	b = append(b, to...)
	return append(b, ">\r\n"...)
}

// stuff doubles a dot that begins a line (RFC 5321 4.5.2). Compose writes none.
func stuff(dst, raw []byte) []byte {
	if raw[0] == '.' {
		dst = append(dst, '.')
	}
	for {
		i := bytes.Index(raw, []byte("\n."))
		if i < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:i+2]...)
		dst = append(dst, '.')
		raw = raw[i+2:]
	}
}

// shape is what a message is found to be, in one walk over its lines.
type shape struct {
	formed bool // every CR and LF is part of CRLF, and the last line is ended
	dots   bool // a line begins with a dot
	ascii  bool
}

func shapeOf(raw []byte) (s shape) {
	if !bytes.HasSuffix(raw, []byte("\r\n")) {
		return s
	}
	s.dots = raw[0] == '.'
	crlf := 0
	for rest := raw; ; crlf++ {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		if i == 0 || rest[i-1] != '\r' {
			return s
		}
		rest = rest[i+1:]
		s.dots = s.dots || len(rest) > 0 && rest[0] == '.'
	}
	s.formed = bytes.Count(raw, []byte{'\r'}) == crlf
	s.ascii = asciiBytes(raw)
	return s
}

func asciiBytes(b []byte) bool {
	for len(b) >= 32 {
		w := binary.LittleEndian.Uint64(b) | binary.LittleEndian.Uint64(b[8:]) | binary.LittleEndian.Uint64(b[16:]) | binary.LittleEndian.Uint64(b[24:])
		if w&0x8080808080808080 != 0 {
			return false
		}
		b = b[32:]
	}
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func negative(r Reply) Outcome {
	if r.Code >= 500 {
		return Failed
	}
	return Deferred
}

func fill(res []Result, r Result) {
	for i := range res {
		res[i] = r
	}
}

// fillOpen decides for the recipients that have no answer yet. An open result has no stage.
func fillOpen(res []Result, r Result) {
	for i := range res {
		if res[i].Stage == "" {
			res[i] = r
		}
	}
}

func fillStage(res []Result, s Stage, o Outcome) {
	for i := range res {
		if res[i].Stage == s {
			res[i].Outcome = o
		}
	}
}
