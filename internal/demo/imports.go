// SPDX-License-Identifier: AGPL-3.0-or-later

package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"consend/internal/people/consent"
	"consend/internal/people/importer"
)

func text(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(s))), nil }
}

// imports brings people in who said yes elsewhere: with a proof each, with one for the group,
// and on the owner's word.
func (f *fill) imports(ctx context.Context) error {
	year := f.now().AddDate(-1, 0, 0)
	for _, o := range []importer.Order{
		{Name: "export-ancien-outil.csv", Kind: importer.Tool, Where: "Mailchimp", Open: text(
			"Email Address,First Name,Last Name,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,SOURCE\n" +
				row(Amelie, ",", year.Format(time.DateTime), "203.0.113.7", year.Add(time.Hour).Format(time.DateTime), "203.0.113.7", "https://www.maison-thym.example/lettre"))},
		{Name: "marché-de-printemps.csv", Kind: importer.Paper, Where: "Marché de la Croix-Rousse", EvidenceName: "feuille-du-marché.txt",
			Evidence: text("Feuille d’inscription du marché, recopiée :\n« Oui, je veux recevoir la lettre d’information de Maison Thym par e-mail. »\nMehmet Yılmaz\n"),
			Open:     text("Email;Prénom;Nom\n" + row(Mehmet, ";"))},
		{Name: "ancien-site.csv", Kind: importer.Site, Where: "https://www.maison-thym.example", Open: text("Email;Prénom;Nom\n" + row(Greta, ";"))},
	} {
		f.Forward(50 * time.Hour)
		if err := f.bring(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (f *fill) bring(ctx context.Context, o importer.Order) error {
	day := func(ago time.Duration) string { return f.now().Add(-ago).Format(time.DateOnly) }
	o.List, o.Purpose, o.Basis = f.list, f.purpose, consent.ByConsent
	o.From, o.To = day(400*24*time.Hour), day(30*24*time.Hour)
	if o.Kind == importer.Unknown {
		o.To = day(0) // its month has just begun
	}
	o.DeclaredBy = f.Member
	o.Options.Existing = importer.Fill
	if _, err := importer.Run(ctx, f.Main, f.owner, o, func(int64, int64) error { return nil }); err != nil {
		return fmt.Errorf("%s: %w", o.Name, err)
	}
	return nil
}

// row is a person's line of a file.
func row(p Person, sep string, more ...string) string {
	first, last, _ := strings.Cut(p.Name, " ")
	return strings.Join(append([]string{p.Email, first, last}, more...), sep) + "\n"
}
