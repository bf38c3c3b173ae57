// SPDX-License-Identifier: AGPL-3.0-or-later

package member

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/team/login"
	"consend/internal/trace/proof"
)

// InvitedFact is posted when a mail has to invite somebody; ref is the member.
const InvitedFact job.Kind = "member.invited"

// New is a member to be.
type New struct {
	Email    address.Address
	Name     pii.Text
	Role     Role
	Language string // of the invitation; "" is the account's
}

// Add writes an invited member, without a mail: for set-up and the command line. The person
// joins with a link.
func Add(tx *store.Tx, n New) (Member, error) {
	if err := n.check(); err != nil {
		return Member{}, err
	}
	m := Member{ID: tx.ID(), State: Invited, Role: n.Role, Email: n.Email, Name: n.Name, Language: n.Language, Salt: make([]byte, 32), MadeAt: tx.Now}
	rand.Read(m.Salt) // never fails (crypto/rand)
	if tx.Who.Kind == actor.Member {
		m.InvitedBy = tx.Who.ID
	}
	_, err := tx.Exec(add, m.ID, 0, m.State, m.Role, m.Email.Raw(), m.Email.Norm(), m.Name, m.Language, m.Salt, m.InvitedBy, 0)
	if errors.Is(err, store.ErrUnique) {
		return m, fault.New(fault.Conflict, "member.exists").At("email")
	}
	if err != nil {
		return m, err
	}
	return m, Wrote(tx, "member.invite", m, proof.Fields{"as": string(m.Role)}, proof.Fields{"email": m.Email.Raw(), "name": m.Name.Raw()})
}

// Invite adds a member and posts the fact that makes the mail. Only an owner invites an owner.
func Invite(tx *store.Tx, n New) (Member, error) {
	if _, ok, err := Find(tx, n.Email); err != nil {
		return Member{}, err
	} else if ok {
		return Member{}, fault.New(fault.Conflict, "member.exists").At("email")
	}
	if err := reach(tx, n.Role); err != nil {
		return Member{}, err
	}
	m, err := Add(tx, n)
	if err == nil {
		job.Post(tx, InvitedFact, m.ID)
	}
	return m, err
}

// Remind sends the invitation again; the older link ends.
func Remind(tx *store.Tx, id int64) error {
	m, err := locked(tx, id)
	if err != nil {
		return err
	}
	if m.State != Invited {
		return fault.New(fault.Conflict, "member.joined")
	}
	job.Post(tx, InvitedFact, id)
	return Wrote(tx, "member.remind", m, nil, nil)
}

// Join makes an invited member an active one, with their login.
func Join(tx *store.Tx, id, login int64, name pii.Text, language string) (Member, error) {
	m, err := locked(tx, id)
	if err != nil {
		return m, err
	}
	if m.State != Invited {
		return m, fault.New(fault.Conflict, "member.joined")
	}
	if err := named(name); err != nil {
		return m, err
	}
	m.State, m.LoginID, m.JoinedAt, m.SeenAt = Active, login, tx.Now, tx.Now
	if n := tidy(name); !n.IsZero() {
		m.Name = n
	}
	if locale.Known(language) {
		m.Language = language
	}
	tx.Do(setJoined, login, m.Name, m.Language, id)
	return m, Wrote(tx, "member.join", m, proof.Fields{"as": string(m.Role)}, proof.Fields{"name": m.Name.Raw()})
}

// SetRole changes what a member may do. Their sessions end: the next page asks anew.
func SetRole(tx *store.Tx, id int64, to Role) error {
	if !to.known() {
		return fault.New(fault.Invalid, "member.role.bad").At("role")
	}
	own, m, err := lockedWithOwners(tx, id)
	if err != nil {
		return err
	}
	if m.Role == to {
		return nil
	}
	if err := reach(tx, m.Role, to); err != nil {
		return err
	}
	if to != Owner {
		if err := own.keep(m); err != nil {
			return err
		}
	}
	tx.Do(setRole, to, id)
	if _, err := login.EndOthers(tx, id, 0); err != nil {
		return err
	}
	return Changed(tx, "member.role", m, proof.Fields{"before": string(m.Role), "after": string(to)}, nil)
}

