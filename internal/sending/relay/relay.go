// SPDX-License-Identifier: AGPL-3.0-or-later

// Package relay promises that a message leaves only under a permit that is alive, was given
// for this sending service and this account, and covers this person at this address (INV-03);
// and that a refusal or erasure committed more than a second ago is honoured before the next
// message begins, though the permit is older.
//
// A relay is a processor: which one it is stands beside it. It alone speaks SMTP to the
// outside (mail/transport). The built-in mailbox is a relay too: what is sent through it is
// caught in a table, under the account's key, and nothing leaves the machine.
//
// It leaves to its callers retries, and what an outcome means for a row of theirs.
package relay

import (
	"net"
	"strconv"
	"strings"
	"unicode/utf8"

	"consend/internal/chain/processor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// MailboxID is the built-in mailbox. It is there from the first start.
const MailboxID int64 = 2

// Kind is what a relay is.
type Kind string

// The kinds.
const (
	Mailbox Kind = "mailbox"
	SMTP    Kind = "smtp"
)

// TLS is how the connection is protected. There is no "if possible": who strips STARTTLS on
// the way must not get the mail in clear.
type TLS string

// The ways.
const (
	NoTLS    TLS = "none" // for a server on the same machine or network
	StartTLS TLS = "starttls"
	Implicit TLS = "implicit"
)

// Relay is one sending service.
type Relay struct {
	ID         int64
	Owner      int64 `db:"owner_id"` // 0: the house's, for every account
	Kind       Kind
	Name       string // "" for the built-in mailbox
	Addr       string
	TLS        TLS
	Login      string
	Processor  int64 `db:"processor_id"`
	Rate       int64 // messages a second over all nodes; 0: no limit
	Lanes      int64 // connections at a time
	StandardAt legalclock.Moment
	RetiredAt  legalclock.Moment
	Version    int64
	MadeAt     legalclock.Moment
}

// New is a relay to be. Its carrier must hold, unless the mail goes to our own server.
type New struct {
	Name      string
	Addr      string
	TLS       TLS
	Login     string
	Password  string
	Processor int64
	Rate      int64
	Lanes     int64
}

// Add makes a relay and uses it from now on: the account's choice, or for a relay of the house
// what every account takes that has not chosen. A carrier that doesn't hold is refused, and so
// is one whose paperwork is overdue: nothing new begins with it.
func Add(tx *store.Tx, n New) (Relay, error) {
	n.Name = strings.TrimSpace(n.Name)
	if n.Lanes == 0 {
		n.Lanes = 4
	}
	if err := n.Check(); err != nil {
		return Relay{}, err
	}
	p, err := processor.Get(tx, n.Processor)
	if err != nil {
		return Relay{}, err
	}
	if err := processor.Mine(tx, p.Owner); err != nil {
		return Relay{}, err
	}
	rules, err := rulepack.For(tx)
	if err != nil {
		return Relay{}, err
	}
	if ok, why := p.Holds(rules, tx.Now); !ok {
		return Relay{}, fault.New(fault.Conflict, "processor.stop."+string(why)).At("processor")
	}
	if p.Limited(rules, tx.Now) {
		return Relay{}, fault.New(fault.Conflict, "relay.limited").At("processor")
	}
	id, owner := tx.ID(), tx.Account()
	var sealed []byte
	if n.Password != "" {
		if sealed, err = keys.Of(tx).Seal(owner, passwordAt(id), []byte(n.Password)); err != nil {
			return Relay{}, err
		}
	}
	tx.Do(add, id, SMTP, n.Name, n.Addr, n.TLS, n.Login, sealed, n.Processor, n.Rate, n.Lanes)
	r := Relay{ID: id, Owner: owner, Kind: SMTP, Name: n.Name, Addr: n.Addr, TLS: n.TLS, Login: n.Login, Processor: n.Processor,
		Rate: n.Rate, Lanes: n.Lanes, Version: 1, MadeAt: tx.Now}
	if err := record(tx, "relay.add", r); err != nil {
		return Relay{}, err
	}
	return r, choose(tx, r)
}

func passwordAt(id int64) keys.AAD { return keys.AAD{Table: "relay", Column: "password_ct", Row: id} }

// Check tells what is wrong with it, but for its carrier.
func (n New) Check() error {
	var m fault.Many
	bad := func(field, key string) { m = append(m, fault.New(fault.Invalid, key).At(field)) }
	if n.Name == "" || utf8.RuneCountInString(n.Name) > 200 || strings.ContainsAny(n.Name, "\x00\r\n") {
		bad("name", "relay.name")
	}
	host, port, err := net.SplitHostPort(n.Addr)
	number, e := strconv.Atoi(port)
	if err != nil || e != nil || host == "" || len(host) > 253 || number < 1 || number > 65535 || strings.ContainsAny(host, " /@\x00\r\n") {
		bad("addr", "relay.addr")
	}
	if n.TLS != NoTLS && n.TLS != StartTLS && n.TLS != Implicit {
		bad("tls", "relay.tls")
	}
	if n.Login != "" && n.TLS == NoTLS && !local(host) {
		bad("tls", "relay.password_in_clear") // a password in clear on a network is everybody's
	}
	if len(n.Login) > 300 || len(n.Password) > 1000 || strings.ContainsAny(n.Login+n.Password, "\x00\r\n") {
		bad("login", "relay.login")
	}
	if n.Rate < 0 || n.Rate > 100_000 {
		bad("rate", "relay.rate")
	}
	if n.Lanes < 0 || n.Lanes > 200 {
		bad("lanes", "relay.lanes")
	}
	return m.Err()
}

// local tells whether a host is this machine.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Get finds a relay of the account or of the house.
func Get(r store.Reader, id int64) (Relay, error) {
	list, err := store.All[Relay](r, find, id)
	if err == nil && len(list) == 0 {
		err = fault.New(fault.NotFound, "relay.not_found")
	}
	if err != nil {
		return Relay{}, err
	}
	return list[0], nil
}

// All lists the relays of the account and of the house that aren't retired, the built-in mailbox first.
func All(r store.Reader) ([]Relay, error) { return store.All[Relay](r, all) }

// Default is what the account sends through: its own choice, else the house's, else the
// built-in mailbox. Whether it holds is the gate's question: a service that is stopped holds
// the mail, which never goes another way by itself.
func Default(r store.Reader) (Relay, error) {
	if account(r) != 0 {
		list, err := store.All[Relay](r, chosen)
		if err != nil || len(list) > 0 {
			return first(list), err
		}
	}
	list, err := store.All[Relay](r, standard)
	if err != nil || len(list) > 0 {
		return first(list), err
	}
	return Get(r, MailboxID)
}

func first(list []Relay) Relay {
	if len(list) == 0 {
		return Relay{}
	}
	return list[0]
}

// Choose makes a relay the one that is used.
func Choose(tx *store.Tx, id int64) error {
	r, err := Get(tx, id)
	if err != nil {
		return err
	}
	if r.RetiredAt != 0 {
		return fault.New(fault.Conflict, "relay.retired")
	}
	return choose(tx, r)
}

func choose(tx *store.Tx, r Relay) error {
	if tx.Account() == 0 {
		tx.Do(setStandard, r.ID)
	} else {
		tx.Do(setChosen, r.ID)
	}
	return record(tx, "relay.choose", r)
}

// Retire takes a relay out of use. What was chosen before is not used again by itself: the
// account falls back to the house's, or to the built-in mailbox.
func Retire(tx *store.Tx, id int64) error {
	r, err := Get(tx, id)
	if err != nil {
		return err
	}
	if r.Kind == Mailbox {
		return fault.New(fault.Conflict, "relay.built_in")
	}
	if err := processor.Mine(tx, r.Owner); err != nil {
		return err
	}
	tx.Do(retire, id)
	if tx.Account() != 0 {
		tx.Do(unchoose, id)
	}
	r.Version++
	return record(tx, "relay.retire", r)
}

// SetPassword seals a new password.
func SetPassword(tx *store.Tx, id int64, login, password string) error {
	r, err := Get(tx, id)
	if err != nil {
		return err
	}
	if err := processor.Mine(tx, r.Owner); err != nil {
		return err
	}
	n := New{Name: r.Name, Addr: r.Addr, TLS: r.TLS, Login: login, Password: password, Rate: r.Rate, Lanes: r.Lanes}
	if err := n.Check(); err != nil {
		return err
	}
	var sealed []byte
	if password != "" {
		if sealed, err = keys.Of(tx).Seal(r.Owner, passwordAt(id), []byte(password)); err != nil {
			return err
		}
	}
	tx.Do(setPassword, login, sealed, id)
	r.Login, r.Version = login, r.Version+1
	return record(tx, "relay.password", r)
}

// record writes the entry of a change. The name is somebody's word, and the address says where
// a login is: both are committed only.
func record(tx *store.Tx, action string, r Relay) error {
	private := proof.Fields{"addr": r.Addr}
	if r.Name != "" {
		private["name"] = r.Name
	}
	_, err := trace.Append(tx, trace.Act{Action: action, Object: "relay", ObjectID: r.ID, Clear: proof.Fields{
		"kind": string(r.Kind), "tls": string(r.TLS), "processor": decimal(r.Processor), "version": decimal(r.Version)}, Private: private})
	return err
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func account(r store.Reader) int64 {
	switch v := r.(type) {
	case *store.Tx:
		return v.Account()
	case *store.View:
		return v.Account()
	}
	return 0
}
