// SPDX-License-Identifier: AGPL-3.0-or-later

package sender_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/compose"
	"consend/internal/sending/sender"
	"consend/internal/testhouse"
)

func write(t *testing.T, h *testhouse.House, who actor.Actor, f func(tx *store.Tx) error) {
	t.Helper()
	if err := h.Main.Write(context.Background(), who, f); err != nil {
		t.Fatal(err)
	}
}

func view[T any](t *testing.T, h *testhouse.House, who actor.Actor, f func(v *store.View) (T, error)) (out T) {
	t.Helper()
	if err := h.Main.View(context.Background(), who, func(v *store.View) (err error) { out, err = f(v); return err }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestASenderIsMadeChangedAndRetired(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		_, who := h.House(t)
		before := h.Entries(t, who)
		var id int64
		write(t, h, who, func(tx *store.Tx) (err error) {
			id, err = sender.Make(tx, sender.New{Name: " Maison   Orange ", Email: address.Must("News@Example.com")})
			return err
		})
		s := view(t, h, who, func(v *store.View) (sender.Sender, error) { return sender.Get(v, id) })
		if s.Name != "Maison Orange" || s.Email.Raw() != "News@Example.com" || s.From().Name != "Maison Orange" {
			t.Errorf("%q %q", s.Name, s.Email.Raw())
		}
		err := h.Main.Write(context.Background(), who, func(tx *store.Tx) error {
			_, err := sender.Make(tx, sender.New{Name: "x", Email: address.Must("news@example.com")})
			return err
		})
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("the same address twice: %v", err)
		}
		write(t, h, who, func(tx *store.Tx) error {
			return sender.Change(tx, id, 0, sender.New{Name: "M.O.", Email: address.Must("news@example.com"), ReplyTo: address.Must("hello@example.com")})
		})
		write(t, h, who, func(tx *store.Tx) error { return sender.Retire(tx, id) })
		write(t, h, who, func(tx *store.Tx) error { return sender.Retire(tx, id) })
		write(t, h, who, func(tx *store.Tx) error {
			again, err := sender.Ensure(tx, sender.New{Name: "x", Email: address.Must("news@example.com")})
			if again == id {
				t.Error("a retired sender came back by itself")
			}
			return err
		})
		if n := h.Entries(t, who) - before; n != 4 {
			t.Errorf("%d entries", n)
		}
		err = h.Main.Write(context.Background(), who, func(tx *store.Tx) error {
			_, err := sender.Make(tx, sender.New{Name: "a\x00b", Email: address.Must("émile@example.com")})
			return err
		})
		if len(fault.All(err)) != 2 {
			t.Errorf("both faults are told at once: %v", err)
		}
	})
}

type zone map[string][]string

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	if r, ok := z[name]; ok {
		return r, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func TestMailOfADomainIsSignedAndTheWayOutIsCovered(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		_, who := h.House(t)
		_, stranger := h.House(t)
		p, err := sender.Prepare(" Example.COM. ")
		if err != nil {
			t.Fatal(err)
		}
		var id int64
		write(t, h, who, func(tx *store.Tx) (err error) { id, err = sender.AddDomain(tx, p); return err })
		d := view(t, h, who, func(v *store.View) (sender.Domain, error) { return sender.GetDomain(v, id) })
		if d.Name != "example.com" || !strings.HasSuffix(d.Host(), "._domainkey.example.com") || strings.Join(d.Strings(), "") != d.Record || len(d.Strings()) != 2 {
			t.Errorf("%+v", d)
		}
		signer := view(t, h, who, func(v *store.View) (compose.Signer, error) {
			s, ok, err := sender.Signer(v, "news.example.com")
			if !ok {
				t.Error("no signer for a name below the domain")
			}
			return s, err
		})
		for _, domain := range []string{"example.org", "notexample.com", "com"} {
			view(t, h, who, func(v *store.View) (int, error) {
				_, ok, err := sender.Signer(v, domain)
				if ok {
					t.Errorf("%s is signed with a key of example.com", domain)
				}
				return 0, err
			})
		}
		view(t, h, stranger, func(v *store.View) (int, error) {
			if _, ok, _ := sender.Signer(v, "example.com"); ok {
				t.Error("another account signs with it")
			}
			return 0, nil
		})
		below, err := sender.Prepare("news.example.com")
		if err != nil {
			t.Fatal(err)
		}
		write(t, h, who, func(tx *store.Tx) error { _, err := sender.AddDomain(tx, below); return err })
		for domain, want := range map[string]string{"example.com": "example.com", "x.example.com": "example.com", "news.example.com": "news.example.com", "x.news.example.com": "news.example.com"} {
			s := view(t, h, who, func(v *store.View) (compose.Signer, error) { s, _, err := sender.Signer(v, domain); return s, err })
			if s.Domain != want {
				t.Errorf("%s is signed by %s, want the nearest: %s", domain, s.Domain, want)
			}
		}
		raw, err := compose.Append(nil, &compose.Letter{From: compose.Mailbox{Addr: "news@example.com"}, To: compose.Mailbox{Addr: "ada@example.org"}, Subject: "Hi",
			Text: "Hi\n", Date: time.Unix(0, 0), MessageID: "x@example.com", Unsubscribe: "https://mail.example.com/u/x"})
		if err != nil {
			t.Fatal(err)
		}
		raw, err = compose.Sign(raw, signer)
		if err != nil {
			t.Fatal(err)
		}
		check := func(raw []byte) error {
			v, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
				return zone{d.Host(): {d.Record}}.LookupTXT(context.Background(), name)
			}})
			if err != nil {
				return err
			}
			return v[0].Err
		}
		if err := check(raw); err != nil {
			t.Errorf("the signature does not hold: %v", err)
		}
		if err := check(bytes.Replace(raw, []byte("/u/x"), []byte("/u/y"), 1)); err == nil {
			t.Error("the way out can be changed under the signature")
		}

		for _, c := range []struct {
			zone  zone
			found bool
		}{{zone{}, false}, {zone{d.Host(): {"k=rsa;v=DKIM1; p = x"}}, false}, {zone{d.Host(): {"other", "p=" + d.Record[strings.Index(d.Record, "p=")+2:] + " ; k=rsa"}}, true}} {
			found, err := sender.Look(context.Background(), c.zone, d)
			if err != nil || found != c.found {
				t.Errorf("%v: found %v, %v", c.zone, found, err)
			}
			write(t, h, who, func(tx *store.Tx) error { return sender.Looked(tx, id, found) })
		}
		if d := view(t, h, who, func(v *store.View) (sender.Domain, error) { return sender.GetDomain(v, id) }); d.FoundAt == 0 || d.CheckedAt == 0 {
			t.Errorf("%+v", d)
		}
		write(t, h, who, func(tx *store.Tx) error { return sender.RetireDomain(tx, id) })
		view(t, h, who, func(v *store.View) (int, error) {
			if _, ok, _ := sender.Signer(v, "example.com"); ok {
				t.Error("a retired key signs")
			}
			return 0, nil
		})
	})
}
