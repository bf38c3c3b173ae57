// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"cmp"
	"slices"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/move"
	"consend/internal/web/shell"
)

// mine is everything an account sends one person, or measures of them.
type mine struct {
	address  string
	name     string
	country  string
	mails    []topic // what the person stands on, and what is offered, by purpose
	measures []measure
	special  []choice // what they expressly agreed to (GDPR 9(2)(a))
	any      bool     // something can still be stopped
	left     bool     // the link may lie in a mailbox they have left: it stops, and shows nothing of them
	merged   bool     // their mail goes to another contact, whose address it is that can change
	quiet    bool     // mail may come that can be paused, or be less
	paused   legalclock.Moment
	pace     contact.Pace
	said     string
	speaks   []shell.Language // that can be chosen
}

// leftBehind tells whether a link to the choices may lie in a mailbox the person has left: it was made for another address
// than the one they have now, or before links told for which, and they moved since.
func leftBehind(r store.Reader, t token.Token, c contact.Contact) (bool, error) {
	if len(t.Objects) == 2 {
		marks, err := contact.NewMarks(r)
		return err != nil || marks.Of(c.Email) != t.Objects[1], err
	}
	moved, err := move.Last(r, []int64{c.ID})
	return moved[c.ID] != 0, err
}

// older is the answer to who asks for more than stopping by a link that lies where the person may be no more.
func older() error { return fault.New(fault.Forbidden, "public.choices.newer") }

// topic is a purpose with its lists.
type topic struct {
	title titled // "" where its one list says it already
	lists []choice
}

// choice is one list and where the person stands.
type choice struct {
	list  int64
	title titled
	state string
	tone  shell.Tone
	since legalclock.Moment
	by    string // what it rests on, in words
	do    string // leave, back or ""
	label string

	receipt string // the page of the yes behind it, when there is one
}

// measure is one kind of measuring and what the person said of it.
type measure struct {
	what, title string
	state       string
	tone        shell.Tone
	since       legalclock.Moment
	no          legalclock.Moment
	live, ask   bool
	informed    bool
	receipt     string
}

// languages are those that can be chosen: the house's, those of the account's forms, and the person's own.
func languages(r *shell.Request, v store.Reader, own string) ([]shell.Language, error) {
	var out []shell.Language
	add := func(code, name string) {
		if !slices.ContainsFunc(out, func(l shell.Language) bool { return l.Code == code }) {
			out = append(out, shell.Language{Code: code, Name: name, Now: code == own})
		}
	}
	for _, l := range locale.Languages() {
		add(l, r.P.T("locale.name."+l))
	}
	tongues, err := form.Tongues(v)
	for _, t := range tongues {
		add(t.Code, t.Name)
	}
	if t, ok := form.NewTongue(own, "", ""); ok {
		add(own, t.Name)
	}
	return out, err
}

func (p *Pages) choices(r *shell.Request) error { return p.choicesPage(r, "") }

func (p *Pages) choicesPage(r *shell.Request, said string) error {
	t, err := p.link(r, "token", token.Preferences, 1, 2)
	if err != nil {
		return err
	}
	var m mine
	err = p.view(r, func(v *store.View) (err error) { m, err = p.mine(r, v, t); return err })
	if fault.Is(err, fault.NotFound) {
		return say(r, ok, word{Title: r.P.T("public.choices.title"), Text: r.P.T("public.left.nothing"), Tone: shell.Good})
	}
	if err != nil {
		return err
	}
	if said != "" {
		m.said = r.P.T(said)
	}
	return r.Render(ok, choicesPage(r, m))
}

