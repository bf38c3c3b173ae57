// SPDX-License-Identifier: AGPL-3.0-or-later

package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/sending/campaign"
	"consend/internal/sending/sender"
	"consend/internal/sending/template"
)

// letters are the campaigns of the house, oldest first; the last is a draft.
var letters = []struct{ name, subject, preheader, body string }{
	{"Semis de printemps", "Les semis de printemps sont arrivés", "Et une idée pour le balcon",
		"# Bonjour {{ contact.NAME|default:\"à vous\" }}\n\nLes graines de **basilic**, de **bourrache** et de **cerfeuil** sont en rayon. Semez le cerfeuil dès maintenant, à mi-ombre ; le basilic attend mai.\n\n- basilic grand vert\n- bourrache officinale\n- cerfeuil commun\n\nÀ bientôt à la boutique,\n\nCamille\n"},
	{"Sirops d’été", "Trois sirops à faire cet été", "Verveine, sureau, thym-citron",
		"# Bonjour {{ contact.NAME|default:\"à vous\" }}\n\nIl suffit d’eau, de sucre et d’une brassée de feuilles. Notre préféré cette année : **verveine et citron vert**.\n\nCamille\n"},
	{"Ateliers d’hiver", "Les ateliers d’hiver", "Baumes, bougies, tisanes",
		"# Bonjour {{ contact.NAME|default:\"à vous\" }}\n\nTrois samedis, dix places chacun. Le programme suit dès que les dates sont fixées.\n\nCamille\n"},
}

// campaigns sends two letters, and leaves a draft.
func (f *fill) campaigns(ctx context.Context) error {
	var from int64
	err := f.act(ctx, func(tx *store.Tx) (err error) {
		from, err = sender.Ensure(tx, sender.New{Name: HouseName, Email: address.Must(OwnerEmail)})
		return err
	})
	if err != nil {
		return err
	}
	for i, l := range letters {
		var id int64
		err := f.act(ctx, func(tx *store.Tx) (err error) {
			id, err = campaign.Make(tx, campaign.Words{Name: l.name, Subject: l.subject, Preheader: l.preheader, Kind: template.Markdown, Body: l.body, Language: "fr", Colour: "#4d7c0f"}, from)
			if err != nil {
				return err
			}
			c, err := campaign.Get(tx, id)
			if err != nil {
				return err
			}
			return campaign.SetLists(tx, id, c.Version, []int64{f.News}, nil)
		})
		if err != nil {
			return fmt.Errorf("campaign %q: %w", l.name, err)
		}
		if i == len(letters)-1 {
			return nil // the draft
		}
		err = f.act(ctx, func(tx *store.Tx) error {
			c, err := campaign.Get(tx, id)
			if err != nil {
				return err
			}
			a, err := campaign.AudienceOf(tx, id)
			if err != nil {
				return err
			}
			return campaign.Approve(tx, id, c.Version, a.People, campaign.UndoWindow)
		})
		if err != nil {
			return fmt.Errorf("campaign %q: %w", l.name, err)
		}
		f.Forward(2 * campaign.UndoWindow)
		for range 3 {
			if err := f.Settle(ctx); err != nil {
				return err
			}
			f.Forward(time.Minute)
		}
		if i == 0 {
			if err := f.afterwards(ctx); err != nil {
				return err
			}
		}
		f.Forward(90 * 24 * time.Hour)
	}
	return nil
}

// afterwards is what follows from the first campaign: Tom leaves by the button in his mail
// program, and Paul's mailbox has gone.
func (f *fill) afterwards(ctx context.Context) error {
	f.Forward(5 * time.Hour)
	who := f.visitor(Tom.Language)
	err := f.Main.Write(ctx, who, func(tx *store.Tx) error {
		c, found, err := contact.Find(tx, Tom.Address())
		if err != nil || !found {
			return errors.Join(err, errors.New("the demo lacks Tom"))
		}
		_, err = consent.Leave(tx, consent.Leaving{Contact: c.ID, Scope: consent.Scope{Reach: consent.OneList, ID: f.News}, Kind: consent.Withdraw,
			Source: "mail", Method: "one_click", Language: Tom.Language, Origin: origin(who)})
		return err
	})
	if err != nil {
		return err
	}
	return f.act(ctx, func(tx *store.Tx) error {
		c, found, err := contact.Find(tx, Paul.Address())
		if err != nil || !found {
			return errors.Join(err, errors.New("the demo lacks Paul"))
		}
		return consent.Suppress(tx, c.ID, consent.HardBounce, consent.Scope{Reach: consent.All})
	})
}
