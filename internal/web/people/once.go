// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"net/http"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/compose"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/once"
	"consend/internal/web/shell"
)

// saying is what somebody sees before they let a mail go that people get once.
type saying struct {
	kind    once.Kind
	list    list.List
	imp     importer.Import // 0: everybody on the list
	known   bool            // they are counted: over a long list it takes seconds
	count   []once.Tally
	so      []once.Outcome
	running bool
	lacks   string          // the key of what is missing, such as a published note
	mails   []compose.Draft // one a language
	own     bool            // people are told by themselves before the month ends,
	ahead   int             // so many days
}

func (s saying) path() string {
	if s.kind == once.Tell {
		return "/once/tell/" + dec(s.imp.ID)
	}
	if s.imp.ID != 0 {
		return "/once/ask/" + dec(s.list.ID) + "?import=" + dec(s.imp.ID)
	}
	return "/once/ask/" + dec(s.list.ID)
}

// then is the page with the count.
func (s saying) then() string {
	if s.known || s.running {
		return ""
	}
	if strings.Contains(s.path(), "?") {
		return s.path() + "&count=1"
	}
	return s.path() + "?count=1"
}

// back is where the page was opened from.
func (s saying) back() shell.Link {
	if s.imp.ID != 0 {
		return shell.Link{Label: s.imp.Name, URL: "/import/" + dec(s.imp.ID)}
	}
	return shell.Link{Label: s.list.Name, URL: "/lists/" + dec(s.list.ID)}
}

// section is where the menu shows it.
func (s saying) section() string {
	if s.imp.ID != 0 {
		return "import"
	}
	return "lists"
}

func (s saying) key(rest string) string { return "web_once." + string(s.kind) + rest }

// saying finds what it is about: an import, or with none a whole list.
func (p *Pages) saying(r *shell.Request, kind once.Kind) (s saying, err error) {
	s.kind = kind
	id, err := r.ID("id")
	if err != nil {
		return s, err
	}
	imp := id
	if kind == once.Ask {
		imp, _ = strconv.ParseInt(r.Q("import"), 10, 64)
	}
	err = p.view(r, func(v *store.View) (err error) {
		if imp != 0 {
			if s.imp, err = importer.Get(v, imp); err != nil {
				return err
			}
		}
		of := id
		if kind == once.Tell {
			of = s.imp.List
		}
		if of == 0 {
			return fault.New(fault.Conflict, "once.tell.direct")
		}
		s.list, err = list.Get(v, of)
		return err
	})
	return s, err
}

// counted counts who would get it.
func (s *saying) counted(v *store.View) (err error) {
	s.known = true
	if s.kind == once.Tell {
		s.count, err = once.CountTell(v, s.list.ID, s.imp.ID)
	} else {
		s.count, err = once.CountAsk(v, s.list.ID, s.imp.ID)
	}
	return err
}

// read reads what became of those before, and every word.
func (s *saying) read(v *store.View) (err error) {
	if s.kind == once.Tell {
		s.so, err = once.Told(v, s.imp.ID)
	} else {
		s.so, err = once.Asked(v, s.list.ID)
	}
	if err != nil {
		return err
	}
	last, err := once.Runs(v, s.kind, s.list.ID, 1)
	if err != nil {
		return err
	}
	s.running = len(last) > 0 && last[0].EndedAt == 0
	if s.own, err = once.ByItself(v); err != nil {
		return err
	}
	if s.ahead, err = once.Ahead(v); err != nil {
		return err
	}
	for _, lang := range locale.Languages() {
		d, err := once.Sample(v, s.kind, s.list.ID, s.imp.ID, lang)
		if fault.Is(err, fault.Conflict) {
			s.lacks = fault.All(err)[0].Key
			return nil
		}
		if err != nil {
			return err
		}
		s.mails = append(s.mails, d)
	}
	return nil
}

func (p *Pages) onceTell(r *shell.Request) error { return p.onceOf(r, once.Tell) }
func (p *Pages) onceAsk(r *shell.Request) error  { return p.onceOf(r, once.Ask) }

func (p *Pages) onceOf(r *shell.Request, kind once.Kind) error {
	s, err := p.saying(r, kind)
	if err != nil {
		return err
	}
	if err := p.view(r, s.read); err != nil {
		return err
	}
	if r.Q("count") != "" && !s.running { // in a look of its own, the page is read already
		if err := p.view(r, s.counted); err != nil {
			return err
		}
	}
	return r.Render(http.StatusOK, oncePage(r, s))
}

