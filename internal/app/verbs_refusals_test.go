// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/importer/sheet"
)

// refusalFiles are the acts of a file of people who must not be written to, and of a person whom one
// of its hashes names.
func (r *run) refusalFiles(do verb, own, steps ownVerb) {
	file := "email,date\n"
	for _, a := range []string{"quisquam@exemple.example", "tertia-refused@exemple.example"} {
		file += fmt.Sprintf("%x,2024-01-02\n", sha256.Sum256([]byte(a)))
	}
	own("bring refusals", func(ctx context.Context, who actor.Actor) error {
		id, err := importer.ReceiveRefusals(ctx, r.Main, who, "no.csv", strings.NewReader(file+"nemo@exemple.example,\n"))
		return r.keep("refusals", id, err)
	})
	on := func(f func(tx *store.Tx, i importer.Import) error) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			return r.imported(tx, "refusals", func(i importer.Import) error { return f(tx, i) })
		}
	}
	own("check refusals", func(ctx context.Context, who actor.Actor) error {
		var s sheet.Survey
		var i importer.Import
		err := r.Main.View(ctx, who, func(v *store.View) (err error) { i, err = importer.Get(v, r.n["refusals"]); return err })
		if err == nil {
			s, err = importer.Resurvey(ctx, r.Main, who, i, i.Format)
		}
		if err != nil {
			return err
		}
		return r.Main.Write(ctx, who, on(func(tx *store.Tx, i importer.Import) error { return importer.Check(tx, i.ID, i.Version, s) }))
	})
	do("map refusals", on(func(tx *store.Tx, i importer.Import) error { return importer.Map(tx, i.ID, i.Version, i.Mapping) }))
	do("limit refusals", on(func(tx *store.Tx, i importer.Import) error {
		return importer.Limit(tx, i.ID, i.Version, importer.Refusals{Cause: consent.Objected, Reach: consent.All})
	}))
	do("begin refusals", func(tx *store.Tx) error { return importer.Begin(tx, r.n["refusals"], false) })
	steps("write refusals", func(ctx context.Context, _ actor.Actor) error {
		return importer.Work(ctx, &job.Run{DB: r.Main, Ref: r.n["refusals"], Who: actor.Worker("importer.run", r.Account)})
	})
	do("make whom a hash names", func(tx *store.Tx) error {
		_, err := contact.Ensure(tx, []contact.New{{Email: address.Must("tertia-refused@exemple.example"), Source: "member"}})
		return err
	})
}
