// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"net/http"
	"slices"
	"strings"

	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/web/shell"
)

// tally is how many people stand where on a list.
type tally map[consent.Status]int64

func tallies(counts []consent.Count) map[int64]tally {
	out := map[int64]tally{}
	for _, c := range counts {
		if out[c.ListID] == nil {
			out[c.ListID] = tally{}
		}
		out[c.ListID][c.State] = c.People
	}
	return out
}

// shelf is a purpose with its lists.
type shelf struct {
	p        list.Purpose
	lists    []list.List
	measures bool // its one list measures
}

func (p *Pages) lists(r *shell.Request) error {
	var shelves []shelf
	var retired []list.List
	var counts []consent.Count
	var folders []string
	folder := r.Q("folder")
	err := p.view(r, func(v *store.View) error {
		purposes, err := list.Purposes(v)
		if err != nil {
			return err
		}
		all, err := list.All(v)
		if err != nil {
			return err
		}
		folders = list.Folders(all)
		for _, x := range purposes {
			s := shelf{p: x}
			for _, l := range all {
				switch {
				case l.PurposeID != x.ID:
				case l.RetiredAt != 0:
					retired = append(retired, l)
				case folder != "" && l.Folder != folder:
				default:
					s.lists = append(s.lists, l)
					s.measures = s.measures || l.Measures != ""
				}
			}
			if folder == "" || len(s.lists) > 0 {
				shelves = append(shelves, s)
			}
		}
		counts, err = consent.Counts(v)
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, listsPage(r, shelves, retired, tallies(counts), folders, folder))
}

// words reads public words in each language; the list's own checks say which may be.
func words(f *shell.Form) list.Words {
	w := list.Words{}
	for name := range f.Values {
		if lang, ok := strings.CutPrefix(name, "public_"); ok && f.Get(name) != "" {
			w[lang] = f.Get(name)
		}
	}
	return w
}

// tongues are the languages that words are asked in beside the house's: those the account's forms speak,
// and those that words are in already.
func (p *Pages) tongues(r *shell.Request, has list.Words) (out []form.Tongue, err error) {
	err = p.view(r, func(v *store.View) (err error) { out, err = form.Tongues(v); return err })
	var more []form.Tongue
	for code := range has {
		t, ok := form.NewTongue(code, "", "")
		if ok && t.Code == code && !slices.ContainsFunc(out, func(x form.Tongue) bool { return x.Code == code }) {
			more = append(more, t)
		}
	}
	slices.SortFunc(more, func(a, b form.Tongue) int { return strings.Compare(a.Code, b.Code) })
	return append(out, more...), err
}

func wordsForm(seen, name string, w list.Words) *shell.Form {
	f := shell.NewForm("seen", seen, "name", name)
	for lang, s := range w {
		f.Values.Set("public_"+lang, s)
	}
	return f
}

func purposeForm(p list.Purpose) *shell.Form {
	f := wordsForm(p.Mark(), p.Name, p.Public)
	if p.Service {
		f.Values.Set("service", "yes")
	}
	return f
}

func editForm(l list.List) *shell.Form {
	f := wordsForm(l.Mark(), l.Name, l.Public)
	f.Values.Set("folder", l.Folder)
	if l.Offered {
		f.Values.Set("offered", "yes")
	}
	return f
}

// listMovePost puts a list one place up or down.
func (p *Pages) listMovePost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	if err := p.write(r, func(tx *store.Tx) error { return list.Move(tx, id, f.Get("do") == "up") }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/lists")
}

func (p *Pages) purposes(r *shell.Request) (out []shell.Choice, err error) {
	err = p.view(r, func(v *store.View) error {
		lists, err := list.InUse(v)
		if err != nil {
			return err
		}
		grants := map[int64]bool{} // what people say yes to without mail stands alone
		for _, l := range lists {
			grants[l.PurposeID] = grants[l.PurposeID] || l.Kind == list.Grant
		}
		all, err := list.Purposes(v)
		for _, x := range all {
			if x.RetiredAt == 0 && !grants[x.ID] {
				out = append(out, shell.Choice{Value: dec(x.ID), Label: x.Name, Hint: x.Public.In(r.P.Lang)})
			}
		}
		return err
	})
	return out, err
}

func (p *Pages) listNew(r *shell.Request) error {
	choices, err := p.purposes(r)
	if err != nil {
		return err
	}
	if len(choices) == 0 {
		return r.Redirect(http.StatusSeeOther, "/purposes/new")
	}
	f := shell.NewForm("purpose", r.Q("purpose"))
	if len(choices) == 1 {
		f.Values.Set("purpose", choices[0].Value)
	}
	tongues, err := p.tongues(r, nil)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, listNewPage(r, f, choices, tongues))
}

