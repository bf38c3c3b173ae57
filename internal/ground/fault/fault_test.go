// SPDX-License-Identifier: AGPL-3.0-or-later

package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"consend/internal/ground/fault"
)

func TestAnUnknownErrorIsInternalAndKeepsItsCause(t *testing.T) {
	cause := errors.New("disk on fire")
	if k := fault.KindOf(cause); k != fault.Internal {
		t.Fatalf("kind = %q, want internal", k)
	}
	if !errors.Is(fault.All(cause)[0], cause) {
		t.Fatal("the cause is lost to errors.Is")
	}
}

func TestAFaultKeepsItsPlaceThroughWrapping(t *testing.T) {
	err := fmt.Errorf("import: %w", fault.New(fault.Invalid, "import.row.bad").At("email").OnLine(7))
	got := fault.All(err)
	if len(got) != 1 || got[0].Field != "email" || got[0].Line != 7 || fault.KindOf(err) != fault.Invalid {
		t.Fatalf("got %+v", got)
	}
}

func TestManyWithNothingInItIsNoError(t *testing.T) {
	if err := (fault.Many{}).Err(); err != nil {
		t.Fatalf("err = %v, want nil", err)
	}
	if fault.Is(nil, fault.Internal) || fault.KindOf(nil) != "" {
		t.Fatal("nil is not a fault")
	}
}
