// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"strings"

	"consend/internal/chain/processor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
)

// Simple is a relay as the command line and the set-up page name it: without a record, which
// is found.
type Simple struct {
	Name, Addr string
	TLS        string // none, starttls, tls; "" is starttls, or none on this machine
	Login      string
	Password   string
	OwnServer  bool
}

// AddSimple makes a relay. Our own server gets a record of ourselves; any other service needs
// one that is there and holds: of the same name, or the only one there is.
func AddSimple(tx *store.Tx, s Simple) (Relay, error) {
	n := New{Name: s.Name, Addr: s.Addr, Login: s.Login, Password: s.Password}
	switch strings.ToLower(s.TLS) {
	case "none":
		n.TLS = NoTLS
	case "tls", "implicit":
		n.TLS = Implicit
	case "starttls":
		n.TLS = StartTLS
	case "":
		n.TLS = StartTLS
		if host, _, ok := strings.Cut(s.Addr, ":"); ok && local(host) {
			n.TLS = NoTLS
		}
	default:
		return Relay{}, fault.New(fault.Invalid, "relay.tls").At("tls")
	}
	var err error
	if s.OwnServer {
		var p processor.Record
		p, err = processor.OurServer(tx, n.Name)
		n.Processor = p.ID
	} else {
		n.Processor, err = carrierFor(tx, n.Name)
	}
	if err != nil {
		return Relay{}, err
	}
	return Add(tx, n)
}

func carrierFor(r store.Reader, name string) (int64, error) {
	list, err := processor.All(r)
	if err != nil {
		return 0, err
	}
	var ids []int64
	for _, p := range list {
		if p.Kind == processor.Mailbox || p.State == processor.Terminated {
			continue
		}
		if strings.EqualFold(p.Name, strings.TrimSpace(name)) {
			return p.ID, nil
		}
		if p.Kind == processor.Provider {
			ids = append(ids, p.ID)
		}
	}
	if len(ids) == 1 {
		return ids[0], nil
	}
	return 0, fault.New(fault.Conflict, "relay.needs_processor").At("processor")
}