// Remove ends a membership, somebody else's or one's own: sessions and links end with it, the
// row stays for the trace until its retention ends.
func Remove(tx *store.Tx, id int64) error {
	own, m, err := lockedWithOwners(tx, id)
	if err != nil {
		return err
	}
	if tx.Who.Kind != actor.Member || tx.Who.ID != id {
		if err := reach(tx, m.Role); err != nil {
			return err
		}
	}
	if err := own.keep(m); err != nil {
		return err
	}
	tx.Do(setLeft, id)
	login.EndLinks(tx, id)
	if _, err := login.EndOthers(tx, id, 0); err != nil {
		return err
	}
	return Wrote(tx, "member.remove", m, proof.Fields{"was": string(m.Role), "state": string(m.State)}, nil)
}

// Profile is what members set about themselves.
type Profile struct {
	Name     pii.Text
	Language string // "en", "fr", or "" for the browser's
	Theme    string // "light", "dark", or "" for the system's
}

// SetProfile changes a member's own name, language and theme.
func SetProfile(tx *store.Tx, id int64, p Profile) error {
	m, err := locked(tx, id)
	if err != nil {
		return err
	}
	if err := named(p.Name); err != nil {
		return err
	}
	p.Name = tidy(p.Name)
	if p.Language != "" && !locale.Known(p.Language) || !slices.Contains([]string{"", "light", "dark"}, p.Theme) {
		return fault.New(fault.Invalid, "shell.bad_choice")
	}
	if p == (Profile{m.Name, m.Language, m.Theme}) {
		return nil
	}
	tx.Do(setProfile, p.Name, p.Language, p.Theme, id)
	return Wrote(tx, "member.profile", m, proof.Fields{"language": p.Language, "theme": p.Theme}, proof.Fields{"before": m.Name.Raw(), "after": p.Name.Raw()})
}

// locked reads a member who has not left, and holds the row.
func locked(tx *store.Tx, id int64) (Member, error) {
	m, err := store.One[Member](tx, lock, id)
	if err == nil && m.State == Left {
		err = store.ErrNone
	}
	return m, missing(err)
}

// reach refuses an admin who would give, change or take an owner's role: only owners do.
func reach(tx *store.Tx, roles ...Role) error {
	if tx.Who.Kind != actor.Member || Role(tx.Who.Role) == Owner {
		return nil
	}
	if slices.Contains(roles, Owner) {
		return fault.New(fault.Forbidden, "member.owner.only").At("role")
	}
	return nil
}

// owning are the account's active owners.
type owning []int64

// lockedWithOwners locks all owners before the member, in one order: two owners who go at the
// same time can't both be last, and don't wait for each other for ever.
func lockedWithOwners(tx *store.Tx, id int64) (owning, Member, error) {
	ids, err := store.All[int64](tx, owners)
	if err != nil {
		return nil, Member{}, err
	}
	m, err := locked(tx, id)
	return ids, m, err
}

// keep refuses what would leave the account without an owner.
func (o owning) keep(m Member) error {
	if m.Role == Owner && m.State == Active && len(o) <= 1 {
		return fault.New(fault.Conflict, "member.owner.last").At("role")
	}
	return nil
}

const maxName = 100

func (n New) check() error {
	var m fault.Many
	if n.Email.IsZero() {
		m = append(m, fault.New(fault.Invalid, "member.email.missing").At("email"))
	}
	if !n.Role.known() {
		m = append(m, fault.New(fault.Invalid, "member.role.bad").At("role"))
	}
	if n.Language != "" && !locale.Known(n.Language) {
		m = append(m, fault.New(fault.Invalid, "shell.bad_choice").At("language"))
	}
	if err := named(n.Name); err != nil {
		m = append(m, fault.All(err)...)
	}
	return m.Err()
}

func named(name pii.Text) error {
	n := name.Raw()
	bad := !utf8.ValidString(n) || utf8.RuneCountInString(n) > maxName || strings.ContainsFunc(n, func(c rune) bool {
		return unicode.IsControl(c) || unicode.Is(unicode.Cf, c)
	})
	if bad {
		return fault.New(fault.Invalid, "member.name.bad", "max", maxName).At("name")
	}
	return nil
}

func tidy(name pii.Text) pii.Text {
	return pii.T(norm.NFC.String(strings.Join(strings.Fields(name.Raw()), " ")))
}
