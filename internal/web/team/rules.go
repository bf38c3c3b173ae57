// SPDX-License-Identifier: AGPL-3.0-or-later

package team

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/team/account"
	"consend/internal/team/member"
	"consend/internal/web/shell"
)

// ruling is one rule as it holds for the account.
type ruling struct {
	rulepack.Rule
	now    string // the value in force
	below  string // what would hold without the account's choice
	change rulepack.Change
	moved  bool              // somebody put a value in place of the published one
	choice rulepack.Decision // the account's last choice, if it was not taken back
}

// open tells whether an account may choose here at all.
func (x ruling) open() bool { return x.Stricter != "fixed" }

// chosen tells whether it is the account's own choice that holds.
func (x ruling) chosen() bool {
	return x.moved && x.change.Account != 0 && x.choice.ID != 0 && x.now == x.choice.Value
}

// gaveWay tells whether the account chose something that is looser than what the installation
// asks for since.
func (x ruling) gaveWay() bool { return x.choice.ID != 0 && x.now != x.choice.Value }

func rulingOf(rules *rulepack.Rules, k rulepack.Key, country string) (x ruling, ok bool) {
	if x.Rule, ok = rules.Pack().Rule(k); !ok {
		return x, false
	}
	x.now, x.below = rules.Country(k, country), rules.House().Country(k, country)
	x.change, x.moved = rules.Changed(k)
	return x, true
}

// ruleBook is what the pages of rules show.
type ruleBook struct {
	version string
	date    legalclock.Moment // of the pack
	all     []ruling
	choices []rulepack.Decision
	house   []rulepack.Decision
	names   map[int64]string // of members who chose
}

func (p *Pages) book(r *shell.Request) (b ruleBook, err error) {
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) error {
		rulepack.Ask(v)
		a, err := account.Get(v)
		if err != nil {
			return err
		}
		rules, err := rulepack.For(v)
		if err != nil {
			return err
		}
		b.version = rules.Version()
		if day, err := legalclock.ParseDate(rules.Pack().Date); err == nil {
			b.date = day.Start(time.UTC)
		}
		for _, k := range rulepack.InUse() {
			if x, ok := rulingOf(rules, k, a.Law()); ok {
				b.all = append(b.all, x)
			}
		}
		if b.choices, err = rulepack.Choices(v); err != nil {
			return err
		}
		if b.house, err = rulepack.Decisions(v); err != nil {
			return err
		}
		team, err := member.All(v)
		b.names = map[int64]string{}
		for _, m := range team {
			b.names[m.ID] = m.Called().Raw() // disclosed to the team: who decided
		}
		return err
	})
	for i := range b.all {
		for _, d := range b.choices {
			if x := &b.all[i]; x.Key == d.Key {
				if x.choice = d; d.Value == "" {
					x.choice = rulepack.Decision{}
				}
			}
		}
	}
	return b, err
}

func (b ruleBook) find(k rulepack.Key) (ruling, bool) {
	i := slices.IndexFunc(b.all, func(x ruling) bool { return x.Key == k })
	if i < 0 {
		return ruling{}, false
	}
	return b.all[i], true
}

func (p *Pages) rules(r *shell.Request) error {
	b, err := p.book(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, rulesPage(r, b))
}

func (p *Pages) ruleOf(r *shell.Request) (b ruleBook, x ruling, err error) {
	if b, err = p.book(r); err != nil {
		return b, x, err
	}
	x, ok := b.find(rulepack.Key(r.R.PathValue("rule")))
	if !ok {
		return b, x, fault.New(fault.NotFound, "rulepack.unknown")
	}
	return b, x, nil
}

func (p *Pages) rule(r *shell.Request) error {
	b, x, err := p.ruleOf(r)
	if err != nil {
		return err
	}
	f := shell.NewForm("value", x.now)
	if x.Unit == "list" {
		f.Values["value"] = strings.Split(x.now, ",")
	}
	return r.Render(http.StatusOK, rulePage(r, b, x, f))
}

