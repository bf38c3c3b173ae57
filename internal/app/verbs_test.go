// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"consend/internal/chain/legal"
	"consend/internal/chain/processor"
	"consend/internal/demo"
	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/budget"
	"consend/internal/ground/pii"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/importer/sheet"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/sending/campaign"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
	"consend/internal/sending/sender"
	"consend/internal/sending/template"
	"consend/internal/team/access"
	"consend/internal/team/account"
	"consend/internal/team/apikey"
	"consend/internal/team/login"
	"consend/internal/team/member"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// run is one house on its way through the script, and what it has made so far.
type run struct {
	*everything
	fault   faultAt
	pg      *pgx.Conn
	lite    *sql.DB
	sums    map[string]string // what hash gave, while version stands
	version int64
	ids     map[int64]bool    // that picture met
	stood   map[string]string // what hash gave when the houses were compared last
	owner   actor.Actor
	visitor actor.Actor
	n       map[string]int64  // ids by name
	s       map[string]string // tokens by name
	found   access.Found
}

func newRun(t *testing.T, e *everything) *run {
	t.Helper()
	r := &run{everything: e, n: map[string]int64{}, s: map[string]string{}, ids: map[int64]bool{}}
	r.owner = actor.Actor{Kind: actor.Member, ID: e.Member, Account: e.Account, Role: "owner", Request: "nth", Language: "fr",
		IP: netip.MustParseAddr("192.0.2.10"), IPSource: "direct", Agent: "Mozilla/5.0 Firefox/140.0"}
	r.visitor = actor.Actor{Kind: actor.Subject, Account: e.Account, Request: "nth", Language: "fr",
		IP: netip.MustParseAddr("198.51.100.77"), IPSource: "direct", Agent: "Mozilla/5.0 Firefox/140.0"}
	r.connect(t)
	for _, db := range []*store.DB{e.Main, e.Keys, e.Archive} {
		db.Unhurried()
	}
	if err := e.Main.SkipIDs(t.Context(), scriptIDs); err != nil {
		t.Fatal(err)
	}
	err := e.Main.View(t.Context(), r.owner, func(v *store.View) error {
		for _, p := range demo.People() {
			if c, ok, err := contact.Find(v, p.Address()); err != nil {
				return err
			} else if ok {
				r.n[p.Email] = c.ID
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *run) who(p demo.Person) int64 { return r.n[p.Email] }

func (r *run) origin() consent.Origin {
	return consent.Origin{IP: pii.FromAddr(r.visitor.IP), Source: "direct", Agent: pii.T(r.visitor.Agent)}
}

// keep notes what a verb made.
func (r *run) keep(name string, id int64, err error) error {
	if err == nil {
		r.n[name] = id
	}
	return err
}

// script is every verb, in an order in which each finds what it needs.
func (r *run) script() []act {
	var all []act
	member := func(name string, f func(tx *store.Tx) error) { all = append(all, act{name: name, who: r.owner, tx: f}) }
	public := func(name string, f func(tx *store.Tx) error) {
		all = append(all, act{name: name, who: r.visitor, tx: f})
	}
	house := func(name string, f func(tx *store.Tx) error) {
		all = append(all, act{name: name, who: actor.System("nth"), tx: f})
	}
	own := func(name string, f func(ctx context.Context, who actor.Actor) error) {
		all = append(all, act{name: name, who: r.owner, own: f})
	}
	late := func(name string, f func(ctx context.Context, who actor.Actor) error) {
		all = append(all, act{name: name, who: r.owner, own: f, steps: true, late: true})
	}
	steps := func(name string, f func(ctx context.Context, who actor.Actor) error) {
		all = append(all, act{name: name, who: r.owner, own: f, steps: true})
	}
	r.lists(member)
	r.people(member)
	r.ledger(member, public)
	r.segments(member)
	r.choices(member, public)
	r.special(member, public)
	r.merges(member, public)
	r.forms(member, public, own, steps)
	r.imports(member, own, steps)
	r.receipts(member, steps)
	r.proofs(member, steps)
	r.refusalFiles(member, own, steps)
	r.chain(member, house)
	later := func(d time.Duration) { all[len(all)-1].after = d }
	r.letters(member, steps, late, later)
	r.service(member, house, steps, late)
	r.moreForms(member, public)
	r.answerOnce(public)
	r.moves(member, public, own, later)
	r.bases(member, steps)
	r.team(member, house, own, steps, late, later)
	r.ground(member, house, own, steps)
	all = append(all, r.ends()...)
	r.values(member, steps, later) // takes days
	return all
}

type verb = func(name string, f func(tx *store.Tx) error)
type ownVerb = func(name string, f func(ctx context.Context, who actor.Actor) error)

var words = list.Words{"fr": "Dégustations", "en": "Tastings"}

func (r *run) lists(do verb) {
	do("make a purpose", func(tx *store.Tx) error {
		id, err := list.MakePurpose(tx, list.NewPurpose{Name: "Dégustations", Public: words})
		return r.keep("purpose", id, err)
	})
	do("make a list", func(tx *store.Tx) error {
		id, err := list.Make(tx, list.New{Name: "Dégustations", Purpose: r.n["purpose"], Kind: list.Mail, Public: words})
		return r.keep("list", id, err)
	})
	do("find or make a list", func(tx *store.Tx) error {
		id, err := list.EnsureNamed(tx, "Dégustations", "Grands crus")
		return r.keep("wines", id, err)
	})
	do("rename a list", func(tx *store.Tx) error { return list.Rename(tx, r.n["wines"], "", "Petits crus", words) })
	do("rename a purpose", func(tx *store.Tx) error { return list.EditPurpose(tx, r.n["purpose"], "", "Goûter", words, true) })
	do("retire a list", func(tx *store.Tx) error { return list.Retire(tx, r.n["wines"]) })
	do("restore a list", func(tx *store.Tx) error { return list.Restore(tx, r.n["wines"]) })
	do("make a second purpose", func(tx *store.Tx) error {
		id, err := list.MakePurpose(tx, list.NewPurpose{Name: "Autre", Public: words})
		return r.keep("purpose2", id, err)
	})
	do("retire a purpose", func(tx *store.Tx) error { return list.RetirePurpose(tx, r.n["purpose2"]) })
	do("restore a purpose", func(tx *store.Tx) error { return list.RestorePurpose(tx, r.n["purpose2"]) })
}

func (r *run) people(do verb) {
	name, language := pii.T("Léa Marchand-Roy"), "en"
	do("make people", func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{
			{Email: address.Must("una@exemple.example"), Name: pii.T("Una"), Source: "member", Language: "fr", Keyed: true},
			{Email: address.Must("dua@exemple.example"), Name: pii.T("Dua"), Source: "member"},
			{Email: address.Must("tria@exemple.example"), Name: pii.T("Tria"), Source: "member"}})
		if err == nil {
			r.n["una"], r.n["dua"], r.n["tria"] = rows[0].ID, rows[1].ID, rows[2].ID
		}
		return err
	})
	do("make attributes", func(tx *store.Tx) error {
		_, err := contact.EnsureAttributes(tx, []contact.Attribute{{Name: "VILLE", Type: contact.TypeText}, {Name: "COULEUR", Type: contact.TypeChoice, Choices: contact.Choices{"rouge"}}})
		return err
	})
	do("add a choice to an attribute", func(tx *store.Tx) error {
		_, err := contact.EnsureAttributes(tx, []contact.Attribute{{Name: "COULEUR", Type: contact.TypeChoice, Choices: contact.Choices{"rouge", "bleu"}}})
		return err
	})
	do("fill people in", func(tx *store.Tx) error {
		rows, err := contact.Lock(tx, []int64{r.n["una"], r.n["dua"]})
		if err != nil {
			return err
		}
		var fills []contact.Filling
		for _, row := range rows {
			fills = append(fills, contact.Filling{Row: &row, Name: pii.T("Una Dua"), Language: "en", Country: "FR"})
		}
		_, err = contact.Fill(tx, fills, true, 4711)
		return err
	})
	do("correct a person", func(tx *store.Tx) error {
		return contact.Correct(tx, r.who(demo.Lea), 0, contact.Change{Name: &name, Language: &language})
	})
	do("freeze a person", func(tx *store.Tx) error { return contact.Restrict(tx, r.who(demo.Mehmet), "asked") })
	do("end a freeze", func(tx *store.Tx) error { return contact.Unrestrict(tx, r.who(demo.Mehmet), "asked") })
	do("take a key", func(tx *store.Tx) error { _, err := contact.Key(tx, r.n["dua"]); return err })
	do("note activity", func(tx *store.Tx) error {
		return contact.Active(tx, []contact.Activity{{Contact: r.n["una"], Kind: contact.Clicked}, {Contact: r.n["dua"], Kind: contact.Opened, Times: 2}})
	})
	do("note a sign of life", func(tx *store.Tx) error {
		return contact.Lived(tx, []int64{r.n["una"], r.n["dua"]}, tx.Now)
	})
	do("mark a bounce", func(tx *store.Tx) error { return contact.Mark(tx, r.n["dua"], contact.StateBounced) })
	do("revive a person", func(tx *store.Tx) error { contact.Revive(tx, []int64{r.n["dua"]}); return nil })
	do("note a notice told", func(tx *store.Tx) error { contact.Told(tx, []int64{r.n["dua"]}); return nil })
}

func (r *run) ledger(do, public verb) {
	for _, kind := range consent.Kinds() {
		f := func(tx *store.Tx) error {
			e := consent.Event{Contact: r.n["una"], List: r.n["list"], Kind: kind, Source: "form", Method: "doi_post", Language: "fr", Text: "Oui, écrivez-moi.", Origin: r.origin()}
			switch kind {
			case consent.Confirm:
				e.RequestedAt = tx.Now.Add(-time.Second)
			case consent.Give, consent.Release:
				e.Contact, e.Source, e.Method, e.Basis, e.Grade, e.DeclaredBy = r.n["tria"], "member", "paper", consent.ByConsent, consent.GradeD, r.Member
				e.Origin = consent.Origin{}
				if kind == consent.Give {
					e.Grade, e.Lacks = consent.Ungraded, "words"
				}
			}
			_, err := consent.Apply(tx, []consent.Event{e})
			return err
		}
		if kind.Own() || kind.No() {
			public("ledger: "+string(kind), f)
		} else {
			do("ledger: "+string(kind), f)
		}
	}
	do("ledger: many at once", func(tx *store.Tx) error {
		var events []consent.Event
		for _, name := range []string{"una", "dua", "tria"} {
			events = append(events, consent.Event{Contact: r.n[name], List: r.n["wines"], Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeD, Source: "member", DeclaredBy: r.Member})
		}
		_, err := consent.Apply(tx, events)
		return err
	})
	do("extend to a list", func(tx *store.Tx) error {
		_, err := consent.Extend(tx, r.n["list"], []int64{r.n["dua"], r.n["tria"]})
		return err
	})
	do("take off a list", func(tx *store.Tx) error { _, err := consent.TakeOff(tx, r.n["wines"], []int64{r.n["dua"]}); return err })
	do("suppress a person", func(tx *store.Tx) error {
		return consent.Suppress(tx, r.n["tria"], consent.ByMember, consent.Scope{Reach: consent.OneList, ID: r.n["wines"]})
	})
	do("suppress people", func(tx *store.Tx) error {
		rows, err := contact.Lock(tx, []int64{r.n["dua"], r.n["tria"]})
		if err != nil {
			return err
		}
		return consent.SuppressSet(tx, rows, consent.Imported, consent.Everything, 4711)
	})
	do("suppress addresses", func(tx *store.Tx) error {
		return consent.SuppressAddresses(tx, []address.Address{address.Must("nobody@exemple.example"), address.Must("una@exemple.example")}, consent.ByMember, consent.Everything)
	})
	public("leave in one click", func(tx *store.Tx) error {
		_, err := consent.Leave(tx, consent.Leaving{Contact: r.who(demo.Oliver), Scope: consent.Scope{Reach: consent.OneList, ID: r.News}, Kind: consent.Withdraw, Source: "mail", Method: "one_click", Origin: r.origin()})
		return err
	})
	public("leave on the page", func(tx *store.Tx) error {
		_, err := consent.Leave(tx, consent.Leaving{Contact: r.who(demo.Oliver), Scope: consent.Everything, Kind: consent.Object, Source: "preferences", Method: "page", Language: "en", Origin: r.origin()})
		return err
	})
	public("come back on the page", func(tx *store.Tx) error {
		_, err := form.Back(context.Background(), tx, r.who(demo.Tom), r.News, "News\n[Ask me by e-mail]\n", r.origin())
		return err
	})
}

func (r *run) submission(email string) (form.Submission, error) {
	live, err := r.Forms.At(context.Background(), r.Form.Slug)
	if err != nil {
		return form.Submission{}, err
	}
	s, err := form.Read(live, "fr", map[string][]string{"email": {email}, "a.name": {"Quelqu’un"}, "list": {fmt.Sprint(r.News), fmt.Sprint(r.Club)}})
	s.Page, s.Method, s.Origin = r.Form.Path(), "hosted", r.origin()
	return s, err
}

func (r *run) submit(name, email string) func(tx *store.Tx) error {
	s, err := r.submission(email)
	s.Proxy, s.ProxyN = "10.0.0.7", 1
	return func(tx *store.Tx) error {
		if err != nil {
			return err
		}
		out, err := form.Submit(tx, s)
		return r.keep(name, out.Signup, err)
	}
}

func (r *run) forms(do, public verb, own, steps ownVerb) {
	do("make a note", func(tx *store.Tx) error {
		old, err := notice.Find(tx, r.Note)
		if err != nil {
			return err
		}
		id, err := notice.Make(tx, "Deuxième mention", old.Draft)
		return r.keep("note", id, err)
	})
	do("edit a note", func(tx *store.Tx) error {
		n, err := notice.Find(tx, r.n["note"])
		if err != nil {
			return err
		}
		n.Draft.More = notice.Words{"fr": "Et merci.", "en": "And thank you."}
		return notice.Edit(tx, n.ID, n.Version, n.Name, n.Draft)
	})
	do("publish a note", func(tx *store.Tx) error {
		n, err := notice.Find(tx, r.n["note"])
		if err == nil {
			_, err = notice.Publish(tx, n.ID, n.Version)
		}
		return err
	})
	do("make a form", func(tx *store.Tx) error {
		l, err := list.Get(tx, r.News)
		if err != nil {
			return err
		}
		id, err := form.Make(tx, "Au comptoir", form.Begin(l, "fr", r.n["note"], "#4d7c0f"))
		return r.keep("form", id, err)
	})
	do("edit a form", func(tx *store.Tx) error {
		f, err := form.Find(tx, r.n["form"])
		if err != nil {
			return err
		}
		f.Draft.Intro = form.Words{"fr": "Bienvenue.", "en": "Welcome."}
		return form.Edit(tx, f.ID, f.Version, f.Name, f.Draft)
	})
	do("publish a form", func(tx *store.Tx) error {
		f, err := form.Find(tx, r.n["form"])
		if err == nil {
			_, err = form.Publish(tx.Context(), tx, f.ID, f.Version)
		}
		return err
	})
	do("close a form", func(tx *store.Tx) error { return form.Close(tx, r.n["form"]) })
	do("open a form", func(tx *store.Tx) error { return form.Open(tx, r.n["form"]) })
	do("retire a form", func(tx *store.Tx) error { return form.Retire(tx, r.n["form"]) })
	do("restore a form", func(tx *store.Tx) error { return form.Restore(tx, r.n["form"]) })
	do("retire a note", func(tx *store.Tx) error {
		id, err := notice.Make(tx, "Troisième mention", notice.Note{Languages: []string{"fr"}})
		if err != nil {
			return err
		}
		n, err := notice.Find(tx, id)
		if err != nil {
			return err
		}
		return notice.Retire(tx, id, n.Version)
	})
	public("submit a form", r.submit("signup", "quarta@exemple.example"))
	public("confirm", func(tx *store.Tx) error { _, err := form.Confirm(tx, r.n["signup"], r.origin()); return err })
	public("submit for another", r.submit("other", "quinta@exemple.example"))
	public("not me", func(tx *store.Tx) error { _, err := form.NotMe(tx, r.n["other"], r.origin()); return err })
	public("submit and forget", r.submit("late", "sexta@exemple.example"))
	public("ask again", func(tx *store.Tx) error {
		stage, err := form.AskAgain(tx, r.n["late"])
		if err == nil && stage != form.Ready {
			err = fmt.Errorf("it is %s", stage)
		}
		return err
	})
	do("never ask a mailbox again", func(tx *store.Tx) error {
		fp, err := contact.FP(tx, address.Must("nobody@exemple.example"))
		if err != nil {
			return err
		}
		return form.Block(tx, fp)
	})
	own("take a submission", func(ctx context.Context, _ actor.Actor) error {
		s, err := r.submission("septima@exemple.example")
		if err != nil {
			return err
		}
		_, err = form.Take(ctx, r.Main, r.visitor, s)
		return err
	})
	steps("end what nobody confirmed", func(ctx context.Context, _ actor.Actor) error { return form.Sweep(ctx, r.Main) })
}

const table = "Email;Prénom;Nom;Ville\noctavia@exemple.example;Octavia;Blanc;Lyon\nnona@exemple.example;Nona;Noir;Sète\nlea.marchand@jardin.example;Léa;Marchand;Lyon\nbroken;X;Y;Z\n"

func (r *run) imported(tx *store.Tx, name string, f func(i importer.Import) error) error {
	i, err := importer.Get(tx, r.n[name])
	if err != nil {
		return err
	}
	return f(i)
}

func (r *run) bring(do verb, own ownVerb, name, file string, o importer.Origin, word bool) {
	own(name+": receive a file", func(ctx context.Context, who actor.Actor) error {
		id, err := importer.Receive(ctx, r.Main, who, name+".csv", strings.NewReader(file))
		return r.keep(name, id, err)
	})
	do(name+": settle the format", func(tx *store.Tx) error {
		f, err := sheet.Detect([]byte(file), true)
		if err != nil {
			return err
		}
		s, err := sheet.Look(strings.NewReader(file), f, sheet.Standard, nil)
		if err != nil {
			return err
		}
		return r.imported(tx, name, func(i importer.Import) error { return importer.Check(tx, i.ID, i.Version, s) })
	})
	do(name+": map", func(tx *store.Tx) error {
		return r.imported(tx, name, func(i importer.Import) error { return importer.Map(tx, i.ID, i.Version, i.Mapping) })
	})
	do(name+": tell the origin", func(tx *store.Tx) error {
		return r.imported(tx, name, func(i importer.Import) error { return importer.Tell(tx, i.ID, i.Version, o) })
	})
	do(name+": choose", func(tx *store.Tx) error {
		return r.imported(tx, name, func(i importer.Import) error {
			return importer.Choose(tx, i.ID, i.Version, importer.Choice{List: r.News, Options: importer.Options{Existing: importer.Fill}, Declare: word})
		})
	})
	otherwise := o // a word that was given goes with it
	otherwise.Note = "another"
	do(name+": tell it otherwise", func(tx *store.Tx) error {
		return r.imported(tx, name, func(i importer.Import) error { return importer.Tell(tx, i.ID, i.Version, otherwise) })
	})
	do(name+": tell the origin again", func(tx *store.Tx) error {
		return r.imported(tx, name, func(i importer.Import) error { return importer.Tell(tx, i.ID, i.Version, o) })
	})
	do(name+": choose again", func(tx *store.Tx) error {
		return r.imported(tx, name, func(i importer.Import) error {
			return importer.Choose(tx, i.ID, i.Version, importer.Choice{List: r.News, Options: importer.Options{Existing: importer.Fill}, Declare: word})
		})
	})
	do(name+": count again", func(tx *store.Tx) error { return importer.Refresh(tx, r.n[name]) })
	own(name+": write the count", func(ctx context.Context, _ actor.Actor) error {
		return importer.ForecastWork(ctx, &job.Run{DB: r.Main, Ref: r.n[name], Who: actor.Worker("importer.forecast", r.Account)})
	})
	do(name+": begin", func(tx *store.Tx) error { return importer.Begin(tx, r.n[name], false) })
}

func (r *run) imports(do verb, own, steps ownVerb) {
	day := func(ago time.Duration) string { return r.Clock().Add(-ago).Format(time.DateOnly) }
	site := importer.Origin{Kind: importer.Site, Where: "https://maison-thym.example", Words: "Oui, écrivez-moi.", From: day(4000 * time.Hour), To: day(100 * time.Hour)}
	r.bring(do, own, "import", table, site, true)
	do("stop an import", func(tx *store.Tx) error { return importer.Stop(tx, r.n["import"]) })
	do("go on with an import", func(tx *store.Tx) error { return importer.Begin(tx, r.n["import"], false) })
	steps("write an import", func(ctx context.Context, _ actor.Actor) error {
		return importer.Work(ctx, &job.Run{DB: r.Main, Ref: r.n["import"], Who: actor.Worker("importer.run", r.Account)})
	})
	r.bring(do, own, "waiting", "Email\ndecima@exemple.example\nundecima@exemple.example\n", importer.Origin{Kind: importer.Acquired, How: "bought", From: day(900 * time.Hour), To: day(48 * time.Hour)}, false)
	steps("write an import that waits", func(ctx context.Context, _ actor.Actor) error {
		return importer.Work(ctx, &job.Run{DB: r.Main, Ref: r.n["waiting"], Who: actor.Worker("importer.run", r.Account)})
	})
	bought := importer.Origin{Kind: importer.Acquired, How: "bought", From: day(900 * time.Hour), To: day(48 * time.Hour)}
	r.bring(do, own, "half", "email,consent date,consent ip,source,consent text\nquintadecima@exemple.example,"+day(500*time.Hour)+" 10:11:12,192.0.2.7,https://a.example/form,Oui.\n"+
		"sextadecima@exemple.example,,,https://a.example/form,\n", bought, false)
	steps("write an import of which half has proof", func(ctx context.Context, _ actor.Actor) error {
		return importer.Work(ctx, &job.Run{DB: r.Main, Ref: r.n["half"], Who: actor.Worker("importer.run", r.Account)})
	})
	do("release what has proof", func(tx *store.Tx) error {
		o := bought
		o.Partner = "Jardins Réunis"
		return importer.BeginRelease(tx, r.n["half"], o, false)
	})
	steps("release half, and tell the others what they lack", func(ctx context.Context, _ actor.Actor) error {
		return importer.ReleaseWork(ctx, &job.Run{DB: r.Main, Ref: r.n["half"], Who: actor.Worker("importer.release", r.Account)})
	})
	own("attach evidence for the other half", func(ctx context.Context, who actor.Actor) error {
		_, err := importer.Attach(ctx, r.Main, who, r.n["half"], "contrat.txt", strings.NewReader("Le contrat."))
		return err
	})
	do("release the other half", func(tx *store.Tx) error {
		o := bought
		o.Partner, o.Words = "Jardins Réunis", "Oui."
		return importer.BeginRelease(tx, r.n["half"], o, false)
	})
	steps("write the other half", func(ctx context.Context, _ actor.Actor) error {
		return importer.ReleaseWork(ctx, &job.Run{DB: r.Main, Ref: r.n["half"], Who: actor.Worker("importer.release", r.Account)})
	})
	own("attach evidence", func(ctx context.Context, who actor.Actor) error {
		_, err := importer.Attach(ctx, r.Main, who, r.n["waiting"], "contrat.txt", strings.NewReader("Le contrat avec le partenaire."))
		return err
	})
	do("release", func(tx *store.Tx) error {
		return importer.BeginRelease(tx, r.n["waiting"], importer.Origin{Kind: importer.Acquired, How: "bought", Partner: "Jardins Réunis", Words: "Oui.", From: day(900 * time.Hour), To: day(48 * time.Hour)}, false)
	})
	steps("write a release", func(ctx context.Context, _ actor.Actor) error {
		return importer.ReleaseWork(ctx, &job.Run{DB: r.Main, Ref: r.n["waiting"], Who: actor.Worker("importer.release", r.Account)})
	})
	r.undo(do, own, steps, site)
	r.sayOnce(do, own, steps)
	own("receive a file to throw away", func(ctx context.Context, who actor.Actor) error {
		id, err := importer.Receive(ctx, r.Main, who, "rien.csv", strings.NewReader(table))
		return r.keep("nothing", id, err)
	})
	do("discard an import", func(tx *store.Tx) error { return importer.Discard(tx, r.n["nothing"]) })
	do("add one person", func(tx *store.Tx) error {
		id, err := importer.Add(tx, importer.Single{Email: address.Must("duodecima@exemple.example"), Name: pii.T("Duodecima"), List: r.News, Origin: site, Word: true})
		return r.keep("single", id, err)
	})
	steps("import from the command line", func(ctx context.Context, who actor.Actor) error {
		_, err := importer.Run(ctx, r.Main, who, importer.Order{Name: "ligne.csv", Kind: importer.Paper, Where: "Le marché", Basis: consent.ByConsent, List: "Petits crus", Purpose: "Goûter",
			From: day(900 * time.Hour), To: day(48 * time.Hour), DeclaredBy: r.Member, Writers: 1, Options: importer.Options{Existing: importer.Fill},
			Open: func() (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader("Email;Nom\nvicesima@exemple.example;Vicesima\n")), nil
			},
			Evidence: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte("La feuille."))), nil }, EvidenceName: "feuille.txt"}, nil)
		return err
	})
}

