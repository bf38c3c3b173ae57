// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"context"
	"log/slog"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/team/account"
	"consend/internal/team/login"
	"consend/internal/team/member"
	"consend/internal/team/secret"
	"consend/internal/trace/proof"
)

// RecoverFact is posted when a mail has to bring somebody back in; ref is the member.
const RecoverFact job.Kind = "login.recover"

// Recover sends a link to whoever works here under that address. The answer is the same for
// everybody, and doesn't wait to see whether there is anybody: so neither words nor time tell.
// What a crash right after the answer loses is one mail that the person asks for again.
func (d *Desk) Recover(ctx context.Context, who actor.Actor, email string) error {
	a, err := address.Parse(email)
	if err != nil {
		return fault.New(fault.Invalid, "access.email.bad").At("email")
	}
	enough, err := d.keeper.AdmitMail(ctx, who, a)
	if err != nil {
		return at(err, "email")
	}
	if enough {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	d.work.Go(func() {
		ctx, stop := context.WithTimeout(ctx, 10*time.Second)
		defer stop()
		if err := d.sendLink(ctx, who, a); err != nil {
			slog.Error("a link to sign in could not be sent", "request", who.Request, "err", err.Error())
		}
	})
	return nil
}

func (d *Desk) sendLink(ctx context.Context, who actor.Actor, a address.Address) error {
	var places []member.Place
	err := d.db.View(ctx, house(who), func(v *store.View) error {
		l, ok, err := login.Find(v, a.Norm())
		if err == nil && ok {
			places, err = member.Places(v, l.ID)
		}
		return err
	})
	if err != nil || len(places) == 0 {
		return err
	}
	p := places[0]
	return d.db.Write(ctx, stranger(who, p.AccountID), func(tx *store.Tx) error {
		m, err := member.Get(tx, p.ID)
		if err != nil {
			return err
		}
		job.Post(tx, RecoverFact, m.ID)
		return member.Wrote(tx, "login.recover", m, nil, network(tx.Who))
	})
}

// Guest is who holds a link, and what the page behind it needs to say.
type Guest struct {
	Account account.Account
	Member  member.Member
	Kind    login.LinkKind
	Known   bool // the person has a password here already
	made    legalclock.Moment
}

// Look reads a link without using it: mail programs open links too.
func (d *Desk) Look(ctx context.Context, who actor.Actor, token string, kinds ...login.LinkKind) (g Guest, t secret.Token, err error) {
	t, acc, ok := secret.Read(secret.Link, token)
	if !ok || acc == 0 {
		return g, t, fault.New(fault.NotFound, "login.link.unknown")
	}
	err = d.db.View(ctx, stranger(who, acc), func(v *store.View) error {
		l, err := login.ReadLink(v, t, v.Now, kinds...)
		if err != nil {
			return err
		}
		g.Kind, g.made = l.Kind, l.MadeAt
		if g.Member, err = member.Get(v, l.MemberID); err != nil {
			return err
		}
		if g.Account, err = account.Get(v); err != nil {
			return err
		}
		if l.Kind == login.Reset {
			if _, err = g.forgot(v); err != nil {
				return err
			}
		}
		_, g.Known, err = login.Find(v, g.Member.Email.Norm())
		return err
	})
	return g, t, err
}

// forgot gives the login whose password was forgotten: a link of before it was set anew opens
// nothing, whoever has it, in whichever account it was asked for.
func (g Guest) forgot(r store.Reader) (login.Login, error) {
	l, err := login.Get(r, g.Member.LoginID)
	if err == nil && g.made < l.PasswordAt {
		err = fault.New(fault.Gone, "login.link.expired")
	}
	return l, err
}

// Joining is what an invited person says of themselves.
type Joining struct {
	Name     pii.Text
	Password string // the one to be, or the one they have
	Language string
}

// Accept takes an invitation (or the first link of an account's owner). Who has a password here
// proves it; else this one becomes theirs.
func (d *Desk) Accept(ctx context.Context, who actor.Actor, token string, j Joining) (In, error) {
	g, t, err := d.Look(ctx, who, token, login.Invitation, login.SignIn)
	if err != nil {
		return In{}, err
	}
	if g.Member.State != member.Invited {
		return In{}, fault.New(fault.Gone, "login.link.used")
	}
	var l login.Login
	var hashed login.Hashed
	if g.Known {
		if l, err = d.keeper.Check(ctx, who, g.Member.Email.Raw(), j.Password); err != nil {
			return In{}, err
		}
	} else {
		if err := login.Strong(j.Password, g.Member.Email.Raw(), j.Name.Raw(), g.Account.Name); err != nil {
			return In{}, err
		}
		if hashed, err = d.keeper.Hash(ctx, j.Password); err != nil {
			return In{}, err
		}
	}
	var in In
	err = d.db.Write(ctx, stranger(who, g.Account.ID), func(tx *store.Tx) error {
		if err := login.UseLink(tx, t, g.Kind); err != nil {
			return err
		}
		l, err := l, error(nil)
		if g.Known {
			l, err = login.Still(tx, l)
		} else {
			l.ID, err = login.Make(tx, g.Member.Email, hashed)
		}
		if err != nil {
			return err
		}
		m, err := member.Join(tx, g.Member.ID, l.ID, j.Name, j.Language)
		if err == nil {
			in, err = proceed(tx, m, l, string(g.Kind))
		}
		return err
	})
	return in, err
}

// FollowLink signs in by a one-time link alone: only the command line hands these out, and whoever
// runs it holds the machine. Where a code is on, it is asked too.
func (d *Desk) FollowLink(ctx context.Context, who actor.Actor, token string) (in In, err error) {
	g, t, err := d.Look(ctx, who, token, login.SignIn)
	if err != nil {
		return in, err
	}
	if g.Member.State != member.Active {
		return in, fault.New(fault.Forbidden, "access.nowhere")
	}
	err = d.db.Write(ctx, stranger(who, g.Account.ID), func(tx *store.Tx) error {
		if err := login.UseLink(tx, t, login.SignIn); err != nil {
			return err
		}
		l, err := login.Get(tx, g.Member.LoginID)
		if err == nil {
			in, err = proceed(tx, g.Member, l, "link")
		}
		return err
	})
	return in, err
}

// Reset sets a new password by a link from the mailbox. All sessions end, in every account; a
// code stays asked (OWASP ASVS 6.4.3).
func (d *Desk) Reset(ctx context.Context, who actor.Actor, token, password string) (in In, err error) {
	g, t, err := d.Look(ctx, who, token, login.Reset)
	if err != nil {
		return in, err
	}
	if g.Member.State != member.Active {
		return in, fault.New(fault.Gone, "login.link.used")
	}
	hashed, err := d.newPassword(ctx, password, g.Member, g.Account.Name)
	if err != nil {
		return in, err
	}
	err = d.db.Write(ctx, stranger(who, g.Account.ID), func(tx *store.Tx) error {
		if err := login.UseLink(tx, t, login.Reset); err != nil {
			return err
		}
		login.UseAll(tx, g.Member.ID, login.Reset)
		l, err := g.forgot(tx)
		if err != nil {
			return err
		}
		login.SetPassword(tx, l.ID, hashed)
		if err := member.Changed(tx, "login.password", g.Member, proof.Fields{"by": "link"}, network(tx.Who)); err != nil {
			return err
		}
		in, err = proceed(tx, g.Member, l, "reset")
		return err
	})
	return in, err
}

func (d *Desk) newPassword(ctx context.Context, password string, m member.Member, accountName string) (login.Hashed, error) {
	if err := login.Strong(password, m.Email.Raw(), m.Name.Raw(), accountName); err != nil {
		return login.Hashed{}, err
	}
	return d.keeper.Hash(ctx, password)
}
