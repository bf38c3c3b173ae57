// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"consend/internal/ground/actor"
	"consend/internal/ground/envelope"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// partPeople is how many people stand in one piece of a bundle: what is in memory at once.
const partPeople = 500

// MostDrawn is how many people a draw may hold.
const MostDrawn = partPeople

// Order is what a bundle is about.
type Order struct {
	proof.Asked
	Language string // of the words; "" is the account's
}

// part is one piece of a bundle: a zip with some people's proofs, and their pages and rows.
type part struct {
	zip  []byte
	last int64 // the last person looked at
	n    int64 // people in it
	size int64 // of the checkpoint it stands under
	gone []int64
}

// make writes the piece of these people. It ends before somebody whose last event waits to be
// sealed: the next piece, under a newer checkpoint, begins with them.
func (o Order) part(ctx context.Context, db *store.DB, who actor.Actor, ids []int64, number int) (out part, err error) {
	house, err := operator(ctx, db, who.Account)
	if err != nil {
		return out, err
	}
	err = trace.Prove(ctx, db, who, func(p *trace.Prover) error {
		a, err := account.Get(p)
		if err != nil {
			return err
		}
		log, err := p.Log()
		if err != nil {
			return err
		}
		lang := o.Language
		if !locale.Known(lang) {
			lang = a.Language
		}
		w := newPiece(locale.For(lang, a.Location()))
		out.size = p.Size()
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				return err
			}
			made, err := build(p, id, manner{lang: lang, house: house, of: o.Asked, log: &log})
			switch {
			case gone(err) || fault.Is(err, fault.Gone): // erased in the meantime, or about to be
				out.gone = append(out.gone, id)
			case fault.Is(err, fault.Busy) && out.last != 0:
				out.zip, err = w.end(number)
				return err
			case err != nil:
				return err
			default:
				if err := w.add(made); err != nil {
					return err
				}
				out.n++
			}
			out.last = id
		}
		out.zip, err = w.end(number)
		return err
	})
	return out, err
}

// piece gathers what stands in a part.
type piece struct {
	say   locale.Printer
	b     bytes.Buffer
	z     *zip.Writer
	csv   bytes.Buffer
	graph bytes.Buffer
	print bytes.Buffer
}

func newPiece(say locale.Printer) *piece {
	w := &piece{say: say}
	w.z = zip.NewWriter(&w.b)
	return w
}

func (w *piece) add(p Proof) error {
	f, err := w.z.Create(fmt.Sprintf("proofs/%d.json", p.File.Person.ID))
	if err == nil {
		_, err = f.Write(p.Bytes)
	}
	if err != nil {
		return err
	}
	w.csv.Write(p.rows())
	nodes, err := p.graph()
	if err != nil {
		return err
	}
	if w.graph.Len() > 0 {
		w.graph.WriteString(",\n")
	}
	w.graph.Write(nodes)
	return printed(&w.print, w.say, p.File)
}

// end closes the piece; its page bears the piece's number.
func (w *piece) end(number int) ([]byte, error) {
	files := []struct {
		name string
		body []byte
	}{{proof.CSVName, w.csv.Bytes()}, {proof.GraphName, w.graph.Bytes()}}
	if w.print.Len() > 0 {
		files = append(files, struct {
			name string
			body []byte
		}{fmt.Sprintf("print/%04d.html", number), sheets(w.say, w.print.Bytes())})
	}
	for _, f := range files {
		to, err := w.z.Create(f.name)
		if err == nil {
			_, err = to.Write(f.body)
		}
		if err != nil {
			return nil, err
		}
	}
	err := w.z.Close()
	return w.b.Bytes(), err
}

// beside is a file that goes into a bundle as it is.
type beside struct {
	name string
	body []byte
}

// assemble writes the bundle of its pieces, each read a few times: the proofs and pages as
// they are packed, then the table and the graph whole.
func (o Order) assemble(ctx context.Context, db *store.DB, who actor.Actor, w io.Writer, pieces int, sizes []int64, read func(int) ([]byte, error), more ...beside) error {
	k := proof.NewPacker(w)
	open := func(i int) (*zip.Reader, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := read(i)
		if err != nil {
			return nil, err
		}
		return zip.NewReader(bytes.NewReader(b), int64(len(b)))
	}
	for i := range pieces {
		z, err := open(i)
		if err != nil {
			return err
		}
		for _, f := range z.File {
			if f.Name == proof.CSVName || f.Name == proof.GraphName {
				continue
			}
			if err := k.Copy(f); err != nil {
				return err
			}
		}
	}
	whole := func(name, head, between, tail string) error {
		return k.Add(name, func(to io.Writer) error {
			_, err := io.WriteString(to, head)
			begun := false
			for i := 0; i < pieces && err == nil; i++ {
				var z *zip.Reader
				if z, err = open(i); err != nil {
					return err
				}
				var f io.ReadCloser
				if f, err = z.Open(name); err != nil {
					return err
				}
				b, e := io.ReadAll(f)
				if err = errors.Join(e, f.Close()); err != nil {
					return err
				}
				if begun && len(b) > 0 {
					b = append([]byte(between), b...)
				}
				begun = begun || len(b) > 0
				_, err = to.Write(b)
			}
			if err == nil {
				_, err = io.WriteString(to, tail)
			}
			return err
		})
	}
	if err := whole(proof.CSVName, string(heading()), "", ""); err != nil {
		return err
	}
	if err := whole(proof.GraphName, graphHead, ",\n", graphTail); err != nil {
		return err
	}
	for _, f := range more {
		if err := k.Add(f.name, func(w io.Writer) error { _, err := w.Write(f.body); return err }); err != nil {
			return err
		}
	}
	return o.sign(ctx, db, who, k, sizes)
}