func (r *run) chain(do, house verb) {
	do("write a provider down", func(tx *store.Tx) error {
		p, err := processor.Add(tx, processor.New{Kind: processor.Provider, Name: "Envoi Exemple SAS", Country: "FR", Place: processor.AtProvider,
			DPA: processor.DPA{Status: processor.Executed, Version: "3", URL: "https://envoi.example/dpa", From: tx.Now.Add(-time.Hour)}})
		return r.keep("provider", p.ID, err)
	})
	do("write our own server down", func(tx *store.Tx) error {
		p, err := processor.OurServer(tx, "Chez nous")
		return r.keep("ours", p.ID, err)
	})
	do("suspend a provider", func(tx *store.Tx) error { return processor.Suspend(tx, r.n["provider"], "incident") })
	do("resume a provider", func(tx *store.Tx) error { return processor.Resume(tx, r.n["provider"], "over") })
	do("set an agreement", func(tx *store.Tx) error {
		return processor.SetDPA(tx, r.n["provider"], processor.DPA{Status: processor.Executed, Version: "4", From: tx.Now.Add(-time.Hour), Until: tx.Now.Add(240 * time.Hour)})
	})
	do("say that the paper follows", func(tx *store.Tx) error { return processor.PaperFollows(tx, r.n["provider"]) })
	do("set a transfer", func(tx *store.Tx) error {
		return processor.Move(tx, r.n["provider"], processor.Transfer{Mechanism: processor.SCC, From: tx.Now.Add(-time.Hour)})
	})
	do("review a provider", func(tx *store.Tx) error { return processor.Reviewed(tx, r.n["provider"]) })
	do("add a service", func(tx *store.Tx) error {
		x, err := relay.Add(tx, relay.New{Name: "Exemple", Addr: "smtp.envoi.example:587", TLS: relay.StartTLS, Login: "thym", Password: "secret", Processor: r.n["provider"]})
		return r.keep("relay", x.ID, err)
	})
	do("add a simple service", func(tx *store.Tx) error {
		x, err := relay.AddSimple(tx, relay.Simple{Name: "Simple", Addr: "127.0.0.1:2525", TLS: "none", OwnServer: true})
		return r.keep("simple", x.ID, err)
	})
	do("choose a service", func(tx *store.Tx) error { return relay.Choose(tx, r.n["relay"]) })
	do("set a service's password", func(tx *store.Tx) error { return relay.SetPassword(tx, r.n["relay"], "thym", "autre") })
	house("choose the mailbox for all", func(tx *store.Tx) error { return relay.Choose(tx, relay.MailboxID) })
	do("choose the mailbox", func(tx *store.Tx) error { return relay.Choose(tx, relay.MailboxID) })
	do("retire a service", func(tx *store.Tx) error { return relay.Retire(tx, r.n["relay"]) })
	do("end with a provider", func(tx *store.Tx) error { return processor.Terminate(tx, r.n["provider"], "done") })
	house("publish terms", func(tx *store.Tx) error {
		t, err := legal.Publish(tx, legal.New{Version: "2026-1", URL: "https://exemple.example/terms"})
		return r.keep("terms", t.ID, err)
	})
	do("accept terms", func(tx *store.Tx) error { return legal.Accept(tx, r.n["terms"]) })
	do("decide a batch", func(tx *store.Tx) error {
		_, d, err := gate.Decide(tx, gate.Batch{Class: gate.Campaign, Campaign: 4711, List: r.News, Relay: relay.MailboxID, Approval: 1},
			[]gate.Candidate{{Contact: r.who(demo.Lea)}, {Contact: r.who(demo.Tom)}, {Contact: r.who(demo.Greta)}})
		if err == nil && (len(d) != 3 || d[0].Reason != gate.OK || d[1].Reason == gate.OK) {
			err = fmt.Errorf("decided: %v", d)
		}
		return err
	})
}

