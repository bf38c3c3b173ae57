// SPDX-License-Identifier: AGPL-3.0-or-later

package demo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/team/access"
	"consend/internal/team/account"
)

// Hands are what filling needs of an open house.
type Hands struct {
	Main    *store.DB
	Desk    *access.Desk
	Forms   *form.Desk
	Furnish func(tx *store.Tx) error
	Settle  func(ctx context.Context) error // does what waits: facts, mail, long work, the seal
	Forward func(d time.Duration)           // moves the house's clock
}

// Filled tells what came about.
type Filled struct {
	Account    int64
	Member     int64 // the owner
	Form       form.Form
	Note       int64
	News, Club int64 // lists
}

// fill is a filling on its way.
type fill struct {
	Hands
	Filled
	owner         actor.Actor
	live          form.Live
	list, purpose string // names of the first list and its purpose
	n             int
}

// Fill makes the house and its past. It is run on an installation nobody has set up, once;
// a kill in between leaves a house with less of a past.
func Fill(ctx context.Context, h Hands) (Filled, error) {
	f := &fill{Hands: h}
	for _, step := range []func(context.Context) error{f.setUp, f.publish, f.signUps, f.changes, f.imports, f.campaigns, f.lately} {
		if err := step(ctx); err != nil {
			return f.Filled, fmt.Errorf("demo: %w", err)
		}
		if err := f.Settle(ctx); err != nil {
			return f.Filled, fmt.Errorf("demo: %w", err)
		}
	}
	return f.Filled, nil
}

// setUp answers the set-up page, as a newcomer does.
func (f *fill) setUp(ctx context.Context) error {
	link, ok, err := f.Desk.SetupLink(ctx, actor.Actor{Kind: actor.Command, Name: "demo"})
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("somebody has set this house up already")
	}
	s := access.Setup{OnlyUs: true, Email: OwnerEmail, Name: pii.T(OwnerName), Password: OwnerPassword,
		Account: account.Details{Name: HouseName, Postal: HousePostal, Country: "FR", Language: locale.French, Zone: "Europe/Paris", Colour: "#4d7c0f",
			DataName: pii.T(OwnerName), DataEmail: address.Must(OwnerEmail), Sending: account.Mailbox}}
	in, err := f.Desk.SetUp(ctx, f.visitor(locale.French), link.Raw(), s, func(tx *store.Tx, _ int64) error { return f.Furnish(tx) })
	if err != nil {
		return err
	}
	f.Account, f.Member = in.Account, in.Member
	f.owner = actor.Actor{Kind: actor.Member, ID: in.Member, Account: in.Account, Role: "owner", Request: "demo", Language: locale.French,
		IP: netip.MustParseAddr("192.0.2.10"), IPSource: "direct", Agent: browser}
	return nil
}

const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// visitor is somebody on a public page, each at an address of their own (RFC 5737).
func (f *fill) visitor(language string) actor.Actor {
	f.n++
	return actor.Actor{Kind: actor.Subject, Account: f.Account, Request: "demo-" + strconv.Itoa(f.n), Language: language,
		IP: netip.AddrFrom4([4]byte{198, 51, 100, byte(f.n)}), IPSource: "direct", Agent: browser}
}

func origin(who actor.Actor) consent.Origin {
	return consent.Origin{IP: pii.FromAddr(who.IP), Source: who.IPSource, Agent: pii.T(who.Agent)}
}

func (f *fill) act(ctx context.Context, fn func(tx *store.Tx) error) error {
	f.Forward(3 * time.Minute)
	return f.Main.Write(ctx, f.owner, fn)
}

// publish completes what the set-up left as drafts, adds workshops, and publishes.
func (f *fill) publish(ctx context.Context) error {
	f.Forward(26 * time.Hour)
	err := f.act(ctx, func(tx *store.Tx) error {
		lists, err := list.InUse(tx)
		if err != nil || len(lists) == 0 {
			return errors.Join(err, errors.New("the house is not furnished"))
		}
		f.News, f.list = lists[0].ID, lists[0].Name
		f.purpose = lists[0].PurposeName
		words := list.Words{"fr": "Ateliers", "en": "Workshops"}
		purpose, err := list.MakePurpose(tx, list.NewPurpose{Name: "Ateliers", Public: words})
		if err != nil {
			return err
		}
		if f.Club, err = list.Make(tx, list.New{Name: "Ateliers", Purpose: purpose, Kind: list.Mail, Public: words}); err != nil {
			return err
		}
		forms, err := form.All(tx)
		if err != nil || len(forms) == 0 {
			return errors.Join(err, errors.New("the house has no form"))
		}
		f.Form = forms[0]
		f.Note = f.Form.Draft.Notice
		return nil
	})
	if err != nil {
		return err
	}
	err = f.act(ctx, func(tx *store.Tx) error {
		n, err := notice.Find(tx, f.Note)
		if err != nil {
			return err
		}
		n.Draft.Purposes = append(n.Draft.Purposes, notice.Purpose{Name: notice.Words{"fr": "Ateliers", "en": "Workshops"}, Basis: "consent"})
		if err := notice.Edit(tx, n.ID, n.Version, n.Name, n.Draft); err != nil {
			return err
		}
		if n, err = notice.Find(tx, f.Note); err != nil {
			return err
		}
		_, err = notice.Publish(tx, n.ID, n.Version)
		return err
	})
	if err != nil {
		return err
	}
	return f.act(ctx, func(tx *store.Tx) error {
		club, err := list.Get(tx, f.Club)
		if err != nil {
			return err
		}
		d := f.Form.Draft
		d.Add(club)
		d.Fields = append(d.Fields, form.Field{Name: form.NameField, Type: "text",
			Label: form.Words{"fr": "Comment vous appeler ?", "en": "What may we call you?"},
			Why:   form.Words{"fr": "Pour vous saluer par votre nom.", "en": "To greet you by your name."}})
		if err := form.Edit(tx, f.Form.ID, f.Form.Version, f.Form.Name, d); err != nil {
			return err
		}
		if f.Form, err = form.Find(tx, f.Form.ID); err != nil {
			return err
		}
		if _, err = form.Publish(ctx, tx, f.Form.ID, f.Form.Version); err != nil {
			return err
		}
		f.Form, err = form.Find(tx, f.Form.ID)
		return err
	})
}

