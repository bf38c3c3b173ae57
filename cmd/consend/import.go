// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"consend/internal/app"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/importer"
	"consend/internal/team/member"
)

type importing struct {
	Account    int64  `required:"" help:"The account's number." placeholder:"ID"`
	List       string `required:"" help:"The list's name; it is made if it is missing."`
	Source     string `required:"" help:"Where the people come from: site, paper, customer, member, business, tool, acquired, unknown." placeholder:"KIND"`
	Basis      string `required:"" help:"Why the account may write to them: consent, soft_opt_in, b2b, contract …" placeholder:"B"`
	Purpose    string `required:"" help:"What the account writes for; it is made if it is missing." placeholder:"P"`
	Collected  string `required:"" help:"Between which days the addresses were collected." placeholder:"FROM..TO"`
	Evidence   string `help:"A file that documents the group: a photo of the sheet, a contract, an old form." placeholder:"FILE"`
	Note       string `help:"The version of the privacy note they were shown." placeholder:"VERSION"`
	DeclaredBy string `help:"The owner or admin whose word it is; the owner if it is left out." placeholder:"EMAIL"`
	Where      string `help:"The tool, form, page or event, in a few words."`
	Partner    string `help:"For bought people: who asked them for their consent, and named us."`
	Sale       string `help:"For customers: what they bought, in a few words; for members: the contract or membership."`
	Refuse     bool   `name:"could-refuse" help:"For customers: they could refuse mail when their address was taken, and in every mail since. Without it a soft opt-in waits."`
	Similar    bool   `help:"For customers: you will write about your own products like those they bought. Without it a soft opt-in waits."`
	Work       string `help:"For business contacts: why what you write concerns their work, in a sentence or two. Without it they wait."`
	Existing   string `help:"What happens to people who are here already: fill, replace or keep." enum:"fill,replace,keep" default:"fill"`
	JSON       bool   `name:"json" help:"Print the summary as JSON."`
	File       string `arg:"" help:"The file: CSV in any usual shape, .xlsx or JSON."`
}

func (c *importing) run(ctx context.Context, h *app.House, std app.Std) error {
	who, err := within(ctx, h, "import", c.Account)
	if err != nil {
		return err
	}
	o := importer.Order{Name: filepath.Base(c.File), Open: opens(std.Path(c.File)), List: c.List, Purpose: c.Purpose, Where: c.Where, Partner: c.Partner, Sale: c.Sale, CouldRefuse: c.Refuse, Similar: c.Similar, Work: c.Work,
		Note: c.Note, Options: importer.Options{Existing: importer.Existing(c.Existing)}}
	var wrong fault.Many
	var ok bool
	if o.Kind, ok = importer.Spoken(c.Source); !ok {
		var kinds []string
		for _, k := range importer.Kinds() {
			kinds = append(kinds, string(k))
		}
		wrong = append(wrong, fault.New(fault.Invalid, "app.import.source", "Source", c.Source, "Kinds", strings.Join(kinds, ", ")))
	}
	if o.Basis, ok = importer.SpokenBasis(c.Basis); !ok {
		wrong = append(wrong, fault.New(fault.Invalid, "app.import.basis", "Basis", c.Basis))
	}
	if o.From, o.To, ok = strings.Cut(c.Collected, ".."); !ok {
		wrong = append(wrong, fault.New(fault.Invalid, "app.import.collected", "Collected", c.Collected))
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	if c.Evidence != "" {
		o.Evidence, o.EvidenceName = opens(std.Path(c.Evidence)), filepath.Base(c.Evidence)
	}
	if o.DeclaredBy, err = c.word(ctx, h); err != nil {
		return err
	}
	p := locale.For(std.Language, nil)
	var s importer.Summary
	err = h.Working(ctx, func(ctx context.Context) (err error) {
		b := newBar(std, p.T("app.import.doing"))
		defer b.end()
		s, err = importer.Run(ctx, h.Main, who, o, func(done, total int64) error {
			b.at(done, total)
			return ctx.Err()
		})
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(std.Out).Encode(s)
	}
	fmt.Fprintln(std.Out, p.T("app.import.done", "Import", fmt.Sprint(s.Import), "Rows", s.Rows, "New", s.New, "Known", s.Known, "Refused", s.Refused, "Duplicates", s.Duplicates))
	fmt.Fprintln(std.Out, p.T("app.import.mailable", "Mailable", s.Mailable, "B", s.Grades["B"], "C", s.Grades["C"], "D", s.Grades["D"], "Waiting", s.Waiting))
	return nil
}

// word is the member whose word stands behind rows without other proof: the one named, else
// the account's first owner.
func (c *importing) word(ctx context.Context, h *app.House) (id int64, err error) {
	err = h.Main.View(ctx, operator("import").In(c.Account), func(v *store.View) error {
		if c.DeclaredBy != "" {
			a, err := address.Parse(c.DeclaredBy)
			if err != nil {
				return err
			}
			m, found, err := member.Find(v, a)
			if err != nil {
				return err
			}
			if !found || m.Role != member.Owner && m.Role != member.Admin {
				return fault.New(fault.Invalid, "app.import.word")
			}
			id = m.ID
			return nil
		}
		all, err := member.All(v)
		for _, m := range all {
			if m.Role == member.Owner && m.State != member.Left && id == 0 {
				id = m.ID
			}
		}
		return err
	})
	return id, err
}

// opens gives a file from its beginning, as often as it is asked.
func opens(path string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		var p *os.PathError
		if errors.As(err, &p) {
			return nil, fault.New(fault.Invalid, "app.file", "Path", path).Because(err)
		}
		return f, err
	}
}