// sign ends the bundle with the log's word, to which the log of every piece leads.
func (o Order) sign(ctx context.Context, db *store.DB, who actor.Actor, k *proof.Packer, sizes []int64) error {
	return trace.Prove(ctx, db, who, func(p *trace.Prover) error {
		a, err := account.Get(p)
		if err != nil {
			return err
		}
		b := proof.Bundle{Made: p.Now.String(), Language: o.Language, Account: p.Account(), Controller: party(a), Asked: o.Asked}
		if !locale.Known(b.Language) {
			b.Language = a.Language
		}
		if b.Log, err = p.Log(); err != nil {
			return err
		}
		have := map[int64]bool{p.Size(): true}
		for _, e := range b.Log.Earlier {
			have[e.Size] = true
		}
		for _, n := range sizes {
			if have[n] {
				continue
			}
			e, err := p.From(n)
			if err != nil {
				return err
			}
			b.Log.Earlier, have[n] = append(b.Log.Earlier, e), true
		}
		if err := k.Add(proof.ReadmeName, func(w io.Writer) error { return readme(w, locale.For(b.Language, a.Location()), b) }); err != nil {
			return err
		}
		return p.Pack(k, b)
	})
}

// Holds is the key of what a bundle over a period says of how much of its people is in it; "" for any other.
func Holds(a proof.Asked) string {
	switch {
	case a.From == "" && a.To == "":
		return ""
	case a.Narrow, a.List != 0, a.Purpose != 0:
		return "evidence.holds.lists"
	}
	return "evidence.holds.all"
}

// readme tells who finds the bundle later what it is, and how to check it.
func readme(w io.Writer, say locale.Printer, b proof.Bundle) error {
	what := say.T("evidence.readme.what", "controller", b.Controller.Name, "made", b.Made)
	if key := Holds(b.Asked); key != "" {
		what += "\n\n" + say.T(key)
	}
	_, err := fmt.Fprintf(w, "%s\n\n%s\n\n%s\n\n    consend-verify %s --key KEY\n\n%s\n", what,
		say.T("evidence.readme.care"), say.T("evidence.readme.check"), say.T("evidence.readme.file"), say.T("evidence.readme.page", "key", proof.Fingerprint(b.Log.Key)))
	return err
}

// Drawing is an auditor's draw over the people a campaign was made for.
type Drawing struct {
	Campaign int64
	From     []int64 // everybody it was made for
	N        int
	Seed     string
	Sent     []byte // why each mail was sent, as JSON
	Language string
	Closed   envelope.How // as its asker wants the file; for the trace
}

// Draw gives the people a drawing draws. Faults: evidence.draw.n, evidence.draw.none.
func (d Drawing) Draw() ([]int64, error) {
	if d.N < 1 || d.N > MostDrawn {
		return nil, fault.New(fault.Invalid, "evidence.draw.n", "most", MostDrawn).At("n")
	}
	if len(d.From) == 0 {
		return nil, fault.New(fault.NotFound, "evidence.draw.none")
	}
	return proof.Draw(d.From, d.N, d.Seed), nil
}

// Pack writes the bundle of a drawing. Who calls it has traced the look at the people drawn.
func (d Drawing) Pack(ctx context.Context, db *store.DB, who actor.Actor, w io.Writer) error {
	ids, err := d.Draw()
	if err != nil {
		return err
	}
	o := Order{Language: d.Language}
	var pieces [][]byte
	var sizes []int64
	drawn := &proof.Drawn{N: d.N, Seed: d.Seed}
	for rest := ids; len(rest) > 0; {
		made, err := o.part(ctx, db, who, rest, len(pieces)+1)
		if err != nil {
			return err
		}
		pieces, sizes, drawn.Missing = append(pieces, made.zip), append(sizes, made.size), append(drawn.Missing, made.gone...)
		for len(rest) > 0 && rest[0] <= made.last {
			rest = rest[1:]
		}
	}
	o.Asked = proof.Asked{Campaign: d.Campaign, Draw: drawn}
	var list bytes.Buffer
	for _, id := range d.From {
		fmt.Fprintln(&list, id)
	}
	return o.assemble(ctx, db, who, w, len(pieces), sizes, func(i int) ([]byte, error) { return pieces[i], nil },
		beside{proof.DrawName, list.Bytes()}, beside{proof.SentName, d.Sent})
}
