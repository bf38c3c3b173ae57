// SPDX-License-Identifier: AGPL-3.0-or-later

package form

// Finding is what the linter says about one rule.
type Finding struct {
	Rule     string `json:"rule"` // its words: form.rule.RULE, its remedy: form.rule.RULE.remedy
	Result   Result `json:"result"`
	Language string `json:"language,omitempty"`
	What     string `json:"what,omitempty"` // the field or list it is about, as the account calls it
}

// Result is what became of a rule.
type Result string

// The results. A form with one Refused can't be published; nobody is told that a form is
// lawful, only that it passed.
const (
	Passed  Result = "passed"
	Warned  Result = "warned"
	Refused Result = "refused"
)
