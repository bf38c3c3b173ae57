// SPDX-License-Identifier: AGPL-3.0-or-later

package job

import "consend/internal/ground/datamap"

// Data is the room's part of the data map, and that of River, which runs long work. River's
// arguments are ids of ours, and its errors are ours: they name nobody.
func Data() []datamap.Table {
	none := datamap.None
	river := func(name string, columns ...string) datamap.Table {
		t := datamap.Table{Store: datamap.Main, Name: name, Foreign: true}
		for _, c := range columns {
			t.Columns = append(t.Columns, none(c, "River's queue: ids of tasks, counts and times"))
		}
		return t
	}
	return []datamap.Table{
		{Store: datamap.Main, Name: "fact_late", Account: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("kind", "what happened, one of a few words"),
			none("ref", "the id of what it happened to"), none("at", "when it was put off"), none("tries", "how often it failed"),
			none("due_at", "when it is tried again"), none("note", "the key of a fault")}},
		{Store: datamap.Main, Name: "task", Account: true, Few: true, Columns: []datamap.Column{
			none("account_id", "the account"), none("id", "an id we assign"), none("kind", "which work, one of a few words"),
			none("ref", "the id of what is worked on"), none("state", "one of a few words"), none("done", "a count"), none("total", "a count"),
			none("note", "the key of a fault"), none("by_kind", "the kind of actor"),
			datamap.Personal("by_id", datamap.PD{Category: "pseudonym", Whose: datamap.Members, Purposes: []string{"accountability"},
				Basis: "GDPR 6(1)(f), 5(2)", Retention: "trace", Erasure: datamap.Keep, Export: datamap.Access, ExportName: "task.by",
				Key: datamap.Clear, Why: "who started it stays known as a number; after an erasure it leads to nobody"}),
			none("made_at", "when it was started"), none("started_at", "when it began to run"), none("ended_at", "when it ended"),
			none("tries", "how often it failed"), none("fence", "how often it was taken"), none("beat_at", "its holder's last sign of life")}},
		river("river_migration", "line", "version", "created_at"),
		river("river_job", "id", "args", "attempt", "attempted_at", "attempted_by", "created_at", "errors", "finalized_at", "kind", "max_attempts",
			"metadata", "priority", "queue", "state", "scheduled_at", "tags", "unique_key", "unique_states"),
		river("river_leader", "elected_at", "expires_at", "leader_id", "name"),
		river("river_queue", "name", "created_at", "metadata", "paused_at", "updated_at"),
		river("river_notification", "id", "created_at", "payload", "topic"),
	}
}
