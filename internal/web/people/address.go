// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"net/http"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/people/move"
	"consend/internal/web/shell"
)

// newAddress asks for a change of address: both mailboxes decide, not the member.
func (p *Pages) newAddress(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	return p.newAddressPage(r, http.StatusOK, c, shell.NewForm())
}

func (p *Pages) newAddressPage(r *shell.Request, status int, c contact.Contact, f *shell.Form) error {
	var open move.Change
	if err := p.view(r, func(v *store.View) (err error) { open, err = move.Open(v, c.ID); return err }); err != nil {
		return err
	}
	return r.Render(status, newAddressPage(r, c, open, f))
}

func (p *Pages) newAddressPost(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	to, err := address.Parse(f.Get("address"))
	if err == nil {
		err = p.write(r, func(tx *store.Tx) error { _, err := move.Ask(tx, c.ID, to); return err })
	} else {
		for _, e := range fault.All(err) {
			err = e.At("address")
		}
	}
	if f.Take(err) {
		return p.newAddressPage(r, http.StatusUnprocessableEntity, c, f)
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(c.ID, ""), "people.move.done")
}
