// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/importer/sheet"
	"consend/internal/people/list"
	"consend/internal/trace"
)

// Order is an import told in one go, by the command line.
type Order struct {
	Name         string                        // of the file
	Open         func() (io.ReadCloser, error) // the file from its beginning; it is read four times at most
	List         string
	Purpose      string
	Kind         Kind
	Where        string // the tool's name, the form, the event; optional
	Basis        consent.Basis
	Partner      string // of acquired people: who named us when asking for their consent
	Sale         string // of customers: what they bought (ePrivacy 13(2)); of members: contract or membership
	CouldRefuse  bool   // of customers: they could refuse when their address was taken, and in every mail since
	Similar      bool   // of customers: the list writes about products like those they bought
	Work         string // of people at work: why what the list writes concerns it
	From, To     string // days of collection, 2006-01-02
	Note         string // version of the privacy note they were shown
	Evidence     func() (io.ReadCloser, error)
	EvidenceName string
	DeclaredBy   int64 // the owner or admin whose word it is (member); 0: no word, rows without proof wait
	Options      Options
	Writers      int // batches written at once on PostgreSQL; 0 means Writers
	Batch        int // people of one set act; 0 means 2,048, on SQLite half of that. A resumed import must keep it.
}

// Summary is the outcome as the command prints it in JSON.
type Summary struct {
	Import     int64            `json:"import"`
	State      State            `json:"state"`
	List       int64            `json:"list"`
	Shape      Shape            `json:"shape,omitempty"`
	Rows       int64            `json:"rows"`
	New        int64            `json:"new"`
	Known      int64            `json:"known"`
	Changed    int64            `json:"changed"`
	Refused    int64            `json:"refused"`
	Duplicates int64            `json:"duplicates"`
	Mailable   int64            `json:"mailable"`
	Grades     map[string]int64 `json:"grades"` // B, C, D
	Waiting    int64            `json:"waiting"`
	WaitsUntil string           `json:"waits_until,omitempty"`
	Same       int64            `json:"unchanged"`
	Withheld   map[string]int64 `json:"withheld"` // not put on the list, by reason
	Left       int64            `json:"left"`
	Remarks    int64            `json:"remarks"`
	Measured   int64            `json:"measured,omitempty"`   // said yes to measuring
	Unmeasured int64            `json:"unmeasured,omitempty"` // said no to it
}

// Summarise gives the summary of an import.
func Summarise(i Import) Summary {
	c := i.Counts
	s := Summary{Import: i.ID, State: i.State, List: i.List, Shape: i.Shape, Rows: c.Rows, New: c.Fresh, Known: c.Known, Changed: c.Changed, Refused: c.Refused,
		Duplicates: c.Doubled, Mailable: c.Mailable(), Grades: map[string]int64{}, Waiting: c.Waiting(), Same: c.Same, Withheld: c.Withheld, Left: c.Left, Remarks: c.Remarks, Measured: c.Measured, Unmeasured: c.Unmeasured}
	for _, g := range []consent.Grade{consent.GradeB, consent.GradeC, consent.GradeD} {
		s.Grades[string(g)] = c.Grades[string(g)]
	}
	if s.Waiting > 0 {
		s.WaitsUntil = i.WaitsUntil.String()
	}
	return s
}

// Run takes an import from file to end, making list and purpose if they are missing. The same
// file for the same list goes on where a killed run left off. The file is read from where it
// lies and not kept; its hash stands in the trace and in the import.
func Run(ctx context.Context, db *store.DB, who actor.Actor, o Order, progress func(done, total int64) error) (Summary, error) {
	survey, size, sum, err := o.survey()
	if err != nil {
		return Summary{}, err
	}
	id, bare, err := o.find(ctx, db, who, survey, size, sum)
	if err != nil {
		return Summary{}, err
	}
	if bare && o.Evidence != nil {
		f, err := o.Evidence()
		if err != nil {
			return Summary{}, err
		}
		_, err = Attach(ctx, db, who, id, o.EvidenceName, f)
		f.Close()
		if err != nil && fault.KindOf(err) == fault.Internal {
			return Summary{}, err // the same again goes on here
		}
		if err != nil {
			return Summary{}, errors.Join(err, db.Write(ctx, who, func(tx *store.Tx) error { return Discard(tx, id) }))
		}
	}
	err = db.Write(ctx, who, func(tx *store.Tx) error {
		i, err := lock(tx, id) // another run of the same command may begin it now
		if err != nil || i.State == Running {
			return err
		}
		return Begin(tx, id, false)
	})
	if err == nil {
		err = write(ctx, db, who, id, pace{o.Writers, o.Batch}, o.Open, progress)
	}
	var s Summary
	looked := db.View(context.WithoutCancel(ctx), who, func(v *store.View) error {
		i, err := Get(v, id)
		s = Summarise(i)
		return err
	})
	if s.State == Done { // what the database says counts: a commit may have come through although its answer was lost
		err = nil
	}
	return s, errors.Join(err, looked)
}

