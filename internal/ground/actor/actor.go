// SPDX-License-Identifier: AGPL-3.0-or-later

// Package actor says who acts. Every write names one (GDPR 5(2): accountability
// is a parameter, not a policy); the store refuses a transaction without it.
//
// It leaves to team who may do what.
package actor

import "net/netip"

// Kind is the sort of actor.
type Kind string

// The kinds of actor.
const (
	Subject Kind = "subject" // a person on a public page, known by a token or not at all
	Member  Kind = "member"  // a signed-in member of an account
	Key     Kind = "apikey"  // a program with an API or SMTP key
	Job     Kind = "job"     // long work that somebody started
	Sys     Kind = "system"  // the installation itself: sealer, sweeps, sender
	Command Kind = "command" // somebody at the machine's command line
)

// Actor is one acting person or program. ID is the member's, key's or job's id;
// for Sys it is 0 and Name tells which part of the house acts.
type Actor struct {
	Kind     Kind
	ID       int64
	Name     string     // for Sys, Job and Command: which; never a person's name
	Account  int64      // the account the act is bound to; 0 = the installation
	Role     string     // a member's role at the time of the act
	Request  string     // request id, to join log, trace and job
	IP       netip.Addr // where from, as the trusted hops tell it
	IPSource string     // "direct" or "trusted_hop:n"
	Agent    string     // the browser's own word about itself
	Language string     // for messages back to the actor
}

// System is a part of the house acting for the installation.
func System(name string) Actor { return Actor{Kind: Sys, Name: name} }

// Worker is long work acting for an account.
func Worker(name string, account int64) Actor {
	return Actor{Kind: Job, Name: name, Account: account}
}

// In gives the same actor bound to an account.
func (a Actor) In(account int64) Actor { a.Account = account; return a }

// Valid tells whether the actor may open a transaction at all.
func (a Actor) Valid() bool {
	switch a.Kind {
	case Subject, Member, Key:
		return a.Account > 0
	case Job, Sys, Command:
		return a.Name != ""
	}
	return false
}
