// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"fmt"
	"net/http"
	"strconv"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/notice"
	"consend/internal/team/account"
	"consend/internal/web/shell"
)

// shown is a privacy note on its page.
type shown struct {
	text       notice.Text
	controller string
	number     int64
	at         legalclock.Moment
	newer      string
	others     []shell.Link
}

// of binds the request to the account that stands in the address. Its notes are public.
func (p *Pages) of(r *shell.Request) error {
	id, err := r.ID("account")
	if err != nil {
		return err
	}
	var a account.Account
	err = p.DB.View(r.Context(), r.Who.In(id), func(v *store.View) (err error) { a, err = account.Get(v); return err })
	if err != nil {
		return fault.New(fault.NotFound, "notice.none")
	}
	r.Bind(Brand(a, r.P.Lang), r.P.Lang)
	return nil
}

// notes leads to the account's note, or lists them when there are several.
func (p *Pages) notes(r *shell.Request) error {
	if err := p.of(r); err != nil {
		return err
	}
	var links []shell.Link
	err := p.view(r, func(v *store.View) error {
		all, err := notice.All(v)
		for _, n := range all {
			if n.CurrentID == 0 {
				continue
			}
			links = append(links, shell.Link{Label: n.Draft.Controller.Name + " · " + n.Name, URL: fmt.Sprintf("/privacy/%d/%d?lang=%s", r.Account, n.ID, r.P.Lang)})
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(links) == 1 {
		return r.Redirect(http.StatusSeeOther, links[0].URL)
	}
	return r.Render(ok, notesPage(r, links))
}

func (p *Pages) note(r *shell.Request) error {
	if err := p.of(r); err != nil {
		return err
	}
	id, err := r.ID("note")
	if err != nil {
		return err
	}
	var s shown
	err = p.view(r, func(v *store.View) error {
		all, err := notice.Versions(v, id)
		if err != nil {
			return err
		}
		number := int64(0)
		if len(all) > 0 {
			number = all[0].Number
		}
		if x := r.Path("number"); x != "" {
			if number, err = strconv.ParseInt(x, 10, 64); err != nil {
				return fault.New(fault.NotFound, "notice.none")
			}
		}
		n, err := notice.Numbered(v, id, number)
		if err != nil {
			return err
		}
		s = shown{text: n.In(r.P.Lang), controller: n.Content.Controller.Name, number: n.Number, at: n.PublishedAt}
		here := func(number int64) string {
			return fmt.Sprintf("/privacy/%d/%d/%d?lang=%s", r.Account, id, number, r.P.Lang)
		}
		if all[0].Number != n.Number {
			s.newer = here(all[0].Number)
		}
		for _, o := range all {
			s.others = append(s.others, shell.Link{URL: here(o.Number),
				Label: r.P.T("public.note.version", "number", o.Number, "when", r.P.Date(o.PublishedAt))})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.Render(ok, notePage(r, s))
}
