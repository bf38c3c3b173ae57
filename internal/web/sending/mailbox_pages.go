// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"regexp"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/sending/relay"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

const mailboxPage = 50

func (p *RelayPages) mailbox(r *shell.Request) error {
	l := r.List(shell.ListSpec{Size: mailboxPage})
	before, _ := strconv.ParseInt(l.After, 10, 64)
	var list []relay.Caught
	var n int64
	var used relay.Relay
	err := p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) {
		if list, err = relay.Page(v, before, l.Size+1); err != nil {
			return err
		}
		if n, err = relay.Count(v); err != nil {
			return err
		}
		used, err = relay.Default(v)
		return err
	})
	if err != nil {
		return err
	}
	next := ""
	if len(list) > l.Size {
		list = list[:l.Size]
		next = strconv.FormatInt(list[len(list)-1].ID, 10)
	}
	if err := trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: "mailbox", Contacts: shown(list...)}); err != nil {
		return err
	}
	return r.Render(http.StatusOK, mailboxListPage(r, l, list, n, next, used.Kind == relay.Mailbox))
}

// shown lists the contacts of caught messages, each once.
func shown(list ...relay.Caught) []int64 {
	var out []int64
	seen := map[int64]bool{}
	for _, m := range list {
		if m.ContactID != 0 && !seen[m.ContactID] {
			seen[m.ContactID] = true
			out = append(out, m.ContactID)
		}
	}
	return out
}

// open reads one caught message, with the look written down first.
func (p *RelayPages) open(r *shell.Request) (m relay.Caught, raw []byte, err error) {
	id, err := r.ID("id")
	if err != nil {
		return m, nil, err
	}
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) {
		m, raw, err = relay.Read(v, id)
		return err
	})
	if err != nil {
		return m, nil, err
	}
	if m.LetsIn() && r.Who.Role != shell.Owner && r.Who.ID != m.MemberID {
		return m, nil, fault.New(fault.Forbidden, "relay.of_another_member")
	}
	return m, raw, trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: "mailbox", ObjectID: id, Contacts: shown(m)})
}

func (p *RelayPages) caught(r *shell.Request) error {
	m, raw, err := p.open(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, caughtPage(r, m, read(raw)))
}

func (p *RelayPages) caughtHTML(r *shell.Request) error {
	_, raw, err := p.open(r)
	if err != nil {
		return err
	}
	return r.Mail([]byte(elsewhere(read(raw).HTML)))
}

var headTag = regexp.MustCompile(`(?i)<head[^>]*>`)

// elsewhere makes links of a mail open in a page of their own, as a mail reader does: the frame
// it is shown in can't go anywhere.
func elsewhere(html string) string {
	const base = `<base target="_blank">`
	if at := headTag.FindStringIndex(html); at != nil {
		return html[:at[1]] + base + html[at[1]:]
	}
	return base + html
}

func (p *RelayPages) caughtRaw(r *shell.Request) error {
	m, raw, err := p.open(r)
	if err != nil {
		return err
	}
	return r.Download(fmt.Sprintf("message-%d.eml", m.ID), "message/rfc822", bytes.NewReader(raw))
}

func (p *RelayPages) empty(r *shell.Request) error {
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	upTo, _ := f.Int("up_to")
	if err := p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return relay.EmptyMailbox(tx, upTo) }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/mailbox", "web_sending.mailbox.emptied")
}

// letter is a message taken apart for reading.
type letter struct {
	Headers  []header
	Text     string
	HTML     string
	Attached []attached
}

type header struct{ Name, Value string }

type attached struct {
	Name, Type string
	Size       int64
}

// maxPart bounds what is read of one part: a page is no mail store.
const maxPart = 4 << 20

// read takes a message apart. What it can't read is left out; the raw bytes are a click away.
func read(raw []byte) letter {
	var out letter
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return out
	}
	out.Headers = headers(raw)
	out.part(msg.Header.Get("Content-Type"), msg.Header.Get("Content-Transfer-Encoding"), msg.Header.Get("Content-Disposition"), msg.Body, 0)
	return out
}

func (l *letter) part(kind, encoding, disposition string, body io.Reader, depth int) {
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		media = "text/plain"
	}
	if strings.HasPrefix(media, "multipart/") && depth < 8 {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err != nil {
				return
			}
			l.part(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.Header.Get("Content-Disposition"), p, depth+1)
		}
	}
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	b, err := io.ReadAll(io.LimitReader(body, maxPart))
	if err != nil && len(b) == 0 {
		return
	}
	_, named, _ := mime.ParseMediaType(disposition)
	switch {
	case named["filename"] != "":
		l.Attached = append(l.Attached, attached{named["filename"], media, int64(len(b))})
	case media == "text/html" && l.HTML == "":
		l.HTML = strings.ToValidUTF8(string(b), "�")
	case media == "text/plain" && l.Text == "":
		l.Text = strings.ToValidUTF8(strings.ReplaceAll(string(b), "\r\n", "\n"), "�")
	default:
		l.Attached = append(l.Attached, attached{media, media, int64(len(b))})
	}
}

// headers lists the header lines in their order, unfolded and readable.
func headers(raw []byte) []header {
	var out []header
	words := new(mime.WordDecoder)
	end := bytes.Index(raw, []byte("\r\n\r\n"))
	if end < 0 {
		end = len(raw)
	}
	for _, line := range strings.Split(string(raw[:end]), "\r\n") {
		if len(out) > 0 && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")) {
			out[len(out)-1].Value += " " + strings.TrimSpace(line)
			continue
		}
		if name, value, ok := strings.Cut(line, ":"); ok {
			out = append(out, header{name, strings.TrimSpace(value)})
		}
	}
	for i := range out {
		if s, err := words.DecodeHeader(out[i].Value); err == nil {
			out[i].Value = strings.ToValidUTF8(s, "�")
		}
	}
	return out
}

// piece is text, or a link in it.
type piece struct{ Text, URL string }

func (p piece) lines() []string { return strings.Split(p.Text, "\n") }

var webAddress = regexp.MustCompile(`https?://[^\s<>"]+`)

// links finds the web addresses in a text, so that they can be followed as in a mail reader.
func links(s string) []piece {
	var out []piece
	for s != "" {
		at := webAddress.FindStringIndex(s)
		if at == nil {
			return append(out, piece{Text: s})
		}
		end := at[0] + len(strings.TrimRight(s[at[0]:at[1]], ".,;:!?)"))
		if at[0] > 0 {
			out = append(out, piece{Text: s[:at[0]]})
		}
		out = append(out, piece{Text: s[at[0]:end], URL: s[at[0]:end]})
		s = s[end:]
	}
	return out
}