func (p *Pages) rulePost(r *shell.Request) error {
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	b, x, err := p.ruleOf(r)
	if err != nil {
		return err
	}
	d := rulepack.Decision{Key: x.Key, Value: f.Get("value"), Reason: f.Get("reason")}
	if x.Unit == "list" {
		list := slices.Clone(f.All("value"))
		slices.Sort(list)
		d.Value = strings.Join(slices.Compact(list), ",")
	}
	said := "web_team.rules.done"
	if f.Checked("undo") {
		d.Value, said = "", "web_team.rules.undone"
	} else {
		if d.Value == "" {
			f.Fail("value", "rulepack.value")
		}
		if d.Reason == "" {
			f.Fail("reason", "rulepack.reason")
		}
	}
	if f.OK() {
		err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error {
			_, err := account.SetRule(tx, d)
			return err
		})
	}
	if f.Take(err) || !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, rulePage(r, b, x, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/settings/rules", said)
}

// ruleName is what people call a rule.
func ruleName(r *shell.Request, k rulepack.Key) string { return r.P.T("rulepack.rule." + string(k)) }

// ruleSource is the law behind a rule, as the reader's language cites it. The pack's own words
// are English and for who keeps it: what stands behind a colon, or cites nothing, stays there.
func ruleSource(r *shell.Request, source string) string {
	cited, _, _ := strings.Cut(source, ": ")
	var out []string
	for _, part := range strings.Split(cited, "; ") {
		part, unread := strings.CutSuffix(part, " [L]")
		part = strings.ReplaceAll(strings.TrimSuffix(part, " [S]"), "GDPR", r.P.T("web_team.rules.gdpr"))
		switch {
		case part == "house":
			part = r.P.T("web_team.rules.ours")
		case part == "" || part[0] >= 'a' && !strings.HasPrefix(part, "ePrivacy"):
			continue
		}
		if unread {
			part = r.P.T("web_team.rules.unread", "source", part)
		}
		out = append(out, part)
	}
	return strings.Join(out, " · ")
}

// ruleValue is a value of a rule in words.
func ruleValue(r *shell.Request, x rulepack.Rule, value string) string {
	switch x.Unit {
	case "list":
		if x.Key == rulepack.TransferEEA && len(value) > 60 { // the whole EEA says less than its number
			return r.P.N("web_team.rules.countries", strings.Count(value, ",")+1)
		}
		if value == "" {
			return r.P.T("web_team.rules.nothing")
		}
		var out []string
		for _, item := range strings.Split(value, ",") {
			out = append(out, ruleItem(r, x.Key, item))
		}
		return r.P.Join(out)
	case "bool":
		return r.P.T("web_team.rules.bool." + value)
	case "text":
		return ruleGrade(r, value)
	case "date":
		return value
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return value
	}
	if x.Key == rulepack.SoftOptInTerm && n == 0 {
		return r.P.T("web_team.rules.no_term")
	}
	if key := "rulepack.unit." + x.Unit; r.P.Has(key) {
		return r.P.N(key, n)
	}
	return r.P.Number(int64(n))
}

// ruleGrade is a grade of evidence: its letter and its words.
func ruleGrade(r *shell.Request, value string) string {
	if value == "-" {
		return r.P.T("gate.reason.waiting")
	}
	return value + " · " + r.P.Or("web_campaign.grade."+strings.ToLower(value), value)
}

// ruleItem is an item of a list in words.
func ruleItem(r *shell.Request, k rulepack.Key, item string) string {
	switch k {
	case rulepack.Mailable:
		return ruleGrade(r, item)
	case rulepack.WordRefused:
		return r.P.T("web_team.rules.origin." + item)
	case rulepack.TransferMeans:
		return r.P.Or("web_sending.mechanism."+item, item)
	case rulepack.TransferGood, rulepack.TransferEEA:
		return account.CountryName(item, r.P.Lang)
	}
	return item
}

// origins are the origins a word can be refused for, beside those that are.
var origins = []string{"acquired", "business", "customer", "inherited", "member", "paper", "site", "tool", "unknown"}

// ruleChoices are the items an account may tick: of what holds, or, where more is stricter, of
// all there are.
func ruleChoices(r *shell.Request, x ruling) []shell.Choice {
	var out []shell.Choice
	items := strings.Split(x.below, ",")
	if x.Stricter == "superset" {
		items = origins
	}
	for _, item := range items {
		c := shell.Choice{Value: item, Label: ruleItem(r, x.Key, item)}
		out = append(out, c)
	}
	return out
}

// ruleHint says which way the rule may be moved.
func ruleHint(r *shell.Request, x ruling) string {
	return r.P.T("web_team.rules.hint."+x.Stricter, "now", ruleValue(r, x.Rule, x.below))
}