func (p *Pages) mine(r *shell.Request, v *store.View, t token.Token) (mine, error) {
	id := t.Objects[0]
	c, err := contact.Get(v, id)
	if err != nil {
		return mine{}, err
	}
	if c.State.Ending() {
		return mine{}, fault.New(fault.NotFound, "contact.none")
	}
	read, err := speakTo(r, v, c.Language)
	if err != nil {
		return mine{}, err
	}
	m := mine{address: c.Email.Raw(), name: c.Name.Raw(), country: c.Country, pace: c.Pace, merged: c.Merged()} // shown to its owner only
	// Whoever was merged is written to at the other contact, which has the language.
	if !c.Merged() {
		if m.speaks, err = languages(r, v, cmp.Or(c.Language, r.P.Lang)); err != nil {
			return m, err
		}
	}
	if c.PausedUntil > v.Now {
		m.paused = c.PausedUntil
	}
	key, err := p.Ring.MAC(r.Account, token.Receipt.Key())
	if err != nil {
		return m, err
	}
	receipt := func(event int64) string { return "/r/" + token.Make(key, token.Receipt, r.Account, id, event) }
	if m.mails, m.special, m.any, err = topics(r, v, c, receipt, read); err != nil {
		return m, err
	}
	answers, err := consent.Answers(v, id)
	for _, a := range answers {
		x := shownMeasure(r, a)
		if a.Live && a.Basis == consent.ByConsent {
			x.receipt = receipt(a.Event)
		}
		m.any = m.any || a.Live
		m.measures = append(m.measures, x)
	}
	if err != nil {
		return m, err
	}
	if left, err := leftBehind(v, t, c); err != nil || left {
		return m.stops(), err
	}
	if m.quiet = m.any; m.any || !c.Merged() {
		return m, err
	}
	never, err := objected(v, c) // a pause holds for the other contact too
	m.quiet = !never
	return m, err
}

// stops leaves of a page what ends something, and nothing that tells of the person.
func (m mine) stops() mine {
	out := mine{left: true, any: m.any}
	ends := func(all []choice) (some []choice) {
		for _, c := range all {
			if c.do == "leave" || c.do == "take_back" {
				c.receipt = ""
				some = append(some, c)
			}
		}
		return some
	}
	for _, t := range m.mails {
		if t.lists = ends(t.lists); len(t.lists) > 0 {
			out.mails = append(out.mails, t)
		}
	}
	out.special = ends(m.special)
	for _, x := range m.measures {
		if x.live {
			x.receipt = ""
			out.measures = append(out.measures, x)
		}
	}
	return out
}

// topics are the lists the person stands on, whatever the basis, and those the account offers;
// other lists are the account's own business. special is what they expressly agreed to.
func topics(r *shell.Request, v *store.View, c contact.Contact, receipt func(event int64) string, read []string) (out []topic, special []choice, some bool, err error) {
	stands, err := consent.Standings(v, c.ID)
	if err != nil {
		return nil, nil, false, err
	}
	never, err := objected(v, c)
	if err != nil {
		return nil, nil, false, err
	}
	ledger, err := consent.Events(v, c.ID)
	if err != nil {
		return nil, nil, false, err
	}
	lists, err := list.All(v)
	if err != nil {
		return nil, nil, false, err
	}
	purposes, err := list.Purposes(v)
	if err != nil {
		return nil, nil, false, err
	}
	at, source := map[int64]consent.Standing{}, map[int64]string{}
	for _, s := range stands {
		at[s.ListID] = s
	}
	for _, e := range ledger {
		source[e.ID] = e.Source
	}
	for _, l := range lists {
		if s := at[l.ID]; l.AttributeID != 0 && s.State == consent.Given {
			special, some = append(special, choice{list: l.ID, title: listTitle(r, l, read), state: r.P.T("public.state.on"), tone: shell.Good, since: s.Since,
				do: "take_back", label: r.P.T("public.do.take_back"), receipt: receipt(s.EventID)}), true
		}
	}
	for _, p := range purposes {
		t := topic{title: purposeTitle(r, p, read)}
		for _, l := range lists {
			s, known := at[l.ID]
			if l.PurposeID != p.ID || l.Kind != list.Mail || !known && (!l.Offered || l.RetiredAt != 0) {
				continue
			}
			x := shownChoice(r, l, s, read)
			if s.State == consent.Given {
				x.by = by(r, s.Basis, source[s.EventID])
			}
			if s.State == consent.Given && s.Basis == consent.ByConsent && s.Since != 0 {
				x.receipt = receipt(s.EventID)
			}
			some = some || stoppable(s, never)
			t.lists = append(t.lists, x)
		}
		if len(t.lists) == 1 && (t.title.text == "" || t.title == t.lists[0].title) {
			t.title = titled{}
		} else if t.title.text == "" {
			t.title = titled{text: p.Name}
		}
		if len(t.lists) > 0 {
			out = append(out, t)
		}
	}
	return out, special, some, nil
}

