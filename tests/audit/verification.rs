//! Verifying the log, against somebody who may do everything in the database.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgConnection};

use super::{VERIFY, log, verify};
use crate::support::{Who, World};

/// JSON as PostgreSQL writes `jsonb`: names by length, then by bytes.
fn jsonb(value: &Value) -> String {
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(jsonb).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| (name.len(), name.as_bytes()));
            let fields = fields.into_iter().map(|(name, value)| format!("{}: {}", json!(name), jsonb(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[tokio::test]
async fn a_hash_is_made_as_the_contract_says() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Quotes \" and \\ and \n and 🦀").await;
    let rename = "mutation($id: ID!) { collectionUpdate(input: { id: $id, version: 1, name: \"ä\", description: \"\" }) { collection { id } } }";
    world.ask(Who::Member, rename, json!({ "id": collection })).await.data();
    let workspace =
        world.ask(Who::Owner, "{ workspace { id } }", json!({})).await.data()["workspace"]["id"].clone();
    let uuid = |id: &Value| id.as_str().map(|id| entity::id::parse_any(id).expect("an id").1.to_string());
    let mut previous = Vec::new();
    let entries = log(&world, Who::Owner, Value::Null).await;
    for entry in entries.iter().rev() {
        let moment = chrono::DateTime::parse_from_rfc3339(entry["createdAt"].as_str().expect("a moment"))
            .expect("a moment");
        let hashed = json!({
            "workspace_id": uuid(&workspace), "id": uuid(&entry["id"]), "seq": entry["seq"], "actor_id": uuid(&entry["actorId"]),
            "actor_kind": entry["actorKind"], "actor_role": entry["actorRole"], "action": entry["action"], "targets": entry["targets"],
            "before": entry["before"], "after": entry["after"], "request_id": entry["requestId"],
            "created_at": moment.to_utc().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        });
        let hash = Sha256::new().chain_update(&previous).chain_update(jsonb(&hashed)).finalize();
        assert_eq!(entry["hash"], format!("{hash:x}"), "{}", jsonb(&hashed));
        previous = hash.to_vec();
    }
    assert_eq!(entries.len(), 7);
}

/// Somebody with every right on the database, who changes the log past its triggers.
struct Vandal(PgConnection);

impl Vandal {
    async fn of(world: &World) -> Self {
        let mut connection = world.superuser().await;
        for sql in [
            "set session_replication_role = replica",
            "alter table audit_entries drop constraint audit_entries_workspace_id_seq_key",
            "create table kept as select * from audit_entries",
            "create table heads as select * from workspace_sequences",
            "create view log as select a.* from audit_entries a join workspaces w on w.id = a.workspace_id where w.slug = 'acme'",
        ] {
            sqlx::query(sql).execute(&mut connection).await.expect(sql);
        }
        Self(connection)
    }

    /// Does it; it must have an effect.
    async fn does(&mut self, sql: &str) {
        // sql: literal because these are constants of this test, and numbers.
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.0).await;
        assert!(done.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected() > 0, "{sql}");
    }

    /// Puts everything back.
    async fn repents(&mut self) {
        for sql in [
            "delete from audit_entries",
            "insert into audit_entries select * from kept",
            "update workspace_sequences s set audit_seq = h.audit_seq, audit_hash = h.audit_hash from heads h where h.workspace_id = s.workspace_id",
        ] {
            sqlx::query(sql).execute(&mut self.0).await.expect(sql);
        }
    }
}

/// Makes an entry's hash again, after it was changed.
const REHASH: &str = "update audit_entries a set hash = app.audit_hash(a.previous_hash, a) where a.id in (select id from log where seq = 4)";

/// Every field of an entry, made another one.
const ALTERATIONS: &[&str] = &[
    "id = gen_random_uuid()",
    "actor_id = gen_random_uuid()",
    "actor_id = null",
    "actor_kind = 'API_KEY'",
    "actor_role = 'VIEWER'",
    "action = 'collection.delete'",
    "targets = '[]'",
    "before = '{}'",
    "after = '{\"name\": \"Another\"}'",
    "after = null",
    "request_id = 'another'",
    "created_at = created_at + interval '1 microsecond'",
    "created_at = 'infinity'",
    "hash = sha256('x')",
    "hash = ''",
    "previous_hash = sha256('x')",
    "previous_hash = ''",
];

