// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import "consend/internal/ground/rulepack"

func Rules4Test() *rulepack.Rules {
	packs := rulepack.Packs()
	return rulepack.Published(packs[len(packs)-1])
}