func (r *run) letters(do verb, steps, late ownVerb, later func(time.Duration)) {
	do("make a sender", func(tx *store.Tx) error {
		id, err := sender.Make(tx, sender.New{Name: "Atelier", Email: address.Must("atelier@maison-thym.example")})
		return r.keep("sender", id, err)
	})
	do("change a sender", func(tx *store.Tx) error {
		return sender.Change(tx, r.n["sender"], 0, sender.New{Name: "L’atelier", Email: address.Must("atelier@maison-thym.example"), ReplyTo: address.Must("bonjour@maison-thym.example")})
	})
	do("find or make a sender", func(tx *store.Tx) error {
		id, err := sender.Ensure(tx, sender.New{Name: "Boutique", Email: address.Must("boutique@maison-thym.example")})
		return r.keep("shop", id, err)
	})
	do("retire a sender", func(tx *store.Tx) error { return sender.Retire(tx, r.n["shop"]) })
	prepared, prepareErr := sender.Prepare("maison-thym.example")
	do("add a domain", func(tx *store.Tx) error {
		if prepareErr != nil {
			return prepareErr
		}
		id, err := sender.AddDomain(tx, prepared)
		return r.keep("domain", id, err)
	})
	do("look at a domain", func(tx *store.Tx) error { return sender.Looked(tx, r.n["domain"], true) })
	do("retire a domain", func(tx *store.Tx) error { return sender.RetireDomain(tx, r.n["domain"]) })

	text := campaign.Words{Name: "Rentrée", Subject: "La rentrée", Kind: template.Markdown, Body: "# Bonjour\n\nÀ bientôt.\n", Language: "fr", Colour: "#4d7c0f"}
	version := func(tx *store.Tx, name string) int64 {
		c, _ := campaign.Get(tx, r.n[name])
		return c.Version
	}
	approve := func(name string) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			return campaign.Approve(tx, r.n[name], version(tx, name), 3, campaign.UndoWindow)
		}
	}
	do("make a campaign", func(tx *store.Tx) error { id, err := campaign.Make(tx, text, 0); return r.keep("campaign", id, err) })
	do("write a campaign", func(tx *store.Tx) error {
		w := text
		w.Preheader = "Tout est prêt"
		return campaign.SetWords(tx, r.n["campaign"], version(tx, "campaign"), w)
	})
	do("set a campaign's sender", func(tx *store.Tx) error {
		return campaign.SetSender(tx, r.n["campaign"], version(tx, "campaign"), r.n["sender"])
	})
	do("set a campaign's lists", func(tx *store.Tx) error {
		return campaign.SetLists(tx, r.n["campaign"], version(tx, "campaign"), []int64{r.News, r.n["list"]}, []int64{r.Club})
	})
	do("narrow a campaign by a segment", func(tx *store.Tx) error {
		return campaign.SetSegment(tx, r.n["campaign"], version(tx, "campaign"), r.n["segment"])
	})
	do("copy a campaign", func(tx *store.Tx) error {
		id, err := campaign.Copy(tx, r.n["campaign"], "Rentrée bis")
		return r.keep("copy", id, err)
	})
	do("drop a campaign", func(tx *store.Tx) error { return campaign.Drop(tx, r.n["copy"]) })
	do("approve a campaign", approve("campaign"))
	do("undo an approval", func(tx *store.Tx) error { return campaign.Undo(tx, r.n["campaign"]) })
	do("approve a campaign again", approve("campaign"))
	steps("freeze a campaign", func(ctx context.Context, _ actor.Actor) error {
		return campaign.Freeze(ctx, r.Main, actor.Worker("campaign", r.Account), r.n["campaign"])
	})
	later(24 * time.Hour) // the undo window is over
	do("pause a campaign", func(tx *store.Tx) error { return campaign.Pause(tx, r.n["campaign"]) })
	do("resume a campaign", func(tx *store.Tx) error { return campaign.Resume(tx, r.n["campaign"]) })
	late("send a campaign", func(ctx context.Context, _ actor.Actor) error { return r.Campaigns.Settle(ctx) })
	do("send a campaign in one act", func(tx *store.Tx) error {
		id, err := campaign.SendQuick(tx, campaign.Quick{List: r.Club, Subject: "Vite", HTML: `<p>Bonjour</p><p><a href="{{ unsubscribe }}">Se désinscrire</a></p>`,
			Sender: sender.New{Email: address.Must(demo.OwnerEmail)}, Undo: time.Minute})
		return r.keep("quick", id, err)
	})
	do("stop a campaign", func(tx *store.Tx) error { return campaign.StopIt(tx, r.n["quick"]) })
	late("leave out who was not written to", func(ctx context.Context, _ actor.Actor) error { return r.Campaigns.Settle(ctx) })
	do("send another in one act", func(tx *store.Tx) error {
		id, err := campaign.SendQuick(tx, campaign.Quick{List: r.Club, Subject: "Encore", HTML: `<p>Bonjour</p><p><a href="{{ unsubscribe }}">Se désinscrire</a></p>`,
			Sender: sender.New{Email: address.Must(demo.OwnerEmail)}, Undo: time.Minute})
		return r.keep("quick2", id, err)
	})
	late("send the other", func(ctx context.Context, _ actor.Actor) error { return r.Campaigns.Settle(ctx) })
	later(time.Hour)
}