#[tokio::test]
async fn an_altered_removed_inserted_or_cut_off_entry_is_found_with_its_number() {
    let world = World::without_worker().await;
    for number in 0..6 {
        world.collection(Who::Owner, &format!("Collection {number}")).await;
        world.collection(Who::Stranger, &format!("Collection {number}")).await;
    }
    let sound = verify(&world, Who::Owner).await;
    let head = sound["head"].as_i64().expect("a number");
    assert_eq!(
        (
            &sound["holds"],
            &sound["complete"],
            &sound["entries"],
            &sound["checkedThrough"],
            &sound["firstFault"]
        ),
        (&json!(true), &json!(true), &json!(head), &json!(head), &Value::Null)
    );
    assert_eq!(sound["headHash"], log(&world, Who::Owner, Value::Null).await[0]["hash"]);
    let mut vandal = Vandal::of(&world).await;
    let acme = "workspace_id = (select id from workspaces where slug = 'acme')";
    let mut cases: Vec<(Vec<String>, i64, &str)> = ALTERATIONS
        .iter()
        .map(|set| (vec![format!("update audit_entries set {set} where seq = 8 and {acme}")], 8, "ALTERED"))
        .collect();
    let rehash_all = format!(
        "do $$ declare r record; h bytea := '\\x'; begin
           for r in select seq from audit_entries where {acme} order by seq loop
             update audit_entries a set previous_hash = h where a.seq = r.seq and {acme};
             update audit_entries a set hash = app.audit_hash(a.previous_hash, a) where a.seq = r.seq and {acme} returning a.hash into h;
           end loop; end $$"
    );
    let remove = |condition: &str| format!("delete from audit_entries where {condition} and {acme}");
    let again = |seq: String| {
        format!(
            "insert into audit_entries select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(), 'seq', {seq}))).* from audit_entries a where a.seq = 3 and {acme}"
        )
    };
    cases.extend([
        (vec![remove("seq = 3")], 3, "REMOVED"),
        (vec![remove("seq = 1")], 1, "REMOVED"),
        (vec![remove("seq between 3 and 5")], 3, "REMOVED"),
        (vec![remove("seq > 2")], 3, "CUT_OFF"),
        (vec![remove(&format!("seq = {head}"))], head, "CUT_OFF"),
        (vec![remove("seq > 0")], 1, "CUT_OFF"),
        (vec![again("seq".to_owned())], 3, "INSERTED"),
        (vec![again("seq".to_owned()), "update audit_entries set id = '00000000-0000-7000-8000-000000000000' where id not in (select id from kept)".to_owned()], 3, "INSERTED"),
        (vec![again("seq".to_owned()), remove("seq = 2")], 2, "REMOVED"),
        (vec![again((head + 1).to_string())], head + 1, "INSERTED"),
        (vec![again("0".to_owned())], 0, "INSERTED"),
        (vec![again("-5".to_owned())], -5, "INSERTED"),
        (vec![format!("update audit_entries set seq = -seq where seq = 3 and {acme}")], -3, "INSERTED"),
        // Somebody who knows how hashes are made.
        (
            vec![
                format!("update audit_entries set after = '{{}}' where seq = 4 and {acme}"),
                REHASH.to_owned(),
            ],
            5,
            "RELINKED",
        ),
        (
            vec![
                format!("update audit_entries set after = '{{}}' where seq = 4 and {acme}"),
                format!("{rehash_all}; {REHASH}"),
            ],
            head,
            "REWRITTEN",
        ),
    ]);
    let count = cases.len();
    for (crime, seq, kind) in cases {
        for sql in &crime {
            vandal.does(sql).await;
        }
        let found = verify(&world, Who::Owner).await;
        assert_eq!(found["firstFault"], json!({ "seq": seq, "kind": kind }), "{crime:?}");
        assert_eq!(
            (&found["holds"], &found["complete"], &found["checkedThrough"]),
            (&json!(false), &json!(true), &json!(seq - 1)),
            "{crime:?}"
        );
        assert_eq!(verify(&world, Who::Stranger).await["holds"], json!(true), "it is another workspace's");
        vandal.repents().await;
        assert_eq!(verify(&world, Who::Owner).await, sound, "{crime:?}");
    }
    assert_eq!(count, 32);
}

