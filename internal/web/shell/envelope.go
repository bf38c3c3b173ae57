// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import "consend/internal/ground/envelope"

// Envelope reads how a file is to leave; faults land at the form's fields. A passphrase is not shown again.
func (f *Form) Envelope() envelope.For {
	e, err := envelope.Choose(envelope.How(f.Get("how")), f.Values.Get("passphrase"), f.Get("key"))
	f.Values.Del("passphrase")
	f.Take(err)
	return e
}

func envelopeChoices(p interface{ T(string, ...any) string }) []Choice {
	var out []Choice
	for _, h := range envelope.Hows() {
		key := "envelope." + string(h) + ".choice"
		out = append(out, Choice{Value: string(h), Label: p.T(key), Hint: p.T(key + ".hint")})
	}
	return out
}