func (r *run) service(do, house verb, steps, late ownVerb) {
	do("post a fact", func(tx *store.Tx) error { job.Post(tx, evidence.CheckpointDue, r.Member); return nil })
	late("handle facts", func(ctx context.Context, _ actor.Actor) error { return r.Jobs.Settle(ctx) })
	do("ask for a mail", func(tx *store.Tx) error { message.Post(tx, evidence.CheckpointDue, r.Member); return nil })
	do("claim, write down and book a mail", func(tx *store.Tx) error {
		list, claim, err := message.Claim(tx, 1)
		if err != nil || len(list) == 0 {
			return fmt.Errorf("%d mails: %w", len(list), err)
		}
		m := list[0]
		m.Class, m.MemberID, m.RelayID = gate.Checkpoint, r.Member, relay.MailboxID
		message.Written(tx, m)
		message.Renew(tx, claim)
		m.State, m.Reason = message.Uncertain, message.NoAnswer
		message.Book(tx, m)
		return r.keep("mail", m.ID, nil)
	})
	do("send a mail again", func(tx *store.Tx) error { return message.Again(tx, r.n["mail"]) })
	do("claim mails", func(tx *store.Tx) error { _, _, err := message.Claim(tx, 5); return err })
	do("wake what was held", func(tx *store.Tx) error { message.Release(tx); return nil })
	house("free what was claimed", func(tx *store.Tx) error { message.Abandon(tx); return nil })
	do("owe the owners a checkpoint", func(tx *store.Tx) error { return evidence.OwnersDue(tx) })
	late("make mails of facts", func(ctx context.Context, _ actor.Actor) error { return r.Jobs.Settle(ctx) })
	do("empty the mailbox", func(tx *store.Tx) error { return relay.EmptyMailbox(tx, 1<<50) })
	steps("sweep the mailbox", func(ctx context.Context, _ actor.Actor) error { return relay.Sweep(r.Main)(ctx) })
	steps("sweep mails", func(ctx context.Context, _ actor.Actor) error { return message.Sweep(r.Main)(ctx) })
}

