// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

// Names is the question of ByName.
var Names = names
