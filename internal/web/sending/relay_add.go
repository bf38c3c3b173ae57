// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"consend/internal/chain/processor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
	"consend/internal/team/account"
	"consend/internal/web/shell"
)

// The two entries beside those of the catalogue.
const (
	ownServer = "own"
	another   = "other"
)

func reply(code int, enhanced string) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + enhanced)
}

func (p *RelayPages) choose(r *shell.Request) error {
	return r.Render(http.StatusOK, choosePage(r))
}

// entry finds what is to be added: an entry of the catalogue, our own server, or another provider.
func entryOf(r *shell.Request) (processor.Entry, error) {
	id := r.Path("entry")
	if id == ownServer || id == another {
		return processor.Entry{ID: id}, nil
	}
	e, ok := processor.InCatalogue(id)
	if !ok {
		return e, fault.New(fault.NotFound, "shell.not_found")
	}
	return e, nil
}

func (p *RelayPages) add(r *shell.Request) error {
	e, err := entryOf(r)
	if err != nil {
		return err
	}
	f := shell.NewForm("name", e.Name, "company", e.Company, "addr", e.Addr, "tls", string(relay.StartTLS), "country", e.Country,
		"dpa", string(e.Contract), "dpa_url", e.DPA, "mechanism", string(e.Mechanism))
	if e.Implicit {
		f.Values.Set("tls", string(relay.Implicit))
	}
	return r.Render(http.StatusOK, addPage(r, e, f))
}

func (p *RelayPages) addPost(r *shell.Request) error {
	e, err := entryOf(r)
	if err != nil {
		return err
	}
	f, err := r.Form(32 << 10)
	if err != nil {
		return err
	}
	carrier, name := carrierFrom(r, e, f)
	n := relay.New{Name: name, Addr: f.Get("addr"), TLS: relay.TLS(f.Get("tls")), Login: f.Get("login"), Password: f.Raw("password")}
	if e.ID != ownServer && !f.Checked("checked") {
		f.Fail("checked", "web_sending.add.check_first")
	}
	if f.OK() {
		err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return addBoth(tx, e, carrier, n) })
	}
	if f.Take(err) || !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, addPage(r, e, f))
	}
	if err != nil {
		return err
	}
	p.Service.Wake()
	return r.Redirect(http.StatusSeeOther, "/settings/sending", "web_sending.add.done")
}

// addBoth writes the carrier and the service down, or neither; the faults of both are shown at once.
func addBoth(tx *store.Tx, e processor.Entry, carrier processor.New, n relay.New) error {
	var p processor.Record
	var err error
	if carrier.Kind == processor.Own && carrier.Place == processor.Premises {
		p, err = processor.OurServer(tx, carrier.Name)
	} else {
		p, err = processor.Add(tx, carrier)
	}
	wrong := n.Check()
	if err != nil || wrong != nil {
		return both(err, wrong)
	}
	n.Processor = p.ID
	if _, err = relay.Add(tx, n); err != nil {
		return err
	}
	message.Release(tx)
	return nil
}

// both joins the faults of two checks of one page.
func both(a, b error) error {
	var m fault.Many
	for _, err := range []error{a, b} {
		for _, f := range fault.All(err) {
			if f.Kind == fault.Internal {
				return errors.Join(a, b)
			}
			m = append(m, f)
		}
	}
	return m.Err()
}

// carrierFrom reads who is behind the service. From the catalogue come company, country,
// agreement and mechanism; the person confirms them, and says since when they agreed.
func carrierFrom(r *shell.Request, e processor.Entry, f *shell.Form) (processor.New, string) {
	name := f.Get("name")
	if e.Name != "" {
		name = e.Name
	}
	from, hasFrom := f.Date("dpa_from")
	until, hasUntil := f.Date("dpa_until")
	if f.Get("dpa_from") != "" && !hasFrom {
		f.Fail("dpa_from", "web_sending.bad_date")
	}
	if f.Get("dpa_until") != "" && !hasUntil {
		f.Fail("dpa_until", "web_sending.bad_date")
	}
	switch e.ID {
	case ownServer:
		n := processor.New{Kind: processor.Own, Name: name, Place: processor.Premises}
		if f.Get("place") == string(processor.Hoster) {
			n.Place, n.Name, n.Country = processor.Hoster, f.Get("company"), f.Get("country")
			n.DPA = processor.DPA{Status: processor.IncorporatedByTerms, From: from, Until: until}
			n.Transfer = processor.Transfer{Mechanism: processor.Mechanism(f.Get("mechanism")), From: from, Checked: r.Now()}
		} else if f.Get("place") != string(processor.Premises) {
			f.Fail("place", "web_sending.add.place")
		}
		return n, name
	case another:
		return processor.New{Kind: processor.Provider, Name: f.Get("company"), Country: f.Get("country"),
			DPA:      processor.DPA{Status: processor.Contract(f.Get("dpa")), From: from, Until: until, URL: f.Get("dpa_url")},
			Transfer: processor.Transfer{Mechanism: processor.Mechanism(f.Get("mechanism")), Checked: r.Now()}}, name
	}
	return processor.New{Kind: processor.Provider, Name: e.Company, Country: e.Country, Catalogue: e.ID + " " + processor.CatalogueDate,
		DPA:      processor.DPA{Status: e.Contract, From: from, Until: until, URL: e.DPA},
		Transfer: processor.Transfer{Mechanism: e.Mechanism, Checked: r.Now()}}, name
}

func countryChoices(r *shell.Request) []shell.Choice {
	var out []shell.Choice
	for _, c := range account.Countries(r.P.Lang) {
		out = append(out, shell.Choice{Value: c.Code, Label: c.Name})
	}
	return out
}

func tlsChoices(r *shell.Request) []shell.Choice {
	return []shell.Choice{
		{Value: string(relay.StartTLS), Label: r.P.T("web_sending.tls.starttls"), Hint: r.P.T("web_sending.tls.starttls.hint")},
		{Value: string(relay.Implicit), Label: r.P.T("web_sending.tls.implicit"), Hint: r.P.T("web_sending.tls.implicit.hint")},
		{Value: string(relay.NoTLS), Label: r.P.T("web_sending.tls.none"), Hint: r.P.T("web_sending.tls.none.hint")},
	}
}

func contractChoices(r *shell.Request) []shell.Choice {
	var out []shell.Choice
	for _, c := range processor.Contracts() {
		out = append(out, shell.Choice{Value: string(c), Label: r.P.T("web_sending.dpa." + string(c)), Hint: r.P.Or("web_sending.dpa."+string(c)+".hint", "")})
	}
	return out
}

func mechanismChoices(r *shell.Request) []shell.Choice {
	out := []shell.Choice{{Value: "", Label: r.P.T("web_sending.mechanism.none")}}
	for _, m := range processor.Mechanisms() {
		out = append(out, shell.Choice{Value: string(m), Label: r.P.T("web_sending.mechanism." + string(m))})
	}
	return out
}
