// SPDX-License-Identifier: AGPL-3.0-or-later

// Package access promises that every way in asks for the same proof: password and, where it
// is on, a code. Set-up, invitation, a link by mail and a change of account all end in the
// same session, and leave an entry in the trace of the account they open.
//
// It puts login and member together, and leaves to pages the cookie and the words.
package access

import (
	"context"
	"log/slog"
	"sync"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/team/account"
	"consend/internal/team/login"
	"consend/internal/team/member"
	"consend/internal/team/secret"
	"consend/internal/trace/proof"
)

// Desk lets people in. Make it with New; one for the house.
type Desk struct {
	db     *store.DB
	ring   *keys.Ring
	keeper *login.Keeper
	work   sync.WaitGroup // links that are being sent
}

// New makes the desk.
func New(db *store.DB, ring *keys.Ring) (*Desk, error) {
	k, err := login.New(db, ring)
	return &Desk{db: db, ring: ring, keeper: k}, err
}

// CheapForTests makes passwords cost almost nothing. Tests alone call it.
func (d *Desk) CheapForTests() { d.keeper.CheapForTests() }

// Close waits for what was answered and not yet done.
func (d *Desk) Close() { d.work.Wait() }

// In is the end of a way in: a session, or the second step that is still asked.
type In struct {
	Account int64
	Member  int64
	Token   secret.Token // for the cookie; zero while a code is asked
	Until   legalclock.Moment
	Second  secret.Token // goes with the code
}

// Done tells whether the person is in.
func (i In) Done() bool { return !i.Token.IsZero() }

// house is who acts before anybody is known, with the visitor's request.
func house(who actor.Actor) actor.Actor {
	who.Kind, who.ID, who.Name, who.Account, who.Role = actor.Sys, 0, "sign-in", 0, ""
	return who
}

// stranger is who holds a link of an account and has proved nothing yet.
func stranger(who actor.Actor, id int64) actor.Actor {
	who.Kind, who.ID, who.Name, who.Account, who.Role = actor.Subject, 0, "", id, ""
	return who
}

// as is the person themselves.
func as(who actor.Actor, account int64, m member.Member) actor.Actor {
	who.Kind, who.ID, who.Name, who.Account, who.Role = actor.Member, m.ID, "", account, string(m.Role)
	return who
}

// SignIn checks address and password, and lets the person into the account they used last, or
// asks for the code. The fault is the same for a wrong password and an unknown address.
func (d *Desk) SignIn(ctx context.Context, who actor.Actor, email, password string) (In, error) {
	l, err := d.keeper.Check(ctx, who, email, password)
	if err != nil {
		return In{}, err
	}
	places, err := d.places(ctx, who, l.ID)
	if err != nil {
		return In{}, err
	}
	if len(places) == 0 {
		return In{}, fault.New(fault.Forbidden, "access.nowhere").At("password")
	}
	return d.enter(ctx, who, places[0].AccountID, places[0].ID, l)
}

func (d *Desk) places(ctx context.Context, who actor.Actor, id int64) (out []member.Place, err error) {
	err = d.db.View(ctx, house(who), func(v *store.View) error { out, err = member.Places(v, id); return err })
	return out, err
}

// enter goes on after the password: to the second step, or in.
func (d *Desk) enter(ctx context.Context, who actor.Actor, acc, id int64, l login.Login) (in In, err error) {
	err = d.db.Write(ctx, stranger(who, acc), func(tx *store.Tx) error {
		m, err := member.Get(tx, id)
		if err != nil {
			return err
		}
		l, err := login.Still(tx, l)
		if err == nil {
			in, err = proceed(tx, m, l, "password")
		}
		return err
	})
	return in, err
}

// proceed is enter inside an act that already runs.
func proceed(tx *store.Tx, m member.Member, l login.Login, by string) (In, error) {
	if l.Second() {
		second, _ := login.NewLink(tx, login.SecondStep, m.ID)
		return In{Account: tx.Account(), Member: m.ID, Second: second}, nil
	}
	return begin(tx, m, l.ID, by, "")
}

// begin starts the session. The actor of the entry becomes the person themselves.
func begin(tx *store.Tx, m member.Member, id int64, by string, second login.Means) (In, error) {
	if m.State != member.Active || m.LoginID != id {
		return In{}, fault.New(fault.Forbidden, "access.nowhere")
	}
	in := In{Account: tx.Account(), Member: m.ID}
	in.Token, _, in.Until = login.Begin(tx, m.ID, id, tx.Now)
	member.Seen(tx, m.ID)
	tx.Who = as(tx.Who, tx.Account(), m)
	clear := proof.Fields{"by": by}
	if second != "" {
		clear["second"] = string(second)
	}
	return in, member.Wrote(tx, "login.in", m, clear, network(tx.Who))
}

// network is where somebody came from: committed in the trace, never readable there.
func network(who actor.Actor) proof.Fields {
	if !who.IP.IsValid() {
		return nil
	}
	return proof.Fields{"ip": who.IP.String(), "ip_source": who.IPSource}
}

