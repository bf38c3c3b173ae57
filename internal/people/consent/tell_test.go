// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"consend/internal/ground/pii"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/trace/proof"
)

// What a member of a set act tells without maps is what its fields say in canonical form,
// whichever of them differ and wherever the person's number falls among them.
func TestAMemberTellsItsFieldsInCanonicalForm(t *testing.T) {
	r := &Record{Kind: Give, ListID: 7, PurposeID: 8, State: Given, Basis: ByConsent, Grade: GradeB, Seq: 3, OccurredAt: 1_700_000_000_000_001, RecordedAt: 1_700_000_000_000_002,
		Method: "csv\nof \\ them", Source: "Évry", ImportID: 9, NoteVersionID: 10, TextSHA256: []byte("abc"), Language: "fr", ActorKind: "member", Verdict: Recorded,
		Lacks: "undeclared", Page: "https://example.org/é", BasisRef: "sale 1"}
	a := address.Must("Ada@example.org")
	o := Origin{Agent: pii.T("Browser"), Source: "import"}
	sorted := slices.SortedFunc(slices.Values(columns), func(a, b column) int { return strings.Compare(a.name, b.name) })
	for skip := range len(sorted) + 1 {
		for _, name := range []string{"", "contact", "a", "zz"} {
			differ := slices.Clone(sorted)
			if skip < len(sorted) {
				differ = slices.Delete(differ, skip, skip+1)
			}
			fields := proof.Fields{}
			for _, c := range differ {
				if v := c.text(r); v != "" {
					fields[c.name] = v
				}
			}
			if name != "" {
				fields[name] = "12"
			}
			want, err := proof.Canonical(fields)
			if err != nil {
				t.Fatal(err)
			}
			x := &told{r, &contact.Row{Email: a}, &o, differ}
			if got := string(x.AppendClear(nil, name, "12")); got != want {
				t.Errorf("without %d, with %q:\n%s\nwant\n%s", skip, name, got, want)
			}
			last, got := "", proof.Fields{}
			x.EachPrivate(func(n, v string) {
				if n <= last {
					t.Errorf("%s comes after %s", n, last)
				}
				last, got[n] = n, v
			})
			if !maps.Equal(got, r.private(a, o)) || len(got) != 4 {
				t.Errorf("%v", got)
			}
		}
	}
}
