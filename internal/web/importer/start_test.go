// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/testhouse"
)

// What changed between the summary and the start is told on the page where start was pressed, with the way to the step
// where it can be changed; and what a file can't bring is told at its column.
func TestAStartThatCannotBeLeadsToTheStepThatIsMeant(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := settle(t, h, "en")
		_, to := d.send("/import/new", "file", "x.csv", "email,town,hat\nada@example.org,Lyon,red\n", nil, 303)
		id := d.id(to)
		at := func(s string) string { return fmt.Sprintf("/import/%d%s", id, s) }
		d.post(at("/check"), filled(d.get(at("/check"))), 303)
		d.post(at("/map"), filled(d.get(at("/map"))), 303)
		d.send(at("/origin"), "", "", "", with(filled(d.get(at("/origin?kind=site"))), "where.site", "shop", "from", "2024-01-01", "to", "2024-01-02"), 303)
		d.post(at("/options"), with(filled(d.get(at("/options"))), "list", fmt.Sprint(d.list), "declare", "1"), 303)
		write := func(f func(tx *store.Tx) error) {
			t.Helper()
			must(t, h.Main.Write(context.Background(), d.who, f))
		}
		write(func(tx *store.Tx) error { return list.Retire(tx, d.list) })
		body, _ := d.post(at("/start"), url.Values{}, 422)
		if !strings.Contains(body, "Choose a list.") || !strings.Contains(body, `<a href="`+at("/options")+`"`) {
			t.Error("a list that was retired: no word, or no way back")
		}
		write(func(tx *store.Tx) error { return list.Restore(tx, d.list) })
		write(func(tx *store.Tx) error {
			many := make([]contact.Attribute, contact.MaxAttributes-1)
			for k := range many {
				many[k] = contact.Attribute{Name: fmt.Sprintf("OTHER%d", k), Type: contact.TypeText}
			}
			_, err := contact.EnsureAttributes(tx, many)
			return err
		})
		body, _ = d.post(at("/start"), url.Values{}, 422)
		if !strings.Contains(body, "at most 200 attributes") || !strings.Contains(body, `<a href="`+at("/map")+`"`) {
			t.Error("attributes beyond the limit: no word, or no way back")
		}
		body, _ = d.post(at("/map"), filled(d.get(at("/map"))), 422)
		if !strings.Contains(body, "199 attributes, and this file would add 2") || !strings.Contains(body, "f-column-2-error") {
			t.Errorf("the step does not say for which column there is no room: %s", regexp.MustCompile(`(?s)id="errors".*?</div>`).FindString(body))
		}
		m := with(filled(d.get(at("/map"))), "column.2", "")
		d.post(at("/map"), m, 303)
		d.post(at("/options"), with(filled(d.get(at("/options"))), "list", fmt.Sprint(d.list), "declare", "1"), 303)
		d.post(at("/start"), url.Values{}, 303)
	})
}

// What is passed over above the headings is said.
func TestRowsAboveTheHeadingsAreSaidToBePassedOver(t *testing.T) {
	d := settle(t, testhouse.SQLite(t), "fr")
	for file, want := range map[string]string{
		"Export du 12/03/2024;\nNom;E-mail\nAda;ada@example.org\n":           "Une ligne se trouve au-dessus des titres",
		"Export du 12/03/2024;\nClients;\nNom;E-mail\nAda;ada@example.org\n": "2 lignes se trouvent au-dessus des titres",
		"Nom;E-mail\nAda;ada@example.org\n":                                  "",
	} {
		_, to := d.send("/import/new", "file", "x.csv", file, nil, 303)
		page := d.get(to)
		if want == "" && strings.Contains(page, "au-dessus des titres") || !strings.Contains(page, want) {
			t.Errorf("%q: want %q", file, want)
		}
	}
}
