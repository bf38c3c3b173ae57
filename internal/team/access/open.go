// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"context"
	"strconv"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/team/account"
	"consend/internal/team/login"
	"consend/internal/team/member"
	"consend/internal/team/secret"
)

func dec(n int64) string { return strconv.FormatInt(n, 10) }

// OpenAccount makes an account with an invited owner and a one-time link that signs them in:
// for the command line. furnish adds to the act what rooms above have in every account. It gives the link's token.
func (d *Desk) OpenAccount(ctx context.Context, who actor.Actor, n account.New, owner member.New, furnish func(tx *store.Tx) error) (id int64, link secret.Token, err error) {
	owner.Role = member.Owner
	if id, err = account.ID(ctx, d.db, d.ring, who); err != nil {
		return 0, link, err
	}
	err = d.db.Write(ctx, who.In(id), func(tx *store.Tx) error {
		if err := account.Add(tx, n); err != nil {
			return err
		}
		m, err := member.Add(tx, owner)
		if err != nil {
			return err
		}
		link, _ = login.NewLink(tx, login.SignIn, m.ID)
		if furnish == nil {
			return nil
		}
		return furnish(tx)
	})
	return id, link, err
}

// LinkFor makes a one-time sign-in link for a member: for the command line, when a mailbox is lost.
func (d *Desk) LinkFor(ctx context.Context, who actor.Actor, email address.Address) (link secret.Token, err error) {
	err = d.db.Write(ctx, who, func(tx *store.Tx) error {
		m, ok, err := member.Find(tx, email)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NotFound, "member.none")
		}
		link, _ = login.NewLink(tx, login.SignIn, m.ID)
		return member.Wrote(tx, "login.link", m, nil, nil)
	})
	return link, err
}

// SetupLink makes the link of the first start. ok is false when the house has its account already.
func (d *Desk) SetupLink(ctx context.Context, who actor.Actor) (link secret.Token, ok bool, err error) {
	err = d.db.Write(ctx, who.In(0), func(tx *store.Tx) error {
		ok = false // the act may run again
		any, err := account.Page(tx, 0)
		if err != nil || len(any) > 0 {
			return err
		}
		link, ok = login.NewSetup(tx), true
		return nil
	})
	return link, ok, err
}

// Setup is what the one page of the first start asks.
type Setup struct {
	Account  account.Details
	OnlyUs   bool // own-house mode: the operator is the account
	Email    string
	Name     pii.Text
	Password string
}

// LookSetup tells whether a set-up link still works.
func (d *Desk) LookSetup(ctx context.Context, who actor.Actor, token string) error {
	t, acc, ok := secret.Read(secret.Link, token)
	if !ok || acc != 0 {
		return fault.New(fault.NotFound, "login.link.unknown")
	}
	return d.db.View(ctx, house(who), func(v *store.View) error { return login.ReadSetup(v, t, v.Now) })
}

// SetUp makes the house's account, its owner and whatever furnish adds, all in one act, and lets
// the owner in. All that is wrong with the answers comes back at once.
func (d *Desk) SetUp(ctx context.Context, who actor.Actor, token string, s Setup, furnish func(tx *store.Tx, account int64) error) (in In, err error) {
	if err := d.LookSetup(ctx, who, token); err != nil {
		return in, err
	}
	t, _, _ := secret.Read(secret.Link, token)
	var m fault.Many
	email, err := address.Parse(s.Email)
	if err != nil {
		m = append(m, fault.New(fault.Invalid, "access.email.bad").At("email"))
	}
	if err := s.Account.Whole(); err != nil {
		m = append(m, fault.All(err)...)
	}
	if err := login.Strong(s.Password, s.Email, s.Name.Raw(), s.Account.Name); err != nil {
		m = append(m, fault.All(err)...)
	}
	if err := m.Err(); err != nil {
		return in, err
	}
	hashed, err := d.keeper.Hash(ctx, s.Password)
	if err != nil {
		return in, err
	}
	kind := account.Operator
	if s.OnlyUs {
		kind = account.Own
	}
	id, err := account.ID(ctx, d.db, d.ring, house(who))
	if err != nil {
		return in, err
	}
	err = d.db.Write(ctx, stranger(who, id), func(tx *store.Tx) error {
		if err := login.UseSetup(tx, t); err != nil {
			return err
		}
		if err := account.Add(tx, account.New{Kind: kind, Details: s.Account}); err != nil {
			return err
		}
		m, err := member.Add(tx, member.New{Email: email, Name: s.Name, Role: member.Owner})
		if err != nil {
			return err
		}
		l, err := login.Make(tx, email, hashed)
		if err != nil {
			return err
		}
		if m, err = member.Join(tx, m.ID, l, s.Name, ""); err != nil {
			return err
		}
		tx.Who = as(tx.Who, id, m)
		if furnish != nil {
			if err := furnish(tx, id); err != nil {
				return err
			}
		}
		in, err = begin(tx, m, l, "setup", "")
		return err
	})
	return in, err
}

// Sweep ends sessions, links and counts that have run out: a periodic of the house.
func (d *Desk) Sweep(ctx context.Context) error {
	who := actor.System("login.sweep")
	if err := d.db.Write(ctx, who, func(tx *store.Tx) error { login.SweepTries(tx); return nil }); err != nil {
		return err
	}
	for after := int64(0); ; {
		var page []account.Name
		err := d.db.View(ctx, who, func(v *store.View) (err error) { page, err = account.Page(v, after); return err })
		if err != nil || len(page) == 0 {
			return err
		}
		for _, a := range page {
			after = a.ID
			err := d.db.Bulk(ctx, who.In(a.ID), func(tx *store.Tx) (bool, error) { login.Sweep(tx); return false, nil })
			if err != nil {
				return err
			}
		}
	}
}
