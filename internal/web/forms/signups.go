// SPDX-License-Identifier: AGPL-3.0-or-later

package forms

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"strings"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/move"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// tableMax is how many sign-ups one table may hold: more are taken a time at a time.
var tableMax = 50_000

// which reads what was chosen on the page of sign-ups: days are the account's.
func which(r *shell.Request, l shell.List) (form.Which, error) {
	w := form.Which{State: l.Filter("state"), Language: l.Filter("language")}
	day := func(name string, plus int) (legalclock.Moment, error) {
		s := strings.TrimSpace(l.Filter(name))
		if s == "" {
			return 0, nil
		}
		t, err := time.ParseInLocation(time.DateOnly, s, r.Zone)
		if err != nil || t.Year() < 1970 || t.Year() > 9999 {
			return 0, fault.New(fault.Invalid, "forms.signup.range").At(name)
		}
		return legalclock.MomentOf(t.AddDate(0, 0, plus)), nil
	}
	var err error
	if w.From, err = day("from", 0); err != nil {
		return w, err
	}
	w.To, err = day("to", 1)
	return w, err
}

// signupsFile asks how the page's sign-ups are to leave, as a table for a spreadsheet.
func (p *Pages) signupsFile(r *shell.Request) error {
	f, err := p.one(r)
	if err != nil {
		return err
	}
	if _, err := which(r, r.List(signupFilters())); err != nil {
		return err
	}
	return r.Render(http.StatusOK, signupsFilePage(r, f, shell.NewForm()))
}

// signupsFilePost gives them. Who takes it has looked at everybody in it: that is traced before a byte leaves.
func (p *Pages) signupsFilePost(r *shell.Request) error {
	f, err := p.one(r)
	if err != nil {
		return err
	}
	l := r.List(signupFilters())
	w, err := which(r, l)
	if err != nil {
		return err
	}
	asked, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	e := asked.Envelope()
	if !asked.OK() {
		return r.Render(http.StatusUnprocessableEntity, signupsFilePage(r, f, asked))
	}
	numbers, called := map[int64]int64{}, map[int64]string{}
	var b bytes.Buffer
	b.WriteString("\ufeff") // else spreadsheets read UTF-8 as something older
	out := csv.NewWriter(&b)
	out.UseCRLF = true // RFC 4180
	if err := out.Write([]string{"signup", "address", "state", "asked_at", "answered_at", "version", "language", "hasty", "lists"}); err != nil {
		return err
	}
	var shown []int64
	for last, n := int64(0), 0; n < tableMax; {
		var rows []form.Signup
		people := map[int64]contact.Contact{}
		var moved map[int64]legalclock.Moment
		err := p.view(r, func(v *store.View) (err error) { // short snapshots, one a page
			if len(numbers) == 0 {
				all, err := form.Versions(v, f.ID)
				for _, x := range all {
					numbers[x.ID] = x.Number
				}
				if err != nil {
					return err
				}
				if called, err = listNames(v); err != nil {
					return err
				}
			}
			if rows, err = form.Signups(v, f.ID, last, w, min(500, tableMax-n)); err != nil {
				return err
			}
			ids := make([]int64, 0, len(rows))
			for _, s := range rows {
				ids = append(ids, s.ContactID)
			}
			some, err := contact.Some(v, ids)
			for _, c := range some {
				people[c.ID] = c
			}
			if err != nil {
				return err
			}
			moved, err = move.Last(v, ids)
			return err
		})
		if err != nil {
			return err
		}
		for _, s := range rows {
			last, n = s.ID, n+1
			address := ""
			if c, ok := people[s.ContactID]; ok {
				address = askedAs(r, s, c, moved) // disclosed on purpose: the look is traced
				shown = append(shown, c.ID)
			}
			ended := ""
			if s.EndedAt != 0 {
				ended = s.EndedAt.Time().Format(time.RFC3339)
			}
			row := []string{dec(s.ID), address, s.State, s.RequestedAt.Time().Format(time.RFC3339), ended, dec(numbers[s.VersionID]), s.Language, dec(s.Hasty), strings.Join(askedFor(s, called), "; ")}
			for i := range row {
				row[i] = locale.Cell(row[i])
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
		if len(rows) < 500 {
			break
		}
	}
	out.Flush()
	for rest := shown; ; rest = rest[min(1000, len(rest)):] {
		part := rest[:min(1000, len(rest))]
		if err := trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: "form.csv", ObjectID: f.ID, Contacts: part, Filter: r.R.URL.RawQuery, Closed: string(e.How)}); err != nil {
			return err
		}
		if len(rest) <= 1000 {
			break
		}
	}
	closed := e.Reader(&b)
	defer closed.Close()
	return r.Download(e.Name(f.Slug+".csv"), e.Type("text/csv; charset=utf-8"), closed)
}

// askedAs is the address that asked: one that has changed since isn't the one we know.
func askedAs(r *shell.Request, s form.Signup, c contact.Contact, moved map[int64]legalclock.Moment) string {
	if s.RequestedAt <= moved[c.ID] {
		return r.P.T("forms.signup.before")
	}
	return c.Email.Raw()
}

func signupFilters() shell.ListSpec {
	return shell.ListSpec{Filters: []string{"state", "language", "from", "to"}, Size: 50}
}

// dayRows are the last days as a table, each with the share that confirmed.
func dayRows(r *shell.Request, days []form.Daily) [][]shell.Component {
	var out [][]shell.Component
	for _, d := range days {
		out = append(out, []shell.Component{shell.Str(d.Day.String()), shell.Num(d.All()), shell.Num(d.Confirmed), shell.Str(share(r, d.Tally))})
	}
	return out
}

// tooMany tells whether more sign-ups may stand on the page than one table holds.
func tooMany(t form.Tally) bool { return t.All() > int64(tableMax) }