func (r *run) team(do, house verb, own, steps, late ownVerb, later func(time.Duration)) {
	do("invite a member", func(tx *store.Tx) error {
		m, err := member.Invite(tx, member.New{Email: address.Must("robin@maison-thym.example"), Name: pii.T("Robin"), Role: member.Editor, Language: "fr"})
		return r.keep("robin", m.ID, err)
	})
	do("remind a member", func(tx *store.Tx) error { return member.Remind(tx, r.n["robin"]) })
	do("make an invitation", func(tx *store.Tx) error {
		t, _ := login.NewLink(tx, login.Invitation, r.n["robin"])
		r.s["invitation"] = t.Raw()
		return nil
	})
	own("accept an invitation", func(ctx context.Context, who actor.Actor) error {
		in, err := r.Desk.Accept(ctx, r.visitor, r.s["invitation"], access.Joining{Name: pii.T("Robin"), Password: "une longue phrase de passe", Language: "fr"})
		r.s["robin"] = in.Token.Raw()
		return err
	})
	do("change a role", func(tx *store.Tx) error { return member.SetRole(tx, r.n["robin"], member.Admin) })
	do("change a profile", func(tx *store.Tx) error {
		return member.SetProfile(tx, r.Member, member.Profile{Name: pii.T("Camille R."), Language: "en", Theme: "dark"})
	})
	do("remove a member", func(tx *store.Tx) error { return member.Remove(tx, r.n["robin"]) })
	do("add a member who joins", func(tx *store.Tx) error {
		m, err := member.Add(tx, member.New{Email: address.Must("sacha@maison-thym.example"), Role: member.Viewer})
		if err == nil {
			m, err = member.Join(tx, m.ID, 0, pii.T("Sacha"), "fr")
		}
		if err == nil {
			member.Seen(tx, m.ID)
		}
		return r.keep("sacha", m.ID, err)
	})
	do("make a key for a program", func(tx *store.Tx) error {
		k, t, err := apikey.Create(tx, apikey.New{Name: "Boutique"})
		r.s["key"] = t.Raw()
		return r.keep("key", k.ID, err)
	})
	steps("come in with a key", func(ctx context.Context, _ actor.Actor) error {
		_, _, err := apikey.Find(ctx, r.Main, r.s["key"])
		return err
	})
	do("revoke a key", func(tx *store.Tx) error { return apikey.Revoke(tx, r.n["key"]) })
	own("open an account", func(ctx context.Context, _ actor.Actor) error {
		id, _, err := r.Desk.OpenAccount(ctx, actor.Actor{Kind: actor.Command, Name: "nth"}, account.New{Details: account.Details{Name: "Troisième Maison", Postal: "3 rue de l’Exemple\n69001 Lyon", Country: "FR"}},
			member.New{Email: address.Must("owner@troisieme.example"), Name: pii.T("Alex")}, nil)
		return r.keep("third", id, err)
	})
	do("change an account", func(tx *store.Tx) error {
		a, err := account.Get(tx)
		if err != nil {
			return err
		}
		a.Details.Colour = "#0f766e"
		return account.Change(tx, "", a.Details)
	})
	do("choose a rule", func(tx *store.Tx) error {
		_, err := account.SetRule(tx, rulepack.Decision{Key: rulepack.DOIToken, Value: "6"})
		return err
	})
	house("decide a rule for all", func(tx *store.Tx) error {
		_, err := account.SetRule(tx, rulepack.Decision{Key: rulepack.RightsTarget, Value: "5", Reason: "we have the people"})
		return err
	})
	do("suspend an account", func(tx *store.Tx) error { return account.Suspend(tx, "abuse") })
	do("resume an account", func(tx *store.Tx) error { return account.Resume(tx) })

	own("make a link for a member", func(ctx context.Context, who actor.Actor) error {
		t, err := r.Desk.LinkFor(ctx, actor.Actor{Kind: actor.Command, Name: "nth", Account: r.Account}, address.Must(demo.OwnerEmail))
		r.s["link"] = t.Raw()
		return err
	})
	own("follow a link", func(ctx context.Context, _ actor.Actor) error {
		in, err := r.Desk.FollowLink(ctx, r.visitor, r.s["link"])
		r.s["session"] = in.Token.Raw()
		return err
	})
	later(time.Hour)
	steps("find a session", func(ctx context.Context, _ actor.Actor) (err error) {
		r.found, err = r.Desk.Find(ctx, r.s["session"])
		return err
	})
	own("begin codes", func(ctx context.Context, who actor.Actor) error { return r.Desk.StartCodes(ctx, who, r.found) })
	own("turn codes on", func(ctx context.Context, who actor.Actor) error {
		code, err := r.code(ctx, who)
		if err == nil {
			_, err = r.Desk.ConfirmCodes(ctx, who, r.found, code)
		}
		return err
	})
	own("renew recovery codes", func(ctx context.Context, who actor.Actor) error {
		codes, err := r.Desk.RenewCodes(ctx, who, r.found)
		if err == nil {
			r.s["code"] = codes[0]
		}
		return err
	})
	late("sign in with a recovery code", func(ctx context.Context, _ actor.Actor) error {
		in, err := r.Desk.SignIn(ctx, r.visitor, demo.OwnerEmail, "thym, romarin & sauge")
		if err == nil {
			_, err = r.Desk.Code(ctx, r.visitor, in.Second.Raw(), r.s["code"])
		}
		return err
	})
	own("turn codes off", func(ctx context.Context, who actor.Actor) error { return r.Desk.EndCodes(ctx, who, r.found) })
	do("make a link to reset", func(tx *store.Tx) error {
		t, _ := login.NewLink(tx, login.Reset, r.Member)
		r.s["reset"] = t.Raw()
		return nil
	})
	own("reset a password", func(ctx context.Context, _ actor.Actor) error {
		in, err := r.Desk.Reset(ctx, r.visitor, r.s["reset"], "sauge, thym & sarriette")
		r.s["session"] = in.Token.Raw()
		return err
	})
	own("find the new session", func(ctx context.Context, _ actor.Actor) (err error) {
		r.found, err = r.Desk.Find(ctx, r.s["session"])
		return err
	})
	steps("sign in", func(ctx context.Context, _ actor.Actor) error {
		_, err := r.Desk.SignIn(ctx, r.visitor, demo.OwnerEmail, "sauge, thym & sarriette")
		return err
	})
	steps("prove the password again", func(ctx context.Context, who actor.Actor) error {
		return r.Desk.Again(ctx, who, r.found, "sauge, thym & sarriette")
	})
	own("end the other sessions", func(ctx context.Context, who actor.Actor) error { return r.Desk.EndOtherSessions(ctx, who, r.found) })
	steps("change a password", func(ctx context.Context, who actor.Actor) error {
		in, err := r.Desk.ChangePassword(ctx, who, r.found, "sauge, thym & sarriette", "sauge, thym & marjolaine")
		r.s["session"] = in.Token.Raw()
		return err
	})
	own("sign out", func(ctx context.Context, who actor.Actor) error { return r.Desk.Out(ctx, who, r.s["session"]) })
	steps("sweep sessions and links", func(ctx context.Context, _ actor.Actor) error { return r.Desk.Sweep(ctx) })
}