// ruleEdge is what a number may be at least and at most, as far as the browser can help.
func ruleEdge(x ruling) (low, high string) {
	text := func(n *int) string {
		if n == nil {
			return ""
		}
		return strconv.Itoa(*n)
	}
	low, high = text(x.Min), text(x.Max)
	switch x.Stricter {
	case "less":
		high = x.below
	case "more":
		low = x.below
	}
	return low, high
}

// ruleUnit is the unit behind the input.
func ruleUnit(r *shell.Request, x ruling) string {
	if key := "web_team.rules.unit." + x.Unit; r.P.Has(key) {
		return r.P.T(key)
	}
	return ""
}

func ruleColumns(r *shell.Request) []shell.Column {
	return []shell.Column{{Label: r.P.T("web_team.rules.rule")}, {Label: r.P.T("web_team.rules.value")}, {Label: r.P.T("web_team.rules.from")}, {Label: r.P.T("web_team.rules.source"), Quiet: true}}
}

func ruleRows(r *shell.Request, b ruleBook) [][]shell.Component {
	var out [][]shell.Component
	for _, x := range b.all {
		out = append(out, []shell.Component{shell.A("/settings/rules/"+string(x.Key), ruleName(r, x.Key)), shell.Str(ruleValue(r, x.Rule, x.now)), ruleFrom(r, b, x), shell.Str(ruleSource(r, x.Source))})
	}
	return out
}

func decisionColumns(r *shell.Request) []shell.Column {
	return []shell.Column{{Label: r.P.T("web_team.rules.when")}, {Label: r.P.T("web_team.rules.value")}, {Label: r.P.T("web_team.rules.by")}, {Label: r.P.T("web_team.rules.reason")}}
}

// decisionRows are the decisions about a rule, the newest first.
func decisionRows(r *shell.Request, b ruleBook, x ruling) [][]shell.Component {
	type row struct {
		at    legalclock.Moment
		cells []shell.Component
	}
	var rows []row
	add := func(all []rulepack.Decision, own bool) {
		for _, d := range all {
			if d.Key != x.Key {
				continue
			}
			by := r.P.T("web_team.rules.house")
			if own {
				by = b.names[d.ByID]
			}
			value := r.P.T("web_team.rules.back")
			if d.Value != "" {
				value = ruleValue(r, x.Rule, d.Value)
			}
			rows = append(rows, row{d.ValidFrom, []shell.Component{shell.When(d.ValidFrom), shell.Str(value), shell.Str(by), shell.Str(d.Reason)}})
		}
	}
	add(b.house, false)
	add(b.choices, true)
	slices.SortStableFunc(rows, func(a, c row) int { return int(c.at - a.at) })
	var out [][]shell.Component
	for _, x := range rows {
		out = append(out, x.cells)
	}
	return out
}

func ruleFacts(r *shell.Request, b ruleBook, x ruling) []shell.Fact {
	out := []shell.Fact{{Label: r.P.T("web_team.rules.value"), Text: ruleValue(r, x.Rule, x.now)}}
	if x.chosen() {
		out = append(out, shell.Fact{Label: r.P.T("web_team.rules.without"), Text: ruleValue(r, x.Rule, x.below)})
	}
	for _, of := range ruleCountries(r, x) {
		out = append(out, shell.Fact{Label: r.P.T("web_team.rules.country", "value", of.value), Text: r.P.Join(of.countries)})
	}
	return append(out, shell.Fact{Label: r.P.T("web_team.rules.from"), Value: ruleFrom(r, b, x)}, shell.Fact{Label: r.P.T("web_team.rules.source"), Text: ruleSource(r, x.Source)})
}

// inCountries are the countries for which the published rule has one value.
type inCountries struct {
	value     string
	countries []string
}

// ruleCountries are the values that the published rule has by country, the smallest first, and the general one last.
func ruleCountries(r *shell.Request, x ruling) []inCountries {
	if len(x.Country) == 0 {
		return nil
	}
	by := map[string][]string{}
	for c, v := range x.Country {
		by[v] = append(by[v], account.CountryName(c, r.P.Lang))
	}
	var out []inCountries
	for _, v := range slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }) {
		slices.Sort(by[v])
		out = append(out, inCountries{ruleValue(r, x.Rule, v), by[v]})
	}
	return append(out, inCountries{ruleValue(r, x.Rule, x.Value), []string{r.P.T("web_team.rules.elsewhere")}})
}
