// SPDX-License-Identifier: AGPL-3.0-or-later

package consent_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	. "consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/testhouse"
)

// BenchmarkImport is Ensure and Apply of rows nobody knew, as an import does: one iteration is one row.
func BenchmarkImport(b *testing.B) {
	for _, size := range []int{2000, 4000} {
		b.Run(fmt.Sprintf("sqlite/%d", size), func(b *testing.B) { imports(b, testhouse.SQLite(b), size) })
		if os.Getenv("CONSEND_TEST_POSTGRES") != "" {
			b.Run(fmt.Sprintf("postgres/%d", size), func(b *testing.B) { imports(b, testhouse.Postgres(b), size) })
		}
	}
}

func imports(b *testing.B, h *testhouse.House, size int) {
	w := settle(b, h)
	rnd := rand.New(rand.NewPCG(1, 2))
	done := 0
	b.ReportAllocs()
	b.ResetTimer()
	cpu := processor()
	for done < b.N {
		n := min(size, b.N-done)
		news := make([]contact.New, n)
		for i := range news {
			news[i] = contact.New{Email: address.Must(fmt.Sprintf("%x.%d@example.org", rnd.Uint32(), done+i)), Source: "import", Language: "fr"}
		}
		must(b, h.Main.Bulk(context.Background(), w.member, func(tx *store.Tx) (bool, error) {
			entry := tx.ID()
			for i := range news {
				news[i].Entry, news[i].EntryIndex = entry, i
			}
			rows, err := contact.Ensure(tx, news)
			if err != nil {
				return false, err
			}
			events := make([]Event, n)
			for i, r := range rows {
				events[i] = Event{Contact: r.ID, List: w.news, Kind: Give, Basis: ByConsent, Grade: GradeB, Row: r, Entry: entry, Import: 7,
					ImportRow: int64(done + i), OccurredAt: tx.Now - legalclock.Moment(1000*i), Source: "import", Method: "csv"}
			}
			_, err = Apply(tx, events)
			return false, err
		}))
		done += n
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric((processor()-cpu)*1e6/float64(b.N), "cpu-µs/row")
}

// processor is the time of all cores that this process used, in seconds: on a busy machine it tells more than the clock.
func processor() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