// code is what the owner's app shows (RFC 6238).
func (r *run) code(ctx context.Context, who actor.Actor) (string, error) {
	s, err := r.Desk.Security(ctx, who, r.found)
	if err != nil {
		return "", err
	}
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s.Pending.Raw())
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha1.New, key)
	binary.Write(mac, binary.BigEndian, r.Clock().Unix()/30)
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000), nil
}

func (r *run) ground(do, house verb, own, steps ownVerb) {
	do("append to the trace", func(tx *store.Tx) error {
		_, err := trace.Append(tx, trace.Act{Action: "test.act", Clear: proof.Fields{"a": "b"}})
		return err
	})
	do("append a set to the trace", func(tx *store.Tx) error {
		_, err := trace.AppendSet(tx, trace.Act{Action: "test.set"}, []trace.Member{{Clear: proof.Fields{"n": "1"}}, {Clear: proof.Fields{"n": "2"}}})
		return err
	})
	house("append a set of the installation", func(tx *store.Tx) error {
		_, err := trace.AppendSet(tx, trace.Act{Action: "test.set"}, []trace.Member{{Clear: proof.Fields{"n": "1"}}, {Clear: proof.Fields{"n": "2"}}})
		return err
	})
	own("look at people", func(ctx context.Context, who actor.Actor) error {
		return trace.Look(ctx, r.Main, who, trace.Looked{Object: "contact", ObjectID: r.n["una"], Contacts: []int64{r.n["una"], r.n["dua"]}})
	})
	do("begin long work", func(tx *store.Tx) error { job.Start(tx, "test.work", 4711); return nil })
	steps("seal the trace", func(ctx context.Context, _ actor.Actor) error { return trace.SealNow(ctx, r.Main) })
	own("make keys ahead", func(ctx context.Context, _ actor.Actor) error { return r.Ring.Ahead(ctx, r.Account, 300) })
	own("make keys of an account", func(ctx context.Context, _ actor.Actor) error { return r.Ring.MakeAccount(ctx, 999_001) })
	steps("renew the root key", func(ctx context.Context, _ actor.Actor) error { return r.Ring.RotateRoot(ctx) })
	own("destroy keys nobody leans on", func(ctx context.Context, _ actor.Actor) error {
		_, err := r.Ring.Sweep(ctx, r.Account, func(sheet int64) (slots []int, err error) {
			err = r.Main.View(ctx, r.owner, func(v *store.View) error { slots, err = contact.Named(v, sheet); return err })
			return slots, err
		})
		return err
	})
}

