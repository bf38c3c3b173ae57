// SPDX-License-Identifier: AGPL-3.0-or-later

// Package member promises that it is always clear who works in an account and what they may
// do there: by invitation only, with one of four roles, never without an owner, and what a
// change takes away is gone with the next request.
//
// It leaves to login how somebody proves who they are, and to the pages which role may do what.
package member

import (
	"errors"
	"slices"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/trace"
)

// Role is what a member may do; web/shell holds the table of it.
type Role string

// The roles, most powerful first.
const (
	Owner  Role = "owner"
	Admin  Role = "admin"
	Editor Role = "editor"
	Viewer Role = "viewer"
)

// Roles lists the roles, most powerful first.
func Roles() []Role { return []Role{Owner, Admin, Editor, Viewer} }

// State is where a membership stands.
type State string

// The states of a membership.
const (
	Invited State = "invited"
	Active  State = "active"
	Left    State = "left"
)

// Member is a person in an account.
type Member struct {
	ID        int64
	LoginID   int64 // 0 until the invitation is accepted
	State     State
	Role      Role
	Email     address.Address
	Name      pii.Text
	Language  string // "" is the browser's
	Theme     string // "light", "dark" or "" for the system's
	Salt      []byte
	InvitedBy int64 // a member; 0 is set-up or the command line
	MadeAt    legalclock.Moment
	JoinedAt  legalclock.Moment
	SeenAt    legalclock.Moment
	LeftAt    legalclock.Moment
}

// Person is the member as the trace names them.
func (m Member) Person() trace.Person { return trace.Person{ID: m.ID, Member: true, Salt: m.Salt} }

// Called is how the person is called on a screen: by name, else by address.
func (m Member) Called() pii.Text {
	if m.Name.IsZero() {
		return pii.T(m.Email.Raw())
	}
	return m.Name
}

// Get is one member of the account, also one who left.
func Get(r store.Reader, id int64) (Member, error) {
	m, err := store.One[Member](r, get, id)
	return m, missing(err)
}

// Find is the member with an address, who has not left.
func Find(r store.Reader, a address.Address) (Member, bool, error) {
	m, err := store.One[Member](r, find, a.Norm())
	if errors.Is(err, store.ErrNone) {
		return Member{}, false, nil
	}
	return m, err == nil, err
}

// All are the members and the invited, oldest first.
func All(r store.Reader) ([]Member, error) { return store.All[Member](r, all) }

// Place is one account a person works in.
type Place struct {
	AccountID int64
	ID        int64
	State     State
	Role      Role
	SeenAt    legalclock.Moment
}

// Places are the accounts a person works in, the last one used first. It takes a reader bound
// to no account.
func Places(r store.Reader, login int64) ([]Place, error) {
	return store.All[Place](r, byLogin, login)
}

// Seen notes that the member was here.
func Seen(tx *store.Tx, id int64) { tx.Do(setSeen, id) }

func missing(err error) error {
	if errors.Is(err, store.ErrNone) {
		return fault.New(fault.NotFound, "member.none")
	}
	return err
}

func (r Role) known() bool { return slices.Contains(Roles(), r) }
