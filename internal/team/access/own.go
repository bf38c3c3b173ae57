// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"context"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/team/login"
	"consend/internal/team/member"
	"consend/internal/trace/proof"
)

// What a signed-in person does about their own way in. who is the member; f what Find gave.

// Again asks for the password once more, before something dangerous.
func (d *Desk) Again(ctx context.Context, who actor.Actor, f Found, password string) error {
	l, err := d.keeper.Check(ctx, who, f.Member.Email.Raw(), password)
	if err != nil {
		return err
	}
	if l.ID != f.Session.LoginID {
		return fault.New(fault.Refused, "login.wrong").At("password")
	}
	return d.db.Write(ctx, who, func(tx *store.Tx) error {
		login.Freshen(tx, f.Session.ID)
		return member.Wrote(tx, "login.again", f.Member, nil, network(tx.Who))
	})
}

// ChangePassword changes the password. All sessions end, in every account; this browser gets a new one.
func (d *Desk) ChangePassword(ctx context.Context, who actor.Actor, f Found, old, new string) (in In, err error) {
	l, err := d.keeper.Check(ctx, who, f.Member.Email.Raw(), old)
	if fault.Is(err, fault.Refused) || fault.Is(err, fault.Busy) {
		return in, at(err, "old")
	}
	if err == nil && l.ID != f.Session.LoginID {
		err = fault.New(fault.Refused, "login.wrong").At("old")
	}
	if err != nil {
		return in, err
	}
	hashed, err := d.newPassword(ctx, new, f.Member, f.Account.Name)
	if err != nil {
		return in, err
	}
	err = d.db.Write(ctx, who, func(tx *store.Tx) error {
		if _, err := login.Still(tx, l); err != nil {
			return at(err, "old")
		}
		login.SetPassword(tx, l.ID, hashed)
		in = In{Account: tx.Account(), Member: f.Member.ID}
		in.Token, _, in.Until = login.Begin(tx, f.Member.ID, l.ID, tx.Now)
		return member.Changed(tx, "login.password", f.Member, proof.Fields{"by": "person"}, network(tx.Who))
	})
	return in, err
}

// StartCodes makes a key for the person's app; it counts once ConfirmCodes has proved it.
func (d *Desk) StartCodes(ctx context.Context, who actor.Actor, f Found) error {
	return d.db.Write(ctx, who, func(tx *store.Tx) error {
		if err := login.StartTOTP(tx, f.Session.LoginID); err != nil {
			return err
		}
		return member.Wrote(tx, "login.codes_start", f.Member, nil, nil)
	})
}

// ConfirmCodes turns codes on and gives the recovery codes, to be shown once.
func (d *Desk) ConfirmCodes(ctx context.Context, who actor.Actor, f Found, code string) (recovery []string, err error) {
	err = d.db.Write(ctx, who, func(tx *store.Tx) error {
		if recovery, err = login.TurnOnTOTP(tx, f.Session.LoginID, code); err != nil {
			return err
		}
		return member.Changed(tx, "login.codes_on", f.Member, nil, network(tx.Who))
	})
	return recovery, err
}

// EndCodes turns codes off.
func (d *Desk) EndCodes(ctx context.Context, who actor.Actor, f Found) error {
	return d.db.Write(ctx, who, func(tx *store.Tx) error {
		login.TurnOffTOTP(tx, f.Session.LoginID)
		return member.Changed(tx, "login.codes_off", f.Member, nil, network(tx.Who))
	})
}

// RenewCodes replaces the recovery codes, and gives them to be shown once.
func (d *Desk) RenewCodes(ctx context.Context, who actor.Actor, f Found) (recovery []string, err error) {
	err = d.db.Write(ctx, who, func(tx *store.Tx) error {
		l, err := login.Get(tx, f.Session.LoginID)
		if err != nil {
			return err
		}
		if !l.Second() {
			return fault.New(fault.Conflict, "login.totp.none")
		}
		recovery = login.NewCodes(tx, l.ID)
		return member.Changed(tx, "login.codes_new", f.Member, nil, network(tx.Who))
	})
	return recovery, err
}

// Security is how a person's way in is guarded.
type Security struct {
	Login     login.Login
	Pending   login.Secret // a key that waits to be proved
	HasSecret bool
	CodesLeft int64
}

// Security reads how the person's way in is guarded.
func (d *Desk) Security(ctx context.Context, who actor.Actor, f Found) (s Security, err error) {
	err = d.db.View(ctx, who, func(v *store.View) error {
		if s.Login, err = login.Get(v, f.Session.LoginID); err != nil {
			return err
		}
		if s.Pending, s.HasSecret, err = login.Pending(v, s.Login); err != nil {
			return err
		}
		s.CodesLeft, err = login.CodesLeft(v, f.Session.LoginID)
		return err
	})
	return s, err
}

// Sessions lists the person's sessions in the account.
func (d *Desk) Sessions(ctx context.Context, who actor.Actor, f Found) (out []login.Session, err error) {
	err = d.db.View(ctx, who, func(v *store.View) error { out, err = login.Sessions(v, f.Member.ID, v.Now); return err })
	return out, err
}

// EndSession ends one of the person's own sessions.
func (d *Desk) EndSession(ctx context.Context, who actor.Actor, f Found, id int64) error {
	return d.db.Write(ctx, who, func(tx *store.Tx) error {
		if err := login.End(tx, f.Member.ID, id); err != nil {
			return err
		}
		return member.Wrote(tx, "login.end", f.Member, proof.Fields{"sessions": "1"}, nil)
	})
}

// EndOtherSessions ends the person's sessions in the account, but this one.
func (d *Desk) EndOtherSessions(ctx context.Context, who actor.Actor, f Found) error {
	return d.db.Write(ctx, who, func(tx *store.Tx) error {
		n, err := login.EndOthers(tx, f.Member.ID, f.Session.ID)
		if err != nil || n == 0 {
			return err
		}
		return member.Wrote(tx, "login.end", f.Member, proof.Fields{"sessions": dec(n)}, nil)
	})
}