// live tells whether something stands that can be stopped, though it may lead to no mail now.
func live(s consent.Status) bool {
	return s == consent.Given || s == consent.Requested || s == consent.Waiting
}

// stoppable tells whether it stands past a no to everything too.
func stoppable(s consent.Standing, never bool) bool {
	return live(s.State) && !(never && s.Reason == consent.HasObjected)
}

// objected tells whether the person said no to everything; a later yes of theirs speaks for its own list.
func objected(v *store.View, c contact.Contact) (bool, error) {
	bars, err := consent.SuppressionsOf(v, c.Email)
	return c.State == contact.StateObjected || slices.ContainsFunc(bars, func(s consent.Suppression) bool {
		return s.Reason == consent.Objected && s.Scope == consent.Everything.Reach
	}), err
}

// refused are the reasons that are a no of the person, or for them: it holds over the yes.
var refused = []consent.Reason{consent.HasObjected, consent.HasLeft, consent.HasRefused, consent.Complaining, consent.ErasedBefore, consent.DoNotMail}

// by says what a subscription rests on.
func by(r *shell.Request, b consent.Basis, source string) string {
	if b != consent.ByConsent {
		return r.P.T("public.by." + string(b))
	}
	switch source {
	case "form", "preferences":
		return r.P.T("public.by." + source)
	}
	return r.P.T("public.by.told")
}

func shownChoice(r *shell.Request, l list.List, s consent.Standing, read []string) choice {
	x := choice{list: l.ID, title: listTitle(r, l, read), since: s.Since}
	set := func(tone shell.Tone, state, do string) {
		x.tone, x.state, x.do = tone, r.P.T("public.state."+state), do
		if do != "" {
			x.label = r.P.T("public.do." + do)
		}
	}
	switch {
	case s.State == consent.Given && (s.Reason == consent.Paused || s.Reason == consent.TooOften):
		set(shell.Good, "on", "leave") // the pause and the pace stand above
	case s.State == consent.Given && s.Reason == "":
		set(shell.Good, "on", "leave")
	case s.State == consent.Given && slices.Contains(refused, s.Reason):
		set(shell.Quiet, "stopped", "back")
	case s.State == consent.Given: // nothing comes now, and the yes stands: it can be taken back (GDPR 7(3))
		set(shell.Quiet, "stopped", "leave")
	case s.State == consent.Requested:
		set(shell.Waiting, "asked", "leave")
	case s.State == consent.Waiting:
		set(shell.Quiet, "waiting", "leave")
	case s.State == "":
		set(shell.Quiet, "offered", "back")
	default:
		set(shell.Quiet, "off", "back")
	}
	if l.RetiredAt != 0 && x.do != "leave" {
		x.do = ""
	}
	return x
}

func shownMeasure(r *shell.Request, a consent.Answer) measure {
	x := measure{what: a.What, title: r.P.T("public.measure." + a.What), since: a.Since, live: a.Live, ask: a.Ask, informed: a.Basis == consent.Informed,
		tone: shell.Quiet, state: r.P.T("public.state.off")}
	switch {
	case a.Live:
		x.tone, x.state = shell.Good, r.P.T("public.state.on")
	case a.NoAt != 0:
		x.no, x.state = a.NoAt, r.P.T("public.state.no")
	}
	return x
}