func (p *Pages) listNewPost(r *shell.Request) error {
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	purpose, _ := f.Int("purpose")
	var id int64
	err = p.write(r, func(tx *store.Tx) (err error) {
		id, err = list.Make(tx, list.New{Name: f.Get("name"), Purpose: purpose, Public: words(f), Folder: f.Get("folder"), Offered: f.Get("offered") != ""})
		return err
	})
	if f.Take(err) {
		choices, err := p.purposes(r)
		if err != nil {
			return err
		}
		tongues, err := p.tongues(r, words(f))
		if err != nil {
			return err
		}
		return r.Render(http.StatusUnprocessableEntity, listNewPage(r, f, choices, tongues))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/lists/"+dec(id), "people.list.made")
}

// shown is what a list's page shows.
type shown struct {
	l     list.List
	count tally
	why   []consent.Tally // counted only when asked: it looks at every person of the list
	asked bool
}

func (p *Pages) readList(r *shell.Request) (s shown, err error) {
	id, err := r.ID("id")
	if err != nil {
		return s, err
	}
	s.asked = r.Q("why") != ""
	err = p.view(r, func(v *store.View) (err error) {
		if s.l, err = list.Get(v, id); err != nil {
			return err
		}
		counts, err := consent.CountsOf(v, id)
		if err != nil {
			return err
		}
		if s.count = tallies(counts)[id]; s.asked {
			s.why, err = consent.CountReasons(v, id)
		}
		return err
	})
	slices.SortFunc(s.why, func(a, b consent.Tally) int { return int(b.People - a.People) })
	return s, err
}

func (p *Pages) list(r *shell.Request) error {
	s, err := p.readList(r)
	if err != nil {
		return err
	}
	tongues, err := p.tongues(r, s.l.Public)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, listPage(r, s, editForm(s.l), tongues))
}

func (p *Pages) listPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	err = p.write(r, func(tx *store.Tx) error {
		return list.Edit(tx, id, f.Get("seen"), list.Change{Name: f.Get("name"), Public: words(f), Folder: f.Get("folder"), Offered: f.Get("offered") != ""})
	})
	if f.Take(err) {
		s, err := p.readList(r)
		if err != nil {
			return err
		}
		tongues, err := p.tongues(r, words(f))
		if err != nil {
			return err
		}
		return r.Render(http.StatusUnprocessableEntity, listPage(r, s, f, tongues))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/lists/"+dec(id), "people.list.saved")
}

func (p *Pages) purposeNew(r *shell.Request) error {
	tongues, err := p.tongues(r, nil)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, purposeNewPage(r, shell.NewForm(), tongues))
}

func (p *Pages) purposeNewPost(r *shell.Request) error {
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	var id int64
	err = p.write(r, func(tx *store.Tx) (err error) {
		id, err = list.MakePurpose(tx, list.NewPurpose{Name: f.Get("name"), Public: words(f), Family: f.Get("family"), Service: f.Get("service") != ""})
		return err
	})
	if f.Take(err) {
		tongues, err := p.tongues(r, words(f))
		if err != nil {
			return err
		}
		return r.Render(http.StatusUnprocessableEntity, purposeNewPage(r, f, tongues))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/lists/new?purpose="+dec(id), "people.purpose.made")
}

func (p *Pages) readPurpose(r *shell.Request) (x list.Purpose, n int, err error) {
	id, err := r.ID("id")
	if err != nil {
		return x, 0, err
	}
	err = p.view(r, func(v *store.View) (err error) {
		if x, err = list.GetPurpose(v, id); err != nil {
			return err
		}
		all, err := list.InUse(v)
		for _, l := range all {
			if l.PurposeID == id {
				n++
			}
		}
		return err
	})
	return x, n, err
}

func (p *Pages) purpose(r *shell.Request) error {
	x, n, err := p.readPurpose(r)
	if err != nil {
		return err
	}
	tongues, err := p.tongues(r, x.Public)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, purposePage(r, x, n, purposeForm(x), tongues))
}

func (p *Pages) purposePost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	err = p.write(r, func(tx *store.Tx) error {
		return list.EditPurpose(tx, id, f.Get("seen"), f.Get("name"), words(f), f.Get("service") != "")
	})
	if f.Take(err) {
		x, n, err := p.readPurpose(r)
		if err != nil {
			return err
		}
		tongues, err := p.tongues(r, words(f))
		if err != nil {
			return err
		}
		return r.Render(http.StatusUnprocessableEntity, purposePage(r, x, n, f, tongues))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/lists", "people.purpose.saved")
}
