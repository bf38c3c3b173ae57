// SPDX-License-Identifier: AGPL-3.0-or-later

package job

import "time"

// SetLease turns how long a holder may be silent.
func SetLease(r *Runner, d time.Duration) { r.lease = d }
