// SPDX-License-Identifier: AGPL-3.0-or-later

package plan_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"consend/internal/testhouse"
)

// crowd are the rows of a house with 100,000 people: three accounts, one of which has nine
// tenths of them. Each line fills one table: how many rows, then its columns with their values,
// from the row's number i. {a} is the account of i, {b …} are bytes that differ with a number.
// The rows mean nothing to the verbs: they are there to be counted by the planners.
var crowd = []struct {
	table string
	n     int
	cols  string
	vals  string
}{
	{"account", 3, "account_id, kind, name, postal, country, rules, language, zone, made_at", "i, CASE WHEN i = 1 THEN 'operator' ELSE 'customer' END, 'A', 'P', 'FR', 'FR', 'fr', 'Europe/Paris', i"},
	{"login", 300, "id, email_norm, password, password_at, made_at", "i, 'm' || i || '@example.org', 'x', i, i"},
	{"recovery_code", 3000, "login_id, hash", "i % 300 + 1, {b i}"},
	{"member", 300, "account_id, id, login_id, state, role, email, email_norm, salt, made_at", "{a}, i, i, 'active', 'editor', 'm' || i || '@example.org', 'm' || i || '@example.org', {b i}, i"},
	{"session", 20_000, "account_id, id, hash, member_id, login_id, made_at, seen_at, fresh_at, expires_at", "{a}, i, {b i}, {m}, {m}, i, i, i, i"},
	{"link", 20_000, "account_id, hash, kind, member_id, made_at, expires_at", "{a}, {b i}, 'signin', {m}, i, i"},
	{"apikey", 30, "account_id, id, hash, tail, name, made_at", "{a}, i, {b i}, 'tail', 'N', i"},
	{"attempt", 20_000, "hash, minute, count, last_at", "{b i}, i % 60, 1, i"},
	{"budget", 20_000, "hash, minute, part, spent", "{b i}, i % 60, 0, 1"},
	{"purpose", 30, "account_id, id, name, folded, public, created_at", "i % 3 + 1, i, 'P' || i, 'p' || i, '{}', i"},
	{"list", 60, "account_id, id, purpose_id, kind, name, folded, public, created_at", "i % 3 + 1, i, i % 30 + CASE WHEN i % 30 = 0 THEN 30 ELSE 0 END, 'mail', 'L' || i, 'l' || i, '{}', i"},
	{"attribute", 30, "account_id, id, name, type, choices, created_at", "i % 3 + 1, i, 'A' || i, 'text', '[]', i"},
	{"contact", 100_000, "account_id, id, email, email_norm, fp, attributes, state, salt, country, notice_due_at, entry_id, entry_index, created_at, updated_at, active_at, merged_into",
		"{a}, i, 'p' || i || '@example.org', 'p' || i || '@example.org', {b i}, '{}', CASE WHEN i % 50 = 7 THEN 'bounced' ELSE 'active' END, {b i}, 'FR', CASE WHEN i % 20 = 3 THEN i ELSE 0 END, i, i % 4096, i, i, i, CASE WHEN i % 500 = 9 THEN i - 1 ELSE 0 END"},
	{"contact_activity", 30_000, "account_id, contact_id, kind, first_at, last_at, times", "{a}, i, 'clicked', i, i, 1"},
	{"attribute_noted", 30_000, "account_id, contact_id, name, noted_at", "{a}, i, 'A' || i % 3, i"},
	{"attribute_was", 30_000, "account_id, contact_id, entry_id, name, sealed, noted_at", "{a}, i, i, 'A' || i % 3, {b i}, i"},
	// Everybody is on one list of their account, some on a second one.
	{"subscription", 100_000, "account_id, list_id, contact_id, state, basis, grade, seq, event_id, since", "{a}, {l}, i, 'given', 'consent', 'B', 1, i, i"},
	{"subscription", 20_000, "account_id, list_id, contact_id, state, basis, grade, seq, event_id, since", "{a}, CASE WHEN i % 10 = 0 THEN {l} + 3 ELSE 60 - {l} + 3 END, i, CASE WHEN i % 9 = 0 THEN 'withdrawn' ELSE 'given' END, 'consent', 'D', 1, 100000 + i, i"},
	{"consent_event", 100_000, "account_id, contact_id, list_id, seq, id, kind, verdict, state, occurred_at, recorded_at, import_id, import_row, actor_kind, entry_id, entry_index",
		"{a}, i, {l}, 1, i, 'given', 'applied', 'given', i, i, CASE WHEN i > 50000 THEN i % 10 + 1 ELSE 0 END, i, 'worker', i % 30 + 1, i % 4096"},
	{"consent_origin", 20_000, "account_id, contact_id, event_id, recorded_at", "{a}, i, i, i"},
	{"consent_text", 60, "account_id, sha256, body, created_at", "i % 3 + 1, {b i}, 'T', i"},
	{"suppression", 10_000, "account_id, fp, scope, scope_id, reason, since, contact_id", "{a}, {b i + 90000}, 'all', 0, 'unsubscribe', i, i + 90000"},
	{"foreign_refusal", 20_000, "account_id, kind, hash, scope, scope_id, reason, since, import_id, entry_id", "{a}, 'sha256', {b i}, 'all', 0, 'unsubscribe', i, {g}, i"},
	{"notice", 6, "account_id, id, name, draft, version, created_at, updated_at", "i % 3 + 1, i, 'N', '{}', 1, i, i"},
	{"notice_version", 60, "account_id, id, notice_id, number, content, published_at, entry_id", "i % 3 + 1, i, i % 6 + CASE WHEN i % 6 = 0 THEN 6 ELSE 0 END, i, '{}', i, 0"},
	{"notice_text", 60, "account_id, version_id, language, short, body, sha256", "i % 3 + 1, i, 'fr', 'S', 'B', {b i}"},
	{"form", 30, "account_id, id, name, slug, draft, version, created_at, updated_at", "i % 3 + 1, i, 'F', 'f' || i, '{}', 1, i, i"},
	{"form_slug", 30, "slug, account_id, form_id", "'f' || i, i % 3 + 1, i"},
	{"form_version", 300, "account_id, id, form_id, number, definition, sha256, notice_version_id, rules, published_at, entry_id", "i % 3 + 1, i, i % 30 + CASE WHEN i % 30 = 0 THEN 30 ELSE 0 END, i, '{}', {b i}, i % 60 + CASE WHEN i % 60 = 0 THEN 60 ELSE 0 END, '', i, 0"},
	{"form_page", 300, "account_id, version_id, language, html, sha256", "i % 3 + 1, i, 'fr', 'H', {b i}"},
	{"signup", 30_000, "account_id, id, form_id, version_id, contact_id, state, language, choices, requested_at", "{a}, i, 3 * (i % 10) + {a} - 1, i % 300, i, CASE WHEN i % 30 = 0 THEN 'pending' ELSE 'confirmed' END, 'fr', '{}', i"},
	{"address_change", 20_000, "account_id, id, contact_id, address, address_norm, fp, state, asked_at, ends_at, asker_kind, asker_id, entry_id", "{a}, i, i, 'n' || i || '@example.org', 'n' || i || '@example.org', {b i}, CASE WHEN i % 100 = 1 THEN 'asked' ELSE 'expired' END, i, i, 'member', {m}, i"},
	{"mailbox_shut", 20_000, "fp, said, said_at, shut_at", "{b i}, i % 3 + 1, i, 0"},
	{"confirm_block", 20_000, "account_id, fp, since", "{a}, {b i}, i"},
	{"form_count", 3000, "account_id, form_id, day, kind, detail, n", "i % 3 + 1, i % 30, i, 'robot', '', 1"},
	{"import", 100, "account_id, id, state, name, size, sha256, format, survey, mapping, origin, options, cursor, counts, made_at, file_ends_at", "{a}, i, 'done', 'N', 1, {b i}, '{}', '{}', '{}', '{}', '{}', '{}', '{}', i, i"},
	{"import_note", 20_000, "account_id, import_id, seq, line, kind, reason, args", "{a}, {g}, i, i, 'refused', 'R', '{}'"},
	{"import_waiting", 20_000, "account_id, import_id, contact_id, line, lacks, made", "{a}, {g}, i, i, 'proof', 1"},
	{"once", 50_000, "account_id, contact_id, list_id, id, state, import_id, made_at, at", "{a}, i, CASE WHEN i % 3 = 0 THEN {l} ELSE 0 END, i, CASE WHEN i % 500 = 1 THEN 'wanted' WHEN i % 500 = 2 THEN 'queued' ELSE 'done' END, {g}, i, i"},
	{"evidence_file", 100, "account_id, id, import_id, name, type, size, sha256, made_at, ends_at", "{a}, i, {g}, 'N', 'text/csv', 1, {b i}, i, i"},
	{"event_evidence", 20_000, "account_id, id, contact_id, event_id, list_id, blob_id, name, type, size, sha256, made_by, made_at, ends_at, entry_id", "{a}, i, i, i, {l}, i, 'N', 'text/plain', 1, {b i}, {m}, i, i, i"},
	{"blob", 20_000, "account_id, id, owner, owner_id, type, size, sha256, made_at, ends_at", "{a}, i, CASE WHEN i < 1000 THEN 'import' ELSE 'evidence' END, i, 'text/csv', 1, {b i}, i, i"},
	{"blob_chunk", 20_000, "account_id, blob_id, n, data", "{a}, i, 0, {b i}"},
	{"permit", 20_000, "account_id, id, at, until_at, class, campaign_id, relay_id, processor_id, processor_version, dpa, transfer, documents, rulepack, people, left_out, entry_id",
		"{a}, i, i, i, 'campaign', {c}, 2, 1, 1, '', '', '', '', 1, 0, 0"},
	{"message", 50_000, "account_id, id, kind, ref, class, contact_id, signup_id, state, next_at, made_at, ended_at",
		"{a}, i, 'form.requested', i, 'confirmation', i, i, CASE WHEN i % 500 = 1 THEN 'pending' ELSE 'accepted' END, i, i, CASE WHEN i % 500 = 1 THEN 0 ELSE i END"},
	{"mailbox_message", 20_000, "account_id, id, at, class, contact_id, signup_id, member_id, permit_id, size, head_ct, raw_ct", "{a}, i, i, 'confirmation', i, i, 0, i, 1, {b i}, {b i}"},
	{"terms", 3, "id, version, url, published_at", "i, 'v' || i, 'u', i"},
	{"terms_acceptance", 3, "account_id, terms_id, at, member_id, entry_id", "i, i, i, 0, 0"},
	{"sender_domain", 3, "account_id, id, name, selector, key_ct, record, made_at", "i, i, 'example.org', 's', {b i}, 'r', i"},
	{"sender", 3, "account_id, id, name, email, email_norm, made_at", "i, i, 'S', 's@example.org', 's@example.org', i"},
	{"campaign", 300, "account_id, id, name, state, made_at, changed_at", "{a}, i, 'C', CASE WHEN i > 297 THEN 'sending' ELSE 'sent' END, i, i"},
	{"campaign_list", 300, "account_id, campaign_id, list_id", "{a}, i, {l}"},
	// Everybody got two campaigns.
	{"recipient", 100_000, "account_id, campaign_id, contact_id, list_id, state, reason, basis, grade, event_id, ended_at, next_at",
		"{a}, {c}, i, {l}, CASE WHEN i % 7 = 0 THEN 'left_out' WHEN i % 100 = 1 THEN 'deferred' ELSE 'accepted' END, '', 'consent', 'B', i, i, CASE WHEN i % 100 = 1 THEN i ELSE 0 END"},
	{"recipient", 100_000, "account_id, campaign_id, contact_id, list_id, state, reason, basis, grade, event_id", "{a}, {c} + 100, i, {l}, CASE WHEN i < 30000 THEN 'accepted' ELSE 'pending' END, '', 'consent', 'B', i"},
	{"campaign_batch", 20_000, "account_id, id, campaign_id, node, again, first_contact, last_contact, people, permit_id, at, until_at, ended_at", "{a}, i, {c}, 1, 0, i, i + 200, 200, i, i, i, CASE WHEN i > 19990 THEN 0 ELSE i END"},
	{"fact", 20_000, "account_id, id, kind, ref, at", "{a}, i, 'form.requested', i, i"},
	{"fact_late", 20_000, "account_id, id, kind, ref, at, tries, due_at, note", "{a}, i, 'form.requested', i, i, 1, i, ''"},
	{"task", 20_000, "account_id, id, kind, ref, state, done, total, note, by_kind, by_id, made_at, started_at, ended_at, tries, fence, beat_at", "{a}, i, 'import', i, 'done', 1, 1, '', 'member', 1, i, i, i, 1, 1, i"},
	{"trace_entry", 100_000, "account_id, id, at, action, actor, actor_id, object, object_id, contact_id, clear, private, c2, sealed",
		"{a}, i, i, CASE WHEN i % 10 = 0 THEN 'trace.look' ELSE 'consent.given' END, 'member', {m}, 'contact', i, i, '', '', {b i}, {b i}"},
	{"trace_pending", 100, "account_id, entry_id, at, leaf", "{a}, i + 99900, i, {b i}"},
	{"trace_leaf", 99_900, "account_id, entry_id, leaf_index, at", "{a}, i, i - 1, i"},
	{"trace_members", 5000, "account_id, entry_id, n, leaves, names, kept", "{a}, i, 1, {b i}, '', {b i}"},
	{"trace_tile", 400, "level, n, hashes", "0, i, {b i}"},
	{"trace_checkpoint", 1000, "hour, size, note", "i, i, ''"},
}