// Code takes the code of the second step: of the app, or a recovery code.
func (d *Desk) Code(ctx context.Context, who actor.Actor, second, code string) (In, error) {
	t, acc, ok := secret.Read(secret.Link, second)
	if !ok || acc == 0 {
		return In{}, fault.New(fault.NotFound, "login.link.unknown")
	}
	var link login.Link
	var m member.Member
	err := d.db.View(ctx, stranger(who, acc), func(v *store.View) (err error) {
		if link, err = login.ReadLink(v, t, v.Now, login.SecondStep); err == nil {
			m, err = member.Get(v, link.MemberID)
		}
		return err
	})
	if err != nil {
		return In{}, err
	}
	if err := d.keeper.AdmitCode(ctx, who, m.LoginID); err != nil {
		return In{}, at(err, "code")
	}
	var in In
	right := false
	err = d.db.Write(ctx, stranger(who, acc), func(tx *store.Tx) error {
		in, right = In{}, false
		ok, err := login.TryLink(tx, t)
		if err != nil {
			return err
		}
		l, err := login.Get(tx, m.LoginID)
		if err != nil {
			return err
		}
		if !ok || link.MadeAt < l.PasswordAt { // the password it stands for is another by now
			return fault.New(fault.Gone, "login.link.expired")
		}
		means, ok, err := login.UseCode(tx, m.LoginID, code)
		if err != nil || !ok {
			return err // a wrong code still counts: the act is kept
		}
		right = true
		if err := login.UseLink(tx, t, login.SecondStep); err != nil {
			return err
		}
		in, err = begin(tx, m, m.LoginID, "password", means)
		return err
	})
	if err != nil {
		return In{}, err
	}
	if !right {
		return In{}, fault.New(fault.Refused, "login.code.wrong").At("code")
	}
	return in, d.keeper.PassCode(ctx, who, m.LoginID)
}

func at(err error, field string) error {
	if e := fault.All(err); len(e) == 1 && e[0].Field != "" {
		return e[0].At(field)
	}
	return err
}

// Found is who holds a session.
type Found struct {
	Session login.Session
	Member  member.Member
	Account account.Account
	Others  []account.Name // further accounts of the same person
}

// Find finds who holds a session token. Every reason against it is the same fault.
func (d *Desk) Find(ctx context.Context, token string) (f Found, err error) {
	t, acc, ok := secret.Read(secret.Session, token)
	if !ok || acc == 0 {
		return f, login.SignedOut()
	}
	who := actor.System("session").In(acc)
	now := legalclock.MomentOf(d.db.Clock()())
	err = d.db.View(ctx, who, func(v *store.View) error {
		if f.Session, err = login.FindSession(v, t, now); err != nil {
			return err
		}
		if f.Member, err = member.Get(v, f.Session.MemberID); err != nil {
			return err
		}
		f.Account, err = account.Get(v)
		return err
	})
	if err != nil {
		return Found{}, err
	}
	if f.Member.State != member.Active || f.Member.LoginID != f.Session.LoginID {
		return Found{}, login.SignedOut()
	}
	if f.Account.Kind != account.Own { // a house of our own holds no other account
		if f.Others, err = d.others(ctx, f); err != nil {
			return Found{}, err
		}
	}
	if f.Session.Stale(now) {
		d.seen(ctx, who, f)
	}
	return f, nil
}

func (d *Desk) others(ctx context.Context, f Found) (out []account.Name, err error) {
	err = d.db.View(ctx, actor.System("session"), func(v *store.View) error {
		places, err := member.Places(v, f.Session.LoginID)
		if err != nil {
			return err
		}
		var ids []int64
		for _, p := range places {
			if p.AccountID != f.Account.ID {
				ids = append(ids, p.AccountID)
			}
		}
		out, err = account.Named(v, ids)
		return err
	})
	return out, err
}

// seen notes the last use. It may fail without harm: the next page tries again.
func (d *Desk) seen(ctx context.Context, who actor.Actor, f Found) {
	err := d.db.Write(ctx, who, func(tx *store.Tx) error {
		login.Seen(tx, f.Session.ID)
		member.Seen(tx, f.Member.ID)
		return nil
	})
	if err != nil {
		slog.Warn("last use of a session not noted", "session", f.Session.ID, "err", err.Error())
	}
}

// Out ends the session a token belongs to. A token of nothing is no fault.
func (d *Desk) Out(ctx context.Context, who actor.Actor, token string) error {
	f, err := d.Find(ctx, token)
	if fault.Is(err, fault.Refused) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.db.Write(ctx, as(who, f.Account.ID, f.Member), func(tx *store.Tx) error {
		if err := login.End(tx, f.Member.ID, f.Session.ID); err != nil {
			return err
		}
		return member.Wrote(tx, "login.out", f.Member, nil, nil)
	})
}

// Switch takes a person into another account they work in: a new session there, as fresh as the
// one they have, which ends.
func (d *Desk) Switch(ctx context.Context, who actor.Actor, token string, to int64) (In, error) {
	f, err := d.Find(ctx, token)
	if err != nil {
		return In{}, err
	}
	places, err := d.places(ctx, who, f.Session.LoginID)
	if err != nil {
		return In{}, err
	}
	for _, p := range places {
		if p.AccountID != to || to == f.Account.ID {
			continue
		}
		var in In
		err := d.db.Write(ctx, stranger(who, to), func(tx *store.Tx) error {
			m, err := member.Get(tx, p.ID)
			if err != nil {
				return err
			}
			in = In{Account: to, Member: m.ID}
			in.Token, _, in.Until = login.Begin(tx, m.ID, f.Session.LoginID, f.Session.FreshAt)
			member.Seen(tx, m.ID)
			tx.Who = as(tx.Who, to, m)
			return member.Wrote(tx, "login.in", m, proof.Fields{"by": "switch"}, network(tx.Who))
		})
		if err != nil {
			return In{}, err
		}
		return in, d.Out(ctx, who, token)
	}
	return In{}, fault.New(fault.NotFound, "access.elsewhere")
}

// Now is the time by the house's clock.
func (d *Desk) Now() legalclock.Moment { return legalclock.MomentOf(d.db.Clock()()) }
