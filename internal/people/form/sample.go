// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"encoding/json"
	"slices"

	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/mail/compose"
	"consend/internal/people/notice"
	"consend/internal/team/account"
)

// Sample is a sign-up of nobody that asked for all a form offers: who builds the form sees by it what follows.
func Sample(d Definition, n notice.Version, lang string, now legalclock.Moment) Waiting {
	var all []asked
	for _, c := range d.Lists {
		if !c.Closed {
			all = append(all, asked{List: c.List})
		}
	}
	d.Fields = slices.Clone(d.Fields)
	for i := range d.Fields {
		f := &d.Fields[i]
		if !f.asksExpressly() {
			continue
		}
		if f.Grant == 0 { // its list is made when the form is published
			f.Grant = -int64(i) - 1
		}
		all = append(all, asked{List: f.Grant})
	}
	choices, _ := json.Marshal(all) // numbers encode
	return Waiting{Signup: Signup{State: pending, Language: d.Language(lang), Choices: string(choices), RequestedAt: now}, Version: Version{Definition: d}, Note: n}
}

// SampleMail is the mail that would ask a sample to confirm, the first or the last time. Its button leads nowhere.
func SampleMail(r store.Reader, w Waiting, last bool) (compose.Draft, error) {
	a, err := account.Get(r)
	if err != nil {
		return compose.Draft{}, err
	}
	lasts, err := days(r)
	if err != nil {
		return compose.Draft{}, err
	}
	site, ok := store.Attached[*config.Site](r)
	if !ok {
		return compose.Draft{}, fault.New(fault.Internal, "fault.internal")
	}
	return w.letter(a, site.Link("/c/…"), lasts, last), nil
}
