// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"strings"

	"consend/internal/ground/actor"
	"consend/internal/ground/blob"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/people/contact"
	"consend/internal/people/importer/sheet"
)

// Receive takes a file in while it arrives: it is looked through and sealed in one pass, with
// little memory. What is no table of people is refused, and nothing of it stays. A workbook
// can only be read from its end: it waits in memory, packed, at most sheet.MaxBook of it.
func Receive(ctx context.Context, db *store.DB, who actor.Actor, name string, r io.Reader) (int64, error) {
	return received(ctx, db, who, name, false, r)
}

// ReceiveRefusals is Receive for a file of people who must not be written to.
func ReceiveRefusals(ctx context.Context, db *store.DB, who actor.Actor, name string, r io.Reader) (int64, error) {
	return received(ctx, db, who, name, true, r)
}

func received(ctx context.Context, db *store.DB, who actor.Actor, name string, refusals bool, r io.Reader) (int64, error) {
	head, whole, err := beginning(r)
	if err != nil {
		return 0, err
	}
	format, err := sheet.Detect(head, whole)
	if err != nil {
		return 0, err
	}
	return receive(ctx, db, who, File{Name: name, Refusals: refusals}, format, io.MultiReader(bytes.NewReader(head), r))
}

// ReceivePaste takes in what was pasted as a file of that name.
func ReceivePaste(ctx context.Context, db *store.DB, who actor.Actor, name, pasted string, refusals bool) (int64, error) {
	format, err := sheet.DetectPaste([]byte(pasted))
	if err != nil {
		return 0, err
	}
	return receive(ctx, db, who, File{Name: name, Refusals: refusals}, format, strings.NewReader(pasted))
}

func receive(ctx context.Context, db *store.DB, who actor.Actor, file File, format sheet.Format, r io.Reader) (int64, error) {
	var ring *keys.Ring
	var now legalclock.Moment
	if err := db.View(ctx, who, func(v *store.View) error { ring, now = keys.Of(v), v.Now; return nil }); err != nil {
		return 0, err
	}
	sent := &counter{hash: sha256.New()} // what the person sent, however it is kept
	body := io.TeeReader(io.LimitReader(r, sheet.Standard.File+1), sent)
	var turned *turning
	if format.Kind != sheet.Text {
		var err error
		if turned, err = turn(format, body, nil); err != nil {
			return 0, err
		}
		defer turned.Close()
		format, body = turned.c.Format, turned
	}
	pr, pw := io.Pipe()
	var survey sheet.Survey
	var bad error
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		survey, bad = sheet.Look(pr, format, sheet.Standard, ofAddresses)
		pr.CloseWithError(bad) // a file that is refused ends the storing of it
	}()
	var id int64
	src := &tee{r: body, w: pw}
	ends := legalclock.Day(now, utc).AddDays(fileKept).End(utc)
	_, err := blob.Store(ctx, db, who, ring.Box(who.Account), blob.New{Owner: "import", Type: "text/csv", EndsAt: ends}, src, maxKept,
		func(tx *store.Tx, b blob.Info) (err error) {
			pw.Close()
			<-looked
			if bad != nil {
				return bad
			}
			if turned != nil {
				survey = survey.As(turned.format())
			}
			if err := sheet.Standard.Size(sent.n); err != nil {
				return err
			}
			file.Blob, file.Size, file.SHA256, file.Survey = b.ID, sent.n, sent.hash.Sum(nil), survey
			id, err = Make(tx, file)
			return err
		})
	pw.CloseWithError(io.ErrUnexpectedEOF)
	<-looked
	if bad != nil && !errors.Is(bad, io.ErrUnexpectedEOF) {
		return 0, bad
	}
	if f := (*fault.Error)(nil); errors.As(err, &f) && f.Key == "blob.large" {
		return 0, sheet.Standard.Size(sheet.Standard.File + 1)
	}
	return id, err
}

// maxKept is how much of a file is kept: a workbook is longer as text.
const maxKept = 4 * 512 << 20

// turning is a file of another kind, read as the numbered text that sheet makes of it.
type turning struct {
	*io.PipeReader
	c    *sheet.Conversion
	done chan struct{}
	file io.Closer
}

// turn begins to turn a file. file, if any, is closed with it.
func turn(f sheet.Format, src io.Reader, file *os.File) (*turning, error) {
	var at io.ReaderAt
	size := int64(0)
	if f.Kind == sheet.Workbook {
		if file != nil {
			info, err := file.Stat()
			if err != nil {
				return nil, err
			}
			at, size = file, info.Size()
		} else {
			b, err := io.ReadAll(io.LimitReader(src, sheet.MaxBook+1))
			if err != nil {
				return nil, err
			}
			at, size = bytes.NewReader(b), int64(len(b))
		}
	}
	c, err := sheet.Begin(f, src, at, size, sheet.Standard)
	if err != nil {
		return nil, err
	}
	pr, pw := io.Pipe()
	t := &turning{PipeReader: pr, c: c, done: make(chan struct{})}
	if file != nil {
		t.file = file
	}
	go func() {
		defer close(t.done)
		pw.CloseWithError(c.Run(pw))
	}()
	return t, nil
}

