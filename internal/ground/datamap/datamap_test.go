// SPDX-License-Identifier: AGPL-3.0-or-later

package datamap_test

import (
	"strings"
	"testing"

	"consend/internal/ground/datamap"
)

func TestAnUnmappedColumnIsFoundInBothDirections(t *testing.T) {
	m := datamap.Map{{Store: datamap.Main, Name: "cat", Account: true, Columns: []datamap.Column{
		datamap.None("account_id", "the account"), datamap.None("gone", "was here"),
	}}}
	got := strings.Join(m.Check(datamap.Main, datamap.Live{"cat": {"account_id", "nickname"}, "dog": {"id"}}), "\n")
	for _, want := range []string{"main.cat.nickname is in the database but not mapped", "main.cat.gone is mapped but not in the database", "main.dog is in the database but not mapped"} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in\n%s", want, got)
		}
	}
}

func TestPersonalDataWithoutAnEndIsRefused(t *testing.T) {
	pd := datamap.PD{Category: "contact.email", Whose: datamap.Contacts, Purposes: []string{"mailing"}, Basis: "GDPR 6(1)(a)",
		Retention: "contact", Erasure: datamap.Delete, Export: datamap.Portable, ExportName: "email", Key: datamap.Clear}
	m := func(p datamap.PD) datamap.Map {
		return datamap.Map{{Store: datamap.Main, Name: "t", Columns: []datamap.Column{datamap.Personal("email", p)}}}
	}
	live := datamap.Live{"t": {"email"}}
	if got := m(pd).Check(datamap.Main, live); len(got) != 0 {
		t.Fatalf("a whole entry must pass: %v", got)
	}
	for what, spoil := range map[string]func(*datamap.PD){
		"retention rule":    func(p *datamap.PD) { p.Retention = "" },
		"purpose":           func(p *datamap.PD) { p.Purposes = nil },
		"reason":            func(p *datamap.PD) { p.Export = datamap.NoExport },
		"name in an export": func(p *datamap.PD) { p.ExportName = "" },
	} {
		p := pd
		spoil(&p)
		if got := strings.Join(m(p).Check(datamap.Main, live), "\n"); !strings.Contains(got, what) {
			t.Errorf("a missing %s must be told, got %q", what, got)
		}
	}
}
