// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"consend/internal/ground/locale"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/team/account"
)

// Furnish leaves a new account with drafts of everything, made from the answers of the
// set-up page: purpose, list, privacy note, and a form that passes the linter. Nothing of it
// can be found before somebody publishes the form.
func (h *House) Furnish(tx *store.Tx) error {
	a, err := account.Get(tx)
	if err != nil {
		return err
	}
	say := func(key string) map[string]string {
		w := map[string]string{}
		for _, l := range locale.Languages() {
			w[l] = locale.For(l, nil).T(key)
		}
		return w
	}
	own := locale.For(a.Language, nil)
	name := own.T("app.furnish.newsletter")
	purpose, err := list.MakePurpose(tx, list.NewPurpose{Name: name, Public: say("app.furnish.newsletter")})
	if err != nil {
		return err
	}
	id, err := list.Make(tx, list.New{Name: name, Purpose: purpose, Kind: list.Mail, Public: say("app.furnish.newsletter")})
	if err != nil {
		return err
	}
	if _, err := list.EnsureMeasuring(tx, a.Language); err != nil {
		return err
	}
	rules, err := rulepack.For(tx)
	if err != nil {
		return err
	}
	note, err := notice.Make(tx, own.T("app.furnish.note"), notice.Begin(notice.Answers{
		Name: a.Name, Postal: a.Postal, Country: a.Country, Language: a.Language,
		DataName: a.DataName.Raw(), DataEmail: a.DataEmail.Raw(), // disclosed: the note names who answers data questions (GDPR 13(1)(b))
		Purposes: []notice.Words{say("app.furnish.newsletter")}, Sending: string(a.Sending),
	}, rules))
	if err != nil {
		return err
	}
	// The answers make a whole note; published, it lets the form pass the linter. It is linked
	// from nowhere until somebody publishes the form.
	if n, err := notice.Find(tx, note); err != nil {
		return err
	} else if len(notice.Gaps(n.Draft)) == 0 {
		if _, err := notice.Publish(tx, note, n.Version); err != nil {
			return err
		}
	}
	l, err := list.Get(tx, id)
	if err != nil {
		return err
	}
	_, err = form.Make(tx, own.T("app.furnish.form"), form.Begin(l, a.Language, note, a.Colour))
	return err
}
