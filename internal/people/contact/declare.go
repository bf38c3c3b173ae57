// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Limits of what an account declares about an attribute.
const (
	MaxChoices  = 200
	MaxChoice   = 100 // characters
	MaxLabel    = 100
	MaxPurpose  = 300
	MaxKeepDays = 36525
)

// stored are the columns that an account declares, in the order of the statements.
func (a Attribute) stored() []any {
	kind, several := a.Type, 0
	if kind == TypeMultiple {
		kind, several = TypeChoice, 1
	}
	return []any{string(kind), several, a.Choices.text(), a.Purpose, int(a.Sensitive), a.Label, a.KeepDays, a.KeepSince, string(a.Special)}
}

// EveryAttribute lists the account's attributes by name, retired ones last.
func EveryAttribute(r store.Reader) ([]Attribute, error) {
	return store.All[Attribute](r, everyAttribute)
}

// GetAttribute finds an attribute, retired or not. Faults: contact.attribute.none.
func GetAttribute(r store.Reader, id int64) (Attribute, error) {
	all, err := EveryAttribute(r)
	if i := slices.IndexFunc(all, func(a Attribute) bool { return a.ID == id }); err == nil && i >= 0 {
		return all[i], nil
	}
	if err == nil {
		err = fault.New(fault.NotFound, "contact.attribute.none")
	}
	return Attribute{}, err
}

// MakeAttribute makes an attribute. Faults: those of EnsureAttributes and ChangeAttribute,
// contact.attribute.taken.
func MakeAttribute(tx *store.Tx, a Attribute) (int64, error) {
	if err := a.check(); err != nil {
		return 0, err
	}
	all, err := store.All[Attribute](tx, lockAttributes)
	if err != nil {
		return 0, err
	}
	name := AttributeName(a.Name)
	if slices.ContainsFunc(all, func(o Attribute) bool { return o.Name == name }) {
		return 0, fault.New(fault.Conflict, "contact.attribute.taken").At("name")
	}
	if len(all) >= MaxAttributes {
		return 0, fault.New(fault.Invalid, "contact.attribute.many", "limit", MaxAttributes)
	}
	made, err := EnsureAttributes(tx, []Attribute{a})
	if err != nil {
		return 0, err
	}
	return made[0].ID, nil
}

// ChangeAttribute changes what is declared; the name and the type stay, since forms, files and
// segments lean on them. version is the one that was read; 0 takes any.
// Faults: contact.attribute.none, .changed, .choices, .choice, .label.long, .purpose.long, .keep, .special.
func ChangeAttribute(tx *store.Tx, id, version int64, a Attribute) error {
	was, err := lockedAttribute(tx, id)
	if err != nil {
		return err
	}
	if version != 0 && version != was.Version {
		return fault.New(fault.Conflict, "contact.attribute.changed")
	}
	a.Name, a.Type, a.KeepSince = was.Name, was.Type, a.since(was, tx.Now)
	if err := a.check(); err != nil {
		return err
	}
	if a.Choices, err = checkedChoices(a.Choices); err != nil {
		return err
	}
	if _, looks := LooksLike(a.Name, a.Label); a.Sensitive == NotAsked && looks {
		a.Sensitive = LooksSo
	}
	clear := proof.Fields{"name": a.Name, "type": string(a.Type), "sensitive": strconv.Itoa(int(a.Sensitive)), "keep_days": strconv.FormatInt(a.KeepDays, 10)}
	if a.Special != "" {
		clear["special"] = string(a.Special)
	}
	tx.Do(changeAttribute, append(a.stored(), id)...)
	_, err = trace.Append(tx, trace.Act{Action: "contact.attribute.change", Object: "attribute", ObjectID: id, Clear: clear})
	return err
}

// RetireAttribute takes an attribute out of use; values stay with people until they end. Again is harmless.
// Faults: contact.attribute.none.
func RetireAttribute(tx *store.Tx, id int64) error {
	a, err := lockedAttribute(tx, id)
	if err != nil || a.RetiredAt != 0 {
		return err
	}
	return turnAttribute(tx, a, tx.Now, "contact.attribute.retire")
}

// RestoreAttribute brings one back. Faults: contact.attribute.none, contact.attribute.taken.
func RestoreAttribute(tx *store.Tx, id int64) error {
	a, err := lockedAttribute(tx, id)
	if err != nil || a.RetiredAt == 0 {
		return err
	}
	all, err := AllAttributes(tx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(o Attribute) bool { return o.Name == a.Name }) {
		return fault.New(fault.Conflict, "contact.attribute.taken").At("name")
	}
	return turnAttribute(tx, a, 0, "contact.attribute.restore")
}

func turnAttribute(tx *store.Tx, a Attribute, at legalclock.Moment, action string) error {
	_, err := tx.Exec(retireAttribute, at, a.ID)
	if errors.Is(err, store.ErrUnique) {
		return fault.New(fault.Conflict, "contact.attribute.taken").At("name")
	}
	if err == nil {
		_, err = trace.Append(tx, trace.Act{Action: action, Object: "attribute", ObjectID: a.ID, Clear: proof.Fields{"name": a.Name}})
	}
	return err
}

func lockedAttribute(tx *store.Tx, id int64) (Attribute, error) {
	a, err := store.One[Attribute](tx, lockAttribute, id)
	if errors.Is(err, store.ErrNone) {
		return a, fault.New(fault.NotFound, "contact.attribute.none")
	}
	return a, err
}