func (p *Pages) choicesPost(r *shell.Request) error {
	t, err := p.link(r, "token", token.Preferences, 1, 2)
	if err != nil {
		return err
	}
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	said := ""
	var read []string
	err = p.view(r, func(v *store.View) error { // before the act, which is done in the language the page speaks
		c, err := contact.Get(v, t.Objects[0])
		if err == nil {
			read, err = speakTo(r, v, c.Language)
		}
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return p.choicesPage(r, "")
	}
	if err != nil {
		return err
	}
	err = p.write(r, func(tx *store.Tx) error {
		c, err := contact.Get(tx, t.Objects[0])
		if err != nil {
			return err
		}
		if c.State.Ending() {
			return fault.New(fault.NotFound, "contact.none")
		}
		if left, err := leftBehind(tx, t, c); err != nil {
			return err
		} else if left && (f.Get("language") != "" || !slices.Contains([]string{"leave", "take_back", "all", "unmeasure"}, f.Get("do"))) {
			return older()
		}
		if lang := f.Get("language"); lang != "" {
			can, err := languages(r, tx, c.Language)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(can, func(l shell.Language) bool { return l.Code == lang }) {
				return fault.New(fault.Invalid, "shell.bad_choice")
			}
			said = "public.said.language"
			return contact.Correct(tx, c.ID, 0, contact.Change{Language: &lang})
		}
		said, err = press(tx, r, f, c.ID, read)
		return err
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return p.choicesPage(r, said)
}

// press does what one button of the page says, and gives the words that answer it.
func press(tx *store.Tx, r *shell.Request, f *shell.Form, id int64, read []string) (string, error) {
	on, _ := f.Int("list")
	switch f.Get("do") {
	case "take_back":
		return "public.said.taken_back", withdraw(tx, id, on, onChoices, origin(r), r.P.Lang)
	case "leave":
		return "public.said.left", withdraw(tx, id, on, onChoices, origin(r), r.P.Lang)
	case "all":
		return "public.said.all", stopAll(tx, id, onChoices, origin(r), r.P.Lang)
	case "back":
		l, err := list.Get(tx, on)
		if fault.Is(err, fault.NotFound) {
			return "public.said.no_form", nil
		}
		if err != nil {
			return "", err
		}
		can, err := form.Back(r.R.Context(), tx, id, on, asked(r, l, read, "public.do.back"), origin(r))
		if !can {
			return "public.said.no_form", err
		}
		return "public.said.back", err
	case "pause":
		months, _ := f.Int("months")
		return "public.said.paused", contact.Pause(tx, id, int(max(months, 1)), r.Brand.Zone)
	case "resume":
		return "public.said.resumed", contact.Pause(tx, id, 0, r.Brand.Zone)
	case "pace":
		pace, ok := f.Int("pace")
		if !ok {
			return "", fault.New(fault.Invalid, "contact.pace").At("pace")
		}
		return "public.said.pace", contact.Slow(tx, id, contact.Pace(pace))
	case "agree", "refuse":
		return measuring(tx, r, id, f.Get("what"), f.Get("do"), f.Get("turn") != "")
	case "unmeasure":
		lists, err := list.Measuring(tx)
		l, ok := lists[f.Get("what")]
		if err != nil {
			return "", err
		}
		if !ok {
			return "", fault.New(fault.Invalid, "shell.bad_choice")
		}
		return "public.said.unmeasured", withdraw(tx, id, l.ID, onChoices, origin(r), r.P.Lang)
	}
	return "", fault.New(fault.Invalid, "shell.bad_form")
}

// measuring takes the answer to one of the two questions; the words are those of the page. turn: they
// came to change their mind, unasked.
func measuring(tx *store.Tx, r *shell.Request, id int64, what, do string, turn bool) (string, error) {
	if !slices.Contains(list.Measured(), what) {
		return "", fault.New(fault.Invalid, "shell.bad_choice")
	}
	lists, err := list.EnsureMeasuring(tx, r.Brand.Language)
	if err != nil {
		return "", err
	}
	e := consent.Event{Contact: id, List: lists[what].ID, Source: "preferences", Method: "page", Language: r.P.Lang, Origin: origin(r),
		Text: r.P.T("public.measure."+what+".ask", "account", r.Brand.Name) + "\n" + r.P.T("public.measure."+what+".how") + "\n[" + r.P.T("public.do."+do) + "]\n"}
	if do == "refuse" {
		e.Kind = consent.Refuse
		if _, err := consent.Apply(tx, []consent.Event{e}); err != nil {
			return "", err
		}
		return "public.said.refused", contact.Active(tx, []contact.Activity{{Contact: id, Kind: contact.Chose}})
	}
	ok, err := consent.Grant(tx, what, e, turn)
	if !ok {
		return "public.said.not_now", err
	}
	return "public.said.agreed", err
}

// asked are the words of a list and of the button beside it, as the page shows them: what somebody asked for by it.
func asked(r *shell.Request, l list.List, read []string, button string) string {
	return listTitle(r, l, read).text + "\n[" + r.P.T(button) + "]\n"
}