func (p *Pages) onceTellPost(r *shell.Request) error {
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	return p.oncePost(r, once.Tell, func(tx *store.Tx, s saying) error {
		if f.Get("do") == "again" {
			return once.TellAgain(tx, s.imp.ID)
		}
		_, err := once.BeginTell(tx, s.imp.ID, once.Free(s.count))
		return err
	})
}

func (p *Pages) onceAskPost(r *shell.Request) error {
	return p.oncePost(r, once.Ask, func(tx *store.Tx, s saying) error {
		_, err := once.BeginAsk(tx, s.list.ID, s.imp.ID, once.Free(s.count))
		return err
	})
}

func (p *Pages) oncePost(r *shell.Request, kind once.Kind, begin func(tx *store.Tx, s saying) error) error {
	s, err := p.saying(r, kind)
	if err != nil {
		return err
	}
	if err := p.view(r, s.counted); err != nil { // before the act: a long list is counted for seconds
		return err
	}
	if err := p.write(r, func(tx *store.Tx) error { return begin(tx, s) }); err != nil {
		if fault.Is(err, fault.Conflict) { // a second press, or what is missing: the page says how it stands
			return r.Redirect(http.StatusSeeOther, s.path())
		}
		return err
	}
	return r.Redirect(http.StatusSeeOther, s.path(), s.key(".done"))
}

// onceSwitchPost sets whether people are told by themselves.
func (p *Pages) onceSwitchPost(r *shell.Request) error {
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	if err := p.write(r, func(tx *store.Tx) error { return once.SetByItself(tx, f.Get("do") == "start") }); err != nil {
		return err
	}
	to := "/import"
	if id, err := strconv.ParseInt(f.Get("import"), 10, 64); err == nil && id > 0 {
		to = "/once/tell/" + dec(id)
	}
	return r.Redirect(http.StatusSeeOther, to, "web_once.by_itself.saved")
}

// onceRun leads from an act to what it was about.
func (p *Pages) onceRun(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	var run once.Run
	if err := p.view(r, func(v *store.View) (err error) { run, err = once.Get(v, id); return err }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, saying{kind: run.Kind, list: list.List{ID: run.ListID}, imp: importer.Import{ID: run.ImportID}}.path())
}

// whoSays is the count in one sentence.
func whoSays(r *shell.Request, s saying) string {
	n := once.Free(s.count)
	switch {
	case !s.known:
		return r.P.T("web_once.who.counting")
	case n == 0:
		return r.P.T("web_once.who.none")
	}
	return r.P.N("web_once.who.some", int(n), "n", r.P.Number(n))
}

// whoGets is the count of a saying, those who get it first.
func whoGets(r *shell.Request, s saying) []shell.Fact {
	var out []shell.Fact
	for _, t := range s.count {
		if t.Reason == "" {
			out = append([]shell.Fact{{Label: r.P.T("web_once.who.yes"), Value: shell.Badge(shell.Good, r.P.Number(t.People))}}, out...)
			continue
		}
		out = append(out, shell.Fact{Label: r.P.Or("web_once.reason."+t.Reason, r.P.T("gate.reason."+t.Reason)), Value: shell.Num(t.People)})
	}
	return out
}

// in is how many are in a state.
func in(s saying, state once.State) (n int64) {
	for _, o := range s.so {
		if o.State == state {
			n += o.People
		}
	}
	return n
}

// soFar is what became of those who were told or asked before.
func soFar(r *shell.Request, s saying) []shell.Fact {
	states, answers := map[once.State]int64{}, map[string]int64{}
	for _, o := range s.so {
		states[o.State] += o.People
		answers[o.Answer] += o.People
	}
	var out []shell.Fact
	for _, k := range once.States() {
		if n := states[k]; n > 0 {
			out = append(out, shell.Fact{Label: r.P.T("web_once.state." + string(k)), Value: shell.Num(n)})
		}
	}
	for _, a := range []string{"yes", "no"} {
		if n := answers[a]; n > 0 {
			out = append(out, shell.Fact{Label: r.P.T("web_once.answer." + a), Value: shell.Num(n)})
		}
	}
	return out
}