// crowded fills a house's main store with the crowd. Nobody has counted the rows then.
func crowded(t *testing.T, h *testhouse.House) {
	t.Helper()
	series, bytes := "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n) n", "unhex(printf('%%032x', ($1) * 1000003))"
	if h.Dialect == "postgres" {
		series, bytes = "generate_series(1, %d) AS n(i)", "decode(lpad(to_hex(CAST($1 AS BIGINT) * 1000003), 32, '0'), 'hex')"
	}
	blob := regexp.MustCompile(`\{b ([^}]*)\}`)
	say := strings.NewReplacer("%%", "%", "{a}", "(CASE WHEN i % 100 = 0 THEN 3 WHEN i % 10 = 0 THEN 2 ELSE 1 END)",
		"{l}", "(CASE WHEN i % 100 = 0 THEN 2 WHEN i % 10 = 0 THEN 1 ELSE i / 100 % 20 * 3 + 3 END)", // a list of that account: twenty of the big one
		"{m}", "(CASE WHEN i % 100 = 0 THEN 100 WHEN i % 10 = 0 THEN 10 ELSE i % 9 + 1 END)", // a member
		"{g}", "(CASE WHEN i % 100 = 0 THEN 100 WHEN i % 10 = 0 THEN 10 ELSE i % 9 + 1 END)", // an import
		"{c}", "(CASE WHEN i % 100 = 0 THEN 100 WHEN i % 10 = 0 THEN 10 ELSE i / 100 % 10 * 10 + i % 9 + 1 END)") // a campaign: ninety of the big one
	var all []string
	if h.Dialect == "postgres" { // its daemon would count the rows at a moment nobody knows
		for _, c := range crowd {
			all = append(all, "ALTER TABLE "+c.table+" SET (autovacuum_enabled = false)")
		}
	}
	for _, c := range crowd {
		vals := say.Replace(blob.ReplaceAllString(c.vals, bytes))
		all = append(all, "INSERT INTO "+c.table+" ("+c.cols+") SELECT "+vals+" FROM "+fmt.Sprintf(series, c.n))
	}
	h.Raw(t, all...)
}