// format is complete once the text was read to its end.
func (t *turning) format() sheet.Format {
	<-t.done
	return t.c.Format
}

// Close ends the turning, wherever it is.
func (t *turning) Close() error {
	err := t.PipeReader.Close()
	<-t.done
	if t.file != nil {
		err = errors.Join(err, t.file.Close())
	}
	return err
}

// turned opens a file as text of its format: as it lies when it is text.
func turned(f sheet.Format, open opener) (io.ReadCloser, error) {
	src, err := open()
	if err != nil || f.Kind == sheet.Text {
		return src, err
	}
	file, _ := src.(*os.File)
	t, err := turn(f, src, file)
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	t.file = src
	return t, nil
}

// tee hands what is read to the look beside it, and ends when that refuses the file.
type tee struct {
	r io.Reader
	w *io.PipeWriter
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if n > 0 {
		if _, werr := t.w.Write(p[:n]); werr != nil {
			return n, werr
		}
	}
	return n, err
}

func beginning(r io.Reader) (head []byte, whole bool, err error) {
	head, err = io.ReadAll(io.LimitReader(r, sheet.HeadSize))
	if err != nil {
		return nil, false, err
	}
	return head, len(head) < sheet.HeadSize, nil
}

// Resurvey reads the file again in another format, for Check. It is read outside the act,
// since it may be long.
func Resurvey(ctx context.Context, db *store.DB, who actor.Actor, i Import, f sheet.Format) (sheet.Survey, error) {
	if !f.Known() {
		return sheet.Survey{}, fault.New(fault.Invalid, "import.format").At("separator")
	}
	src, err := opened(ctx, db, who, i)
	if err != nil {
		return sheet.Survey{}, err
	}
	return sheet.Look(src, f, sheet.Standard, ofAddresses)
}

func opened(ctx context.Context, db *store.DB, who actor.Actor, i Import) (io.Reader, error) {
	if i.Blob == 0 {
		return nil, fault.New(fault.Gone, "import.file.gone")
	}
	var ring *keys.Ring
	if err := db.View(ctx, who, func(v *store.View) error { ring = keys.Of(v); return nil }); err != nil {
		return nil, err
	}
	return blob.Open(ctx, db, who, ring.Box(who.Account), i.Blob)
}

// Sample gives the first rows as they stand in the file, for the pages that check and map.
// They show people, so the look is traced before.
func Sample(ctx context.Context, db *store.DB, who actor.Actor, i Import) ([][]string, error) {
	if err := look(ctx, db, who, "import.look", "import", i.ID); err != nil {
		return nil, err
	}
	src, err := opened(ctx, db, who, i)
	if err != nil {
		return nil, err
	}
	r := sheet.NewReader(src, i.Format, sheet.Standard, sheet.Position{})
	header := i.Format.Header
	var out [][]string
	for len(out) < sheet.SampleRows {
		row, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if header {
			header = false
			continue
		}
		if row.Fault == nil {
			out = append(out, row.Strings())
		}
	}
	return out, nil
}

// Preview is what the first rows of a file would become, before anything is written.
type Preview struct {
	Looked int64 // rows looked at
	Counts       // Refused, Doubled, Left, Remarks and Grades of these
	Notes  []Note
}

// previewRows is how many rows a preview reads.
const previewRows = 5000

// Foresee reads the beginning of the file with the mapping, origin and proof as they are now.
func Foresee(ctx context.Context, db *store.DB, who actor.Actor, i Import) (Preview, error) {
	var rd *reader
	err := db.View(ctx, who, func(v *store.View) error {
		zone, rules, err := rulesOf(v)
		if err != nil {
			return err
		}
		all, err := contact.AllAttributes(v)
		rd = newReader(i, rules, v.Now, zone)
		rd.declare(all)
		return err
	})
	if err != nil {
		return Preview{}, err
	}
	src, err := opened(ctx, db, who, i)
	if err != nil {
		return Preview{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	batches, parsed := stream(ctx, src, i, rd, sheet.Standard, Cursor{})
	p := Preview{Counts: Counts{Grades: map[string]int64{}}}
	for b := range batches {
		p.Looked += b.read
		p.Refused += b.refused
		p.Doubled += b.doubled
		for _, r := range b.rows {
			if r.said != nothing || i.Refusing() {
				p.Left++
			} else {
				p.Grades[string(r.grade)]++
			}
		}
		for _, n := range b.notes {
			if n.kind == remark {
				p.Remarks++
			}
			if len(p.Notes) < 20 {
				p.Notes = append(p.Notes, Note{Line: int64(n.line), Kind: string(n.kind), Reason: n.key, Place: n.column, Args: n.args})
			}
		}
		if p.Looked >= previewRows {
			stop()
		}
	}
	if err := parsed(); err != nil && !errors.Is(err, context.Canceled) {
		return p, err
	}
	return p, nil
}