// ends are the acts after which people are gone.
func (r *run) ends() []act {
	return []act{
		{name: "begin to erase a person", who: r.owner, tx: func(tx *store.Tx) error { return contact.BeginErasing(tx, r.who(demo.Greta), "asked") }},
		{name: "drop people", who: r.owner, purge: "waiting.life", tx: func(tx *store.Tx) error {
			gone, err := contact.Drop(tx, []int64{r.n["una"], r.n["dua"]}, "waiting.life")
			if err == nil && len(gone) != 2 {
				err = fmt.Errorf("%d went", len(gone))
			}
			return err
		}},
		{name: "forget keys", who: r.owner, steps: true, own: func(ctx context.Context, _ actor.Actor) error { return contact.Forget(ctx, r.Main) }},
		{name: "remind of waiting people", who: r.owner, steps: true, after: 8 * 24 * time.Hour, own: func(ctx context.Context, _ actor.Actor) error { return importer.Daily(r.Main)(ctx) }},
		{name: "who never confirmed goes", who: r.owner, steps: true, after: 30 * 24 * time.Hour, own: func(ctx context.Context, _ actor.Actor) error { return form.Sweep(ctx, r.Main) }},
		{name: "sweep budgets", who: r.owner, steps: true, own: func(ctx context.Context, _ actor.Actor) error { return budget.Sweep(ctx, r.Main) }},
		{name: "waiting people leave", who: r.owner, steps: true, after: 40 * 24 * time.Hour, own: func(ctx context.Context, _ actor.Actor) error { return importer.Daily(r.Main)(ctx) }},
	}
}
