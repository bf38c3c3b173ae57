// SPDX-License-Identifier: AGPL-3.0-or-later

package report_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"consend/internal/ground/locale"
	"consend/internal/sending/campaign"
	"consend/internal/sending/report"
)

func TestNoCellOfTheExportBeginsAFormula(t *testing.T) {
	var b strings.Builder
	p := locale.For("fr", nil)
	rows := []report.Row{
		{Recipient: campaign.Recipient{ContactID: 7, State: campaign.Accepted, Basis: "consent", Grade: "B", Code: 250, Enhanced: "2.0.0"}, Email: `=HYPERLINK("x")@example.org`},
		{Recipient: campaign.Recipient{ContactID: 8, State: campaign.Out, Reason: "withdrawn"}, Email: "+1@example.org"},
		{Recipient: campaign.Recipient{ContactID: 9, State: campaign.Failed, Reason: "-x"}, Email: "@a,\"b\"\n"},
	}
	if err := report.WriteHead(&b, p); err != nil {
		t.Fatal(err)
	}
	if err := report.Write(&b, p, rows); err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff"))).ReadAll()
	if err != nil || len(got) != 4 {
		t.Fatalf("%d lines, %v", len(got), err)
	}
	for _, line := range got {
		for _, c := range line {
			if c != "" && strings.IndexByte("=+-@\t\r", c[0]) >= 0 {
				t.Errorf("%q begins a formula", c)
			}
		}
	}
	if got[1][0] != "7" || got[1][2] != "Pris par le service d’envoi" || got[1][8] != "250 2.0.0" {
		t.Errorf("%q", got[1])
	}
}
