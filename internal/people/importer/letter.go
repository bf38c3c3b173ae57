// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"fmt"

	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/compose"
	"consend/internal/team/account"
	"consend/internal/team/member"
)

// DraftReminder is the mail of Remind: how many rows wait, for what, and until when. It goes to
// who brought the file while they are here, else to an owner. A draft without a class is no
// mail: nobody waits any more.
func DraftReminder(tx *store.Tx, id int64) (compose.Draft, error) {
	i, err := Get(tx, id)
	if fault.Is(err, fault.NotFound) {
		return compose.Draft{}, nil
	}
	if err != nil {
		return compose.Draft{}, err
	}
	lacks, err := Lacks(tx, id)
	if err != nil {
		return compose.Draft{}, err
	}
	n := int64(0)
	for _, l := range lacks {
		n += l.Times
	}
	m, ok, err := addressee(tx, i.MadeBy)
	if err != nil || !ok || n == 0 {
		return compose.Draft{}, err
	}
	a, err := account.Get(tx)
	if err != nil {
		return compose.Draft{}, err
	}
	lang := m.Language
	if lang == "" {
		lang = a.Language
	}
	p := locale.For(lang, a.Location())
	url := fmt.Sprintf("/import/%d/waiting", id)
	if site, ok := store.Attached[*config.Site](tx); ok {
		url = site.Link(url)
	}
	values := []any{"file", i.Name, "date", p.Date(i.WaitsUntil), "account", a.Name}
	blocks := []compose.Block{{Kind: compose.Heading, Text: p.N("import.remind.title", int(n), values...)}, {Kind: compose.Paragraph, Text: p.T("import.remind.text", values...)}}
	for _, l := range lacks {
		blocks = append(blocks, compose.Block{Kind: compose.Paragraph, Text: p.Number(l.Times) + ": " + p.Or("import.release.still."+l.Lacks, l.Lacks)})
	}
	blocks = append(blocks, compose.Block{Kind: compose.Button, Text: p.T("import.remind.button"), URL: url}, compose.Block{Kind: compose.Small, Text: p.T("import.remind.note", values...)})
	return compose.Draft{Class: "notice", To: compose.Mailbox{Name: m.Name.Raw(), Addr: m.Email.RawWire()}, Member: m.ID, Language: p.Lang,
		Subject: p.N("import.remind.title", int(n), values...), Preview: p.T("import.remind.text", values...), Blocks: blocks}, nil
}

// addressee is who reads about an import: who brought the file, else the first owner.
func addressee(r store.Reader, by int64) (member.Member, bool, error) {
	all, err := member.All(r)
	if err != nil {
		return member.Member{}, false, err
	}
	var owner member.Member
	for _, m := range all {
		if m.State != member.Active {
			continue
		}
		if m.ID == by {
			return m, true, nil
		}
		if m.Role == member.Owner && owner.ID == 0 {
			owner = m
		}
	}
	return owner, owner.ID != 0, nil
}