func (a *Attribute) check() error {
	var m fault.Many
	bad := func(field, key string, args ...any) { m = append(m, fault.New(fault.Invalid, key, args...).At(field)) }
	a.Label, a.Purpose = norm.NFC.String(strings.Join(strings.Fields(a.Label), " ")), norm.NFC.String(strings.Join(strings.Fields(a.Purpose), " "))
	if AttributeName(a.Name) == "" || !slices.Contains(Types(), a.Type) {
		bad("name", "contact.attribute.name")
	}
	if long(a.Label, MaxLabel) {
		bad("label", "contact.attribute.label.long", "limit", MaxLabel)
	}
	if long(a.Purpose, MaxPurpose) {
		bad("purpose", "contact.attribute.purpose.long", "limit", MaxPurpose)
	}
	if a.KeepDays < 0 || a.KeepDays > MaxKeepDays {
		bad("keep_days", "contact.attribute.keep", "limit", MaxKeepDays)
	}
	if a.Sensitive < NotAsked || a.Sensitive > DeclaredPlain || a.Special != NoSpecial && !slices.Contains(Specials(), a.Special) {
		bad("special", "contact.attribute.special")
	}
	if a.Sensitive != Declared {
		a.Special = NoSpecial
	}
	if (a.Type == TypeChoice || a.Type == TypeMultiple) && len(a.Choices) == 0 {
		bad("choices", "contact.attribute.choices", "limit", MaxChoices)
	}
	return m.Err()
}

func long(s string, most int) bool {
	return utf8.RuneCountInString(s) > most || !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0
}

// checkedChoices tidies choices: each once in any case, with a letter or a digit and nothing that is not seen.
func checkedChoices(list Choices) (Choices, error) {
	var out Choices
	for _, c := range list {
		c, ok := TidyChoice(c)
		if c == "" || slices.ContainsFunc(out, func(o string) bool { return strings.EqualFold(o, c) }) {
			continue
		}
		if !ok {
			return nil, fault.New(fault.Invalid, "contact.attribute.choice", "limit", MaxChoice).At("choices")
		}
		out = append(out, c)
	}
	if len(out) > MaxChoices {
		return nil, fault.New(fault.Invalid, "contact.attribute.choices", "limit", MaxChoices).At("choices")
	}
	return out, nil
}

// TidyChoice is a choice as it is declared, and whether it can be one: a letter or a digit, nothing that is not seen.
func TidyChoice(s string) (string, bool) {
	s = norm.NFC.String(strings.Join(strings.Fields(s), " "))
	return s, !long(s, MaxChoice) && strings.Trim(s, ",;| ") != "" && !strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) })
}

// Matter is what kind of data of GDPR 9 or 10 a name sounds like.
type Matter string

// matters are beginnings of words, folded as AttributeName does; those that end in _ are whole words.
var matters = []struct {
	of    Matter
	words []string
}{
	{"health", []string{"HEALTH", "SANTE_", "HANDICAP", "DISAB", "BLOOD", "SANG_", "SANGUIN", "DIAGNOS", "ALLERG", "ILLNESS", "DISEASE", "MALAD", "MEDIC", "PATIENT", "PREGNAN", "GROSSESSE", "ENCEINTE_", "VACCIN", "GLUTEN", "DIABET", "TREATMENT", "TRAITEMENT_", "VIH_", "HIV_", "PATHOLOG", "RQTH_", "DIETARY", "DIET_", "VEGAN", "REGIME_", "REGIMES_", "IMC_", "BMI_"}},
	{"religion", []string{"RELIGI", "FAITH_", "CHURCH", "PAROISSE", "PARISH", "EGLISE", "CONFESSION_", "HALAL", "KOSHER", "CASHER", "CULTE_", "CROYAN", "BELIEF"}},
	{"politics", []string{"POLITI", "PARTY_MEMBER", "PARTI_POLIT", "PARTIS_POLIT", "VOTE_", "VOTING_", "ELECTEUR", "OPINION"}},
	{"union", []string{"UNION_MEMBER", "TRADE_UNION", "SYNDIC", "SYNDIQ", "UNIONIS", "CGT_", "CFDT_", "FO_"}},
	{"origin", []string{"ETHNI", "RACE_", "RACIAL", "ORIGINE_ETHN", "SKIN_COLO", "COULEUR_DE_PEAU"}},
	{"sex", []string{"SEXUAL", "SEXUEL", "SEX_LIFE", "VIE_SEX", "ORIENTATION_SEX", "LGBT", "GAY_", "LESB"}},
	{"biometrics", []string{"BIOMETR", "FINGERPRINT", "EMPREINTE_DIG", "GENETI", "DNA_", "ADN_", "FACE_ID"}},
	{"crime", []string{"CRIMINAL", "CONVICTION", "CASIER", "CONDAMN", "INFRACTION", "OFFENCE", "PENAL_"}},
}

// LooksLike tells what kind of data of GDPR 9 or 10 names sound like, in English or French.
// It asks, it does not know: the account answers.
func LooksLike(names ...string) (Matter, bool) {
	for _, n := range names {
		n = "_" + AttributeName(n) + "_"
		for _, m := range matters {
			for _, w := range m.words {
				if strings.Contains(n, "_"+w) {
					return m.of, true
				}
			}
		}
	}
	return "", false
}
