// SPDX-License-Identifier: AGPL-3.0-or-later

package contact_test

import (
	"testing"

	"consend/internal/ground/fault"
	. "consend/internal/people/contact"
)

func TestSensitiveNamesAreAskedAboutAndHarmlessOnesAreNot(t *testing.T) {
	for name, want := range map[string]Matter{"VIH": "health", "Statut HIV": "health", "pathologie": "health", "Pathologies connues": "health", "RQTH": "health", "dietary needs": "health",
		"diet": "health", "Vegan": "health", "régime alimentaire": "health", "Régime": "health", "IMC": "health", "BMI": "health", "syndiqué": "union", "Syndiquée": "union",
		"adhérent CGT": "union", "CFDT": "union", "membre FO": "union", "political party": "politics", "parti politique": "politics"} {
		if m, ok := LooksLike(name); !ok || m != want {
			t.Errorf("%s: %q", name, m)
		}
	}
	for _, name := range []string{"PARTICIPANT", "PARTICIPATION", "PARTICULIER", "PARTI", "PARTY SIZE", "DIETMAR", "REGIMENT", "FORMATION", "FORM", "INFO", "BMIX", "IMCOMPLET", "FOOD"} {
		if m, ok := LooksLike(name); ok {
			t.Errorf("%s is asked about as %q", name, m)
		}
	}
}

func TestWhatIsNoValueSaysHowToWriteItByItsType(t *testing.T) {
	for ty, s := range map[Type]string{TypeNumber: "many", TypeDate: "0001-01-01", TypeBoolean: "perhaps"} {
		_, err := ty.Read(s)
		wants(t, err, fault.Invalid, "contact.attribute.value."+string(ty))
	}
	for s, ok := range map[string]bool{"1899-12-31": false, "1900-01-01": true, "2099-12-31": true, "2100-01-01": false} {
		if _, err := TypeDate.Read(s); (err == nil) != ok {
			t.Errorf("%s: %v", s, err)
		}
	}
}
