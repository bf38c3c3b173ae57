// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"io"
	"mime/quotedprintable"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"consend/internal/app"
	"consend/internal/ground/actor"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/sending/relay"
	"consend/internal/team/access"
	"consend/internal/team/account"
	"consend/internal/team/member"
	"consend/internal/testhouse"
)

// TestAMemberHearsByMailWhatWasChangedAboutTheirWayIn goes from the act to the mailbox: password,
// codes and role, in the member's language, with the moment and who did it, and without a link.
func TestAMemberHearsByMailWhatWasChangedAboutTheirWayIn(t *testing.T) {
	words := map[string][]string{ // oldest first
		"en": {"Codes are asked when you sign in", "You have new recovery codes", "Codes are no longer asked when you sign in", "Your password was changed", "Your role in Librairie du Port was changed"},
		"fr": {"Un code est demandé à votre connexion", "Vous avez de nouveaux codes de secours", "Plus aucun code n’est demandé à votre connexion", "Votre mot de passe a été changé", "Votre rôle dans Librairie du Port a été changé"},
	}
	bodies := map[string]string{"en": "Your role was Owner and is Editor now", "fr": "il est maintenant Rédacteur"}
	testhouse.Apps(t, func(t *testing.T, open func(app.Options) *app.House) {
		clock := &testhouse.Clock{}
		clock.Set(testhouse.Start)
		h := open(app.Options{Clock: clock.Now})
		h.Desk.CheapForTests()
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		door := actor.Actor{Kind: actor.Sys, Name: "test", IP: netip.MustParseAddr("192.0.2.7"), IPSource: "direct"}
		for lang, want := range words {
			id, link, err := h.Desk.OpenAccount(ctx, actor.Actor{Kind: actor.Command, Name: "account create"},
				account.New{Details: account.Details{Name: "Librairie du Port", Country: "FR"}}, member.New{Email: address.Must("lea." + lang + "@example.org")}, nil)
			must(err)
			in, err := h.Desk.Accept(ctx, door, link.Raw(), access.Joining{Name: pii.T("Léa Roux"), Password: "vingt moutons bleus", Language: lang})
			must(err)
			f, err := h.Desk.Find(ctx, in.Token.Raw())
			must(err)
			who := actor.Actor{Kind: actor.Member, ID: in.Member, Account: id, Role: "owner", Request: "test", IP: door.IP, IPSource: "direct"}
			var boss member.Member
			must(h.Main.Write(ctx, actor.Worker("test", id), func(tx *store.Tx) error {
				if boss, err = member.Add(tx, member.New{Email: address.Must("boss." + lang + "@example.org"), Name: pii.T("Noé Petit"), Role: member.Owner}); err == nil {
					_, err = member.Join(tx, boss.ID, 0, boss.Name, lang)
				}
				return err
			}))
			settle := func(minutes time.Duration) { clock.Advance(minutes * time.Minute); must(h.Settle(ctx)) }
			must(h.Desk.StartCodes(ctx, who, f))
			s, err := h.Desk.Security(ctx, who, f)
			must(err)
			code, err := totp.GenerateCode(s.Pending.Raw(), clock.Now())
			must(err)
			_, err = h.Desk.ConfirmCodes(ctx, who, f, code)
			must(err)
			settle(1)
			_, err = h.Desk.RenewCodes(ctx, who, f)
			must(err)
			settle(1)
			must(h.Desk.EndCodes(ctx, who, f))
			settle(1)
			_, err = h.Desk.ChangePassword(ctx, who, f, "vingt moutons bleus", "dix-sept chaises vertes")
			must(err)
			settle(1)
			other := who
			other.ID = boss.ID
			must(h.Main.Write(ctx, other, func(tx *store.Tx) error { return member.SetRole(tx, in.Member, member.Editor) }))
			settle(1)

			must(h.Main.View(ctx, who, func(v *store.View) error {
				page, err := relay.Page(v, 0, 50)
				if err != nil {
					return err
				}
				var got []relay.Caught
				for i := len(page) - 1; i >= 0; i-- {
					if strings.Contains(page[i].To.Raw(), "lea."+lang) {
						got = append(got, page[i])
					}
				}
				if len(got) != len(want) {
					t.Fatalf("%d mails", len(got))
				}
				for i, c := range got {
					if c.Subject.Raw() != want[i] {
						t.Errorf("mail %d: %q, want %q", i, c.Subject.Raw(), want[i])
					}
					_, raw, err := relay.Read(v, c.ID)
					if err != nil {
						return err
					}
					plain, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(string(raw))))
					if err != nil {
						return err
					}
					text := string(plain)
					if regexp.MustCompile(`href=|/reset/|/signin/|<no value>|\{\{|access\.changed`).MatchString(text) {
						t.Errorf("%s: a link or a key in\n%s", c.Subject.Raw(), text)
					}
					if i == len(got)-1 && (!strings.Contains(text, bodies[lang]) || !strings.Contains(text, "Noé Petit")) {
						t.Errorf("%s: not who did it, or what, in\n%s", c.Subject.Raw(), text)
					}
				}
				return nil
			}))
		}
	})
}
