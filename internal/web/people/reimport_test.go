// SPDX-License-Identifier: AGPL-3.0-or-later

package people_test

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/merge"
)

// A file of everybody, brought back into the list it is of, changes nobody: not how they stand, nor the do-not-mail
// list, nor what is known about them.
func TestOurOwnFileBroughtBackChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.declared(contact.Attribute{Name: "FIRSTNAME", Type: contact.TypeText}, contact.Attribute{Name: "SOURCE", Type: contact.TypeText}, contact.Attribute{Name: "TIER", Type: contact.TypeChoice, Choices: contact.Choices{"gold", "tin"}},
			contact.Attribute{Name: "LIKES", Type: contact.TypeMultiple, Choices: contact.Choices{"red", "white, dry"}}, contact.Attribute{Name: "POINTS", Type: contact.TypeNumber},
			contact.Attribute{Name: "BORN", Type: contact.TypeDate}, contact.Attribute{Name: "VIP", Type: contact.TypeBoolean})
		ids := map[string]int64{}
		for _, n := range []string{"given", "bounced", "left", "objected", "complained", "frozen", "kept", "gone", "again", "measured", "unmeasured"} {
			ids[n] = o.person(n + "@example.org")
		}
		o.post(fmt.Sprintf("/contacts/%d/correct", ids["given"]), "name", "Gina NewName", "attr.FIRSTNAME", "Ingrid", "attr.SOURCE", "the fair", "attr.TIER", "gold", "attr.LIKES", "red", "attr.LIKES", "white, dry",
			"attr.POINTS", "-5", "attr.BORN", "1990-03-02", "attr.VIP", "true", "country", "FR")
		o.write(o.who, func(tx *store.Tx) error {
			rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("b@example.org"), Name: pii.T("Bo")}, {Email: address.Must("waiting@example.org")}, {Email: address.Must("refused@example.org")}, {Email: address.Must("nobody@example.org")}, {Email: address.Must("requested@example.org")}})
			must(t, err)
			for i, n := range []string{"b", "waiting", "refused", "nobody", "requested"} {
				ids[n] = rows[i].ID
			}
			_, err = consent.Apply(tx, []consent.Event{{Contact: ids["b"], List: o.news, Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeB},
				{Contact: ids["waiting"], List: o.news, Kind: consent.Give, Basis: consent.ByConsent, Lacks: "undeclared"}})
			return err
		})
		say := func(n string, kind consent.Kind) {
			o.write(o.voice, func(tx *store.Tx) error {
				_, err := consent.Apply(tx, []consent.Event{{Contact: ids[n], List: o.news, Kind: kind, Source: "form"}})
				return err
			})
		}
		say("requested", consent.Request)
		say("refused", consent.Request)
		say("again", consent.Withdraw)
		say("again", consent.Request)
		for n, kind := range map[string]consent.Kind{"left": consent.Withdraw, "refused": consent.Refuse, "complained": consent.Complain, "objected": consent.Object} {
			scope := consent.Scope{Reach: consent.OneList, ID: o.news}
			if kind == consent.Object || kind == consent.Complain {
				scope = consent.Everything
			}
			o.write(o.voice, func(tx *store.Tx) error {
				_, err := consent.Leave(tx, consent.Leaving{Contact: ids[n], Scope: scope, Kind: kind, Source: "page"})
				return err
			})
		}
		o.write(o.who, func(tx *store.Tx) error {
			for _, n := range []string{"bounced", "nobody"} {
				if err := consent.Suppress(tx, ids[n], consent.HardBounce, consent.Everything); err != nil {
					return err
				}
			}
			return contact.Restrict(tx, ids["frozen"], "dispute")
		})
		o.write(o.who, func(tx *store.Tx) error {
			plan, err := merge.Look(tx, ids["gone"], ids["kept"])
			if err != nil {
				return err
			}
			return merge.Merge(tx, ids["gone"], ids["kept"], plan.Seen())
		})
		o.measured(ids["measured"], consent.Request, consent.Confirm)
		o.measured(ids["unmeasured"], consent.Refuse)

		all := func() string {
			var b strings.Builder
			must(t, o.Main.View(context.Background(), o.who, func(v *store.View) error {
				for _, n := range []string{"given", "b", "waiting", "refused", "left", "objected", "complained", "frozen", "kept", "gone", "again", "measured", "unmeasured", "bounced", "nobody", "requested"} {
					c, err := contact.Get(v, ids[n])
					must(t, err)
					stands, err := consent.Standings(v, ids[n])
					must(t, err)
					bars, err := consent.SuppressionsOf(v, c.Email)
					must(t, err)
					fmt.Fprintf(&b, "%s: %s %q %v %v\n", n, c.State, c.Name.Raw(), raw(c.Attributes), c.ActiveAt)
					for _, s := range stands {
						if s.State == consent.None { // as if they stood nowhere
							continue
						}
						fmt.Fprintf(&b, "\t%s %s %s %s %d %s\n", s.ListName, s.State, s.Basis, s.Grade, s.Said, s.Reason)
					}
					for _, s := range bars {
						fmt.Fprintf(&b, "\t%s %s %v\n", s.Scope, s.Reason, s.Since)
					}
				}
				return nil
			}))
			return b.String()
		}
		was := all()
		to := o.post("/segments/new", "name", "All", "m0", "any", "w1", fmt.Sprintf("list:%d", o.news), "c1", "on", "g1", "0",
			"w2", fmt.Sprintf("list:%d", o.news), "c2", "off", "g2", "0")
		_, body, _ := o.ask("POST", to+"/export", url.Values{"how": {"none"}})
		for _, how := range []importer.Existing{importer.Keep, importer.Replace} {
			o.Clock.Advance(1e12)
			sum, err := importer.Run(context.Background(), o.Main, o.who, importer.Order{Name: "segment.csv", Kind: importer.Site, List: "News", Purpose: "Newsletter", Basis: consent.ByConsent,
				From: "2026-01-01", To: "2026-02-27", DeclaredBy: o.who.ID, Options: importer.Options{Existing: how},
				Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }}, nil)
			must(t, err)
			if now := all(); now != was {
				t.Errorf("%s: was\n%s\nis\n%s\nby\n%s", how, was, now, body)
			}
			if sum.New != 0 || sum.Changed != 0 || sum.Same != 5 || sum.Rows != 14 || len(sum.Withheld) != 0 {
				t.Errorf("%s: %+v\n%s", how, sum, body)
			}
		}
	})
}

func raw(all contact.Attributes) map[string]string {
	out := map[string]string{}
	for n, v := range all {
		out[n] = v.Raw()
	}
	return out
}

// measured has somebody answer, themselves, whether their opens are counted.
func (o *office) measured(id int64, kinds ...consent.Kind) {
	o.t.Helper()
	o.write(o.voice, func(tx *store.Tx) error {
		of, err := list.EnsureMeasuring(tx, "en")
		if err != nil {
			return err
		}
		for _, k := range kinds {
			if _, err := consent.Apply(tx, []consent.Event{{Contact: id, List: of[list.Opens].ID, Kind: k, Source: "form", RequestedAt: tx.Now}}); err != nil {
				return err
			}
		}
		return nil
	})
}