// signUps lets people find the form over some months.
func (f *fill) signUps(ctx context.Context) (err error) {
	if f.live, err = f.Forms.At(ctx, f.Form.Slug); err != nil {
		return err
	}
	for _, p := range confirmed() {
		f.Forward(17 * 24 * time.Hour)
		if err := f.signUp(ctx, p, form.Confirm); err != nil {
			return fmt.Errorf("%s: %w", p.Email, err)
		}
	}
	return nil
}

// signUp posts the form as a person does, and answers the mail that follows.
func (f *fill) signUp(ctx context.Context, p Person, answer func(*store.Tx, int64, consent.Origin) (form.Stage, error)) error {
	who := f.visitor(p.Language)
	v := url.Values{"email": {p.Email}, "a.name": {p.Name}}
	for _, l := range []int64{f.News, f.Club} {
		v.Add("list", strconv.FormatInt(l, 10))
	}
	s, err := form.Read(f.live, p.Language, v)
	if err != nil {
		return err
	}
	s.Page, s.Method, s.Origin = f.Form.Path(), "hosted", origin(who)
	var out form.Outcome
	err = f.Main.Write(ctx, who, func(tx *store.Tx) (err error) {
		out, err = form.Submit(tx, s)
		return err
	})
	if err != nil {
		return err
	}
	f.Forward(40 * time.Second)
	if err := f.Settle(ctx); err != nil || answer == nil {
		return err
	}
	f.Forward(6 * time.Minute)
	err = f.Main.Write(ctx, who, func(tx *store.Tx) error {
		_, err := answer(tx, out.Signup, origin(who))
		return err
	})
	if err != nil {
		return err
	}
	f.Forward(time.Minute)
	return f.Settle(ctx)
}

// changes are what people decided later.
func (f *fill) changes(ctx context.Context) error {
	f.Forward(60 * 24 * time.Hour)
	leave := func(p Person, l consent.Leaving) error {
		f.Forward(31 * time.Hour)
		who := f.visitor(p.Language)
		return f.Main.Write(ctx, who, func(tx *store.Tx) error {
			c, found, err := contact.Find(tx, p.Address())
			if err != nil || !found {
				return errors.Join(err, fmt.Errorf("%s is not here", p.Email))
			}
			l.Contact, l.Language, l.Origin = c.ID, p.Language, origin(who)
			_, err = consent.Leave(tx, l)
			return err
		})
	}
	if err := leave(Chloe, consent.Leaving{Scope: consent.Scope{Reach: consent.OneList, ID: f.News}, Kind: consent.Withdraw, Source: "preferences", Method: "page"}); err != nil {
		return err
	}
	if err := leave(Ingrid, consent.Leaving{Scope: consent.Scope{Reach: consent.All}, Kind: consent.Object, Source: "preferences", Method: "page"}); err != nil {
		return err
	}
	return f.act(ctx, func(tx *store.Tx) error {
		c, found, err := contact.Find(tx, Yusuf.Address())
		if err != nil || !found {
			return errors.Join(err, errors.New("the demo lacks Yusuf"))
		}
		return contact.Restrict(tx, c.ID, "asked")
	})
}

// lately is what happened these days: somebody typed Sofia's address, a notebook turned up, and
// Nadia asked and has not confirmed. Who said no, or nothing, a month ago is here no more.
func (f *fill) lately(ctx context.Context) error {
	f.Forward(legalclock.System().Sub(f.now()) - 9*24*time.Hour)
	if err := f.signUp(ctx, Sofia, form.NotMe); err != nil {
		return err
	}
	f.Forward(legalclock.System().Sub(f.now()) - 6*24*time.Hour)
	if err := f.bring(ctx, importer.Order{Name: "carnet.csv", Kind: importer.Unknown, Open: text("Email;Prénom;Nom\n" + row(Hugo, ";"))}); err != nil {
		return err
	}
	f.Forward(5*24*time.Hour + 20*time.Hour)
	return f.signUp(ctx, Nadia, nil)
}

func (f *fill) now() time.Time { return f.Main.Clock()() }