// survey looks through the file once: what it is and its hash.
func (o Order) survey() (s sheet.Survey, size int64, sum []byte, err error) {
	f, err := o.Open()
	if err != nil {
		return s, 0, nil, err
	}
	defer f.Close()
	head, whole, err := beginning(f)
	if err != nil {
		return s, 0, nil, err
	}
	format, err := sheet.Detect(head, whole)
	if err != nil {
		return s, 0, nil, err
	}
	c := &counter{hash: sha256.New()}
	if format.Kind != sheet.Text { // hashed as it lies, looked through as it is read
		if _, err := io.Copy(c, io.MultiReader(bytes.NewReader(head), f)); err != nil {
			return s, 0, nil, err
		}
	}
	g, err := turned(format, o.Open)
	if err != nil {
		return s, 0, nil, err
	}
	defer g.Close()
	t, other := g.(*turning)
	src := io.Reader(g)
	if other {
		format = t.c.Format
	} else {
		src = io.TeeReader(g, c)
	}
	if s, err = sheet.Look(src, format, sheet.Standard, ofAddresses); err != nil {
		return s, 0, nil, err
	}
	if _, err := io.Copy(io.Discard, src); err != nil {
		return s, 0, nil, err
	}
	if other {
		s = s.As(t.format())
	}
	return s, c.n, c.hash.Sum(nil), sheet.Standard.Size(c.n)
}

type counter struct {
	hash interface {
		io.Writer
		Sum([]byte) []byte
	}
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.hash.Write(p)
}

// find gives the unended import of the same file for the same list, or makes one ready. It is
// bare when it has no evidence yet: a kill may have come before it.
func (o Order) find(ctx context.Context, db *store.DB, who actor.Actor, s sheet.Survey, size int64, sum []byte) (id int64, bare bool, err error) {
	err = db.Write(ctx, who, func(tx *store.Tx) error {
		to, err := list.EnsureNamed(tx, o.Purpose, o.List)
		if err != nil {
			return err
		}
		l, err := store.One[line](tx, unended, sum, to)
		if err != nil && !errors.Is(err, store.ErrNone) {
			return err
		}
		if err == nil {
			i, err := l.read()
			if err != nil {
				return err
			}
			has, err := EvidenceOf(tx, i.ID)
			if err != nil {
				return err
			}
			if i.State != Ready || o.told(i, has) {
				id, bare = i.ID, i.State == Ready && len(has) == 0
				return nil
			}
			if err := Discard(tx, i.ID); err != nil { // nothing was written of it, and now it is told otherwise
				return err
			}
		}
		bare = true
		id, err = o.ready(tx, File{Name: o.Name, Size: size, SHA256: sum, Survey: s}, to)
		return err
	})
	return id, bare, err
}

// told is whether an import that never began was told the same.
func (o Order) told(i Import, has []Evidence) bool {
	return i.Origin == o.origin(i.Shape) && i.DeclaredBy == o.DeclaredBy && (len(has) == 0 || o.Evidence != nil && has[0].Name == o.EvidenceName)
}

// ready walks the steps of the pages at once.
func (o Order) ready(tx *store.Tx, f File, to int64) (int64, error) {
	id, err := Make(tx, f)
	if err != nil {
		return 0, err
	}
	i, err := Get(tx, id)
	if err != nil {
		return 0, err
	}
	if err := i.Mapping.Check(); err != nil {
		return 0, err
	}
	origin := o.origin(i.Shape)
	zone, rules, err := rulesOf(tx)
	if err != nil {
		return 0, err
	}
	if err := origin.Check(tx.Now, zone); err != nil {
		return 0, err
	}
	if o.Evidence == nil && origin.over(i.MadeAt, tx.Now, zone, rules, o.DeclaredBy != 0) {
		return 0, fault.New(fault.Invalid, "import.origin.month_over").At("to")
	}
	if o.Options.Existing == "" {
		o.Options.Existing = Fill
	}
	at := legalclock.Moment(0)
	if o.DeclaredBy != 0 {
		at = tx.Now
	}
	tx.Do(setMapping, text(i.Mapping), Mapped, id)
	tx.Do(setOrigin, text(origin), Sourced, id)
	tx.Do(setChoice, to, text(o.Options), o.DeclaredBy, at, id)
	if _, err := trace.Append(tx, trace.Act{Action: "import.map", Object: "import", ObjectID: id, Clear: i.Mapping.fields()}); err != nil {
		return 0, err
	}
	f2 := origin.fields()
	if o.Note != "" {
		f2["note"] = o.Note
	}
	if _, err := trace.Append(tx, trace.Act{Action: "import.origin", Object: "import", ObjectID: id, Clear: f2}); err != nil {
		return 0, err
	}
	return id, choseAct(tx, id, Choice{List: to, Options: o.Options}, o.DeclaredBy)
}

// origin answers the questions of the origin step from what a command line says. What it doesn't say of the
// conditions of a soft opt-in nobody says for it: the rows wait (ePrivacy 13(2)).
func (o Order) origin(shape Shape) Origin {
	out := Origin{Kind: o.Kind, Where: o.Where, Basis: o.Basis, Partner: o.Partner, Sale: o.Sale, From: o.From, To: o.To, Note: o.Note}
	if out.Where == "" {
		switch o.Kind {
		case Tool:
			if out.Where = shape.Tool(); out.Where == "" {
				out.Where = "another tool"
			}
		case Site, Paper:
			out.Where = "told on the command line"
		case Business:
			out.Where = "told on the command line"
		}
	}
	switch o.Kind {
	case Tool:
		out.How = "signed_up"
	case Member:
		out.How = "member"
		if o.Basis == consent.Contract {
			out.How = "contract"
		}
	case Business:
		out.How = "gave"
	case Acquired:
		out.How = "bought"
	case Inherited:
		out.Kind, out.How = Acquired, "inherited"
	}
	if o.CouldRefuse {
		out.Refusal = "yes"
	} else if o.Kind == Customer || o.Basis == consent.SoftOptIn {
		out.Refusal = "no"
	}
	if o.Similar {
		out.Similar = "yes"
	} else if o.Kind == Customer || o.Basis == consent.SoftOptIn {
		out.Similar = "no"
	}
	out.Work = o.Work
	return out
}