#[tokio::test]
async fn a_log_of_many_batches_is_verified_whole_and_from_any_entry_on() {
    let world = World::without_worker().await;
    let mut superuser = world.superuser().await;
    for _ in 0..25 {
        sqlx::query(
            "select app.extend_chain(w.id, null, 'SYSTEM', null, '[]', (
               select jsonb_agg(jsonb_build_object('id', gen_random_uuid(), 'action', 'collection.create', 'request_id', 'planted',
                 'targets', jsonb_build_array('collection_' || n), 'after', jsonb_build_object('name', repeat('x', 40)))) from generate_series(1, 1000) n))
             from workspaces w where w.slug = 'acme'",
        )
        .execute(&mut superuser)
        .await
        .expect("planted");
    }
    // A machine that is busy stops in between; whoever asks goes on.
    let whole = async || {
        let (mut after, mut entries) = (0, 0);
        loop {
            let found =
                world.ask(Who::Owner, VERIFY, json!({ "after": after })).await.data()["auditVerify"].clone();
            entries += found["entries"].as_i64().expect("a number");
            if found["complete"] == json!(true) {
                return (found, entries);
            }
            assert_eq!((&found["holds"], &found["firstFault"]), (&Value::Null, &Value::Null));
            after = found["checkedThrough"].as_i64().expect("a number");
        }
    };
    let (sound, entries) = whole().await;
    let head = sound["head"].as_i64().expect("a number");
    assert!(head > 25_000 && entries == head && sound["holds"] == json!(true), "{sound}");
    for after in [1, 9_999, 10_000, 20_001, head - 1, head] {
        let found =
            world.ask(Who::Owner, VERIFY, json!({ "after": after })).await.data()["auditVerify"].clone();
        assert_eq!((&found["holds"], &found["entries"]), (&json!(true), &json!(head - after)), "{after}");
    }
    for after in [-1, head + 1, i64::from(i32::MAX)] {
        assert_eq!(
            world.ask(Who::Owner, VERIFY, json!({ "after": after })).await.code(),
            "BAD_USER_INPUT",
            "{after}"
        );
    }
    let twice = "{ a: auditVerify { holds } b: auditVerify { holds } }";
    assert_eq!(world.ask(Who::Owner, twice, json!({})).await.code(), "QUERY_TOO_COSTLY");
    // At and around the place where one batch ends and the next begins.
    let mut vandal = Vandal::of(&world).await;
    for (crime, seq, kind) in [
        ("delete from audit_entries where seq = 10000 and request_id = 'planted'", 10_000, "REMOVED"),
        ("delete from audit_entries where seq between 9990 and 10005 and request_id = 'planted'", 9_990, "REMOVED"),
        ("delete from audit_entries where seq = 10001 and request_id = 'planted'", 10_001, "REMOVED"),
        ("delete from audit_entries where seq between 5000 and 22000 and request_id = 'planted'", 5_000, "REMOVED"),
        ("update audit_entries set action = 'agent.create' where seq = 24000 and request_id = 'planted'", 24_000, "ALTERED"),
        ("insert into audit_entries select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid()))).* from audit_entries a
            where seq = 10000 and request_id = 'planted'", 10_000, "INSERTED"),
    ] {
        vandal.does(crime).await;
        assert_eq!(whole().await.0["firstFault"], json!({ "seq": seq, "kind": kind }), "{crime}");
        vandal.repents().await;
    }
    assert_eq!(whole().await.0["holds"], json!(true));
}
