// SPDX-License-Identifier: AGPL-3.0-or-later

package transport

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on what a relay may say. RFC 5321 4.5.3.1.5 allows 512 bytes a line; providers write more.
const (
	maxReplyLine  = 2048
	maxReplyLines = 100
	maxReplyBytes = 64 << 10
	maxReplyText  = 500
)

// Reply is one answer. Text is made harmless when it is read: no control characters, valid UTF-8, at most 500 bytes;
// it may still name an address, so it is personal.
type Reply struct {
	Code     int    // 200…599
	Enhanced string // "5.1.1" (RFC 3463) or empty
	Text     string
}

// Temporary tells 4xx (RFC 5321 4.2.1).
func (r Reply) Temporary() bool { return r.Code >= 400 && r.Code < 500 }

// Positive tells 2xx.
func (r Reply) Positive() bool { return r.Code >= 200 && r.Code < 300 }

func (r Reply) String() string {
	if r.Enhanced != "" {
		return fmt.Sprintf("%d %s", r.Code, r.Enhanced)
	}
	return fmt.Sprintf("%d", r.Code)
}

func (r Reply) outcome() Outcome {
	switch {
	case r.Positive():
		return Accepted
	case r.Code >= 500:
		return Failed
	}
	return Deferred // 4xx and 3xx out of place: trying again is the only answer that loses nobody
}

// errReply wraps ErrProtocol: after it nothing on the connection means anything.
func errReply(why string) error { return fmt.Errorf("%w: %s", ErrProtocol, why) }

// readReply reads one answer, also of several lines, strictly: RFC 5321 4.2.1. The caller sets the deadline for the
// whole answer before it calls, so that a byte a second doesn't live for ever.
func readReply(br *bufio.Reader, want func(line string)) (Reply, error) {
	var (
		rep   Reply
		text  strings.Builder
		total int
	)
	for n := 0; ; n++ {
		if n == maxReplyLines {
			return Reply{}, errReply("too many lines in one answer")
		}
		line, err := readLine(br)
		if err != nil {
			return Reply{}, err
		}
		if total += len(line); total > maxReplyBytes {
			return Reply{}, errReply("answer too long")
		}
		code, more, rest, err := splitReply(line)
		if err != nil {
			return Reply{}, err
		}
		if n > 0 && code != rep.Code {
			return Reply{}, errReply("code changed within one answer")
		}
		rep.Code = code
		if want != nil {
			want(string(rest))
		}
		e, rest := splitEnhanced(code, rest)
		if n == 0 {
			rep.Enhanced = e
		}
		if text.Len() < maxReplyText && len(rest) > 0 {
			if n > 0 {
				text.WriteByte(' ')
			}
			text.Write(rest)
		}
		if !more {
			break
		}
	}
	if text.Len() > 0 {
		rep.Text = harmless(text.String())
	}
	return rep, nil
}

// readLine returns one line without its CRLF. A bare LF is tolerated at the end of a line (old relays), NUL and CR inside are not.
func readLine(br *bufio.Reader) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) || len(line) > maxReplyLine {
			return nil, errReply("line too long")
		}
		if errors.Is(err, io.EOF) && len(line) > 0 {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if len(line) > maxReplyLine {
		return nil, errReply("line too long")
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	for _, c := range line {
		if c == 0 || c == '\r' {
			return nil, errReply("forbidden byte in an answer")
		}
	}
	return line, nil
}

func splitReply(line []byte) (code int, more bool, rest []byte, err error) {
	if len(line) < 3 {
		return 0, false, nil, errReply("not an answer")
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, nil, errReply("not an answer")
		}
		code = code*10 + int(c-'0')
	}
	if code < 200 || code > 599 {
		return 0, false, nil, errReply("unknown code")
	}
	if len(line) == 3 {
		return code, false, nil, nil
	}
	switch line[3] {
	case ' ':
		return code, false, line[4:], nil
	case '-':
		return code, true, line[4:], nil
	}
	return 0, false, nil, errReply("not an answer")
}

// splitEnhanced takes "5.1.1 " off the text when its class agrees with the code (RFC 2034 4).
func splitEnhanced(code int, s []byte) (string, []byte) {
	i, dots, digits := 0, 0, 0
	for ; i < len(s) && i < 12; i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if digits++; digits > 3 {
				return "", s
			}
			continue
		case c == '.' && digits > 0:
			dots, digits = dots+1, 0
			continue
		}
		break
	}
	if dots != 2 || digits == 0 || int(s[0]-'0') != code/100 || s[1] != '.' {
		return "", s
	}
	if i == len(s) {
		return string(s), nil
	}
	if s[i] != ' ' {
		return "", s
	}
	return string(s[:i]), s[i+1:]
}

// harmless makes a stranger's text safe to store: valid UTF-8, no control or format characters (ANSI escapes,
// right-to-left overrides), bounded. Pages escape it all the same.
func harmless(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			clean = false
			break
		}
	}
	if !clean {
		s = strings.Map(func(r rune) rune {
			if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				return '\uFFFD'
			}
			return r
		}, strings.ToValidUTF8(s, "\uFFFD"))
	}
	if len(s) > maxReplyText {
		cut := maxReplyText
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut]
	}
	return s
}
