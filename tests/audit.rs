//! The audit log: what its readers find in it, and that nobody changes it unseen.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::support::world::text;
use crate::support::{Who, World};

const LOG: &str = "query($filter: AuditEntryFilter, $first: Int, $after: String) {
  auditLog(filter: $filter, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    nodes { id seq action actorKind actorId actorRole user { email } targets before after requestId createdAt hash previousHash } } }";
const VERIFY: &str = "query($after: Int! = 0) { auditVerify(after: $after) {
  holds complete entries checkedThrough head headHash firstFault { seq kind } } }";

async fn log(world: &World, who: Who, filter: Value) -> Vec<Value> {
    let data = world.ask(who, LOG, json!({ "filter": filter, "first": 50 })).await.data();
    let nodes = data["auditLog"]["nodes"].as_array().expect("a list").clone();
    assert_eq!(data["auditLog"]["totalCount"], json!(nodes.len()), "all of it is one page");
    nodes
}

async fn verify(world: &World, who: Who) -> Value {
    world.ask(who, VERIFY, json!({})).await.data()["auditVerify"].clone()
}

async fn id_of(world: &World, email: &'static str) -> String {
    let mut superuser = world.superuser().await;
    let id = sqlx::query("select id from users where email = $1").bind(email).fetch_one(&mut superuser).await;
    entity::id::UserId(id.expect("a person").get(0)).to_string()
}

#[tokio::test]
async fn a_change_stands_in_the_log_with_who_in_which_role_what_and_by_which_request() {
    let world = World::without_worker().await;
    let body = json!({ "query": "mutation { collectionCreate(input: { name: \"Handbook\" }) { collection { id } } }" });
    let (authorization, workspace) = world.headers(Who::Member).expect("a token");
    let response = world
        .http()
        .post(format!("{}/graphql", world.address))
        .header("authorization", authorization)
        .header("x-workspace", workspace)
        .json(&body)
        .send()
        .await
        .expect("an answer");
    let request = response.headers()["x-request-id"].to_str().expect("text").to_owned();
    let made: Value = response.json().await.expect("JSON");
    let collection = made["data"]["collectionCreate"]["collection"]["id"].clone();
    let found = log(&world, Who::Owner, json!({ "requestId": { "eq": request } })).await;
    let [entry] = found.as_slice() else { panic!("one entry: {found:#?}") };
    assert_eq!(
        (&entry["action"], &entry["actorKind"], &entry["actorRole"], &entry["user"]["email"]),
        (&json!("collection.create"), &json!("USER"), &json!("MEMBER"), &json!("member@acme.example"))
    );
    assert_eq!(entry["actorId"], json!(id_of(&world, "member@acme.example").await));
    assert_eq!((&entry["targets"], &entry["before"]), (&json!([collection]), &Value::Null));
    assert_eq!(entry["after"]["name"], "Handbook");
    assert_eq!(
        (entry["hash"].as_str().map(str::len), entry["requestId"].as_str()),
        (Some(64), Some(&*request))
    );
    let node = "query($id: ID!) { node(id: $id) { ... on AuditEntry { seq hash } } }";
    let data = world.ask(Who::Owner, node, json!({ "id": entry["id"] })).await.data();
    assert_eq!(data["node"], json!({ "seq": entry["seq"], "hash": entry["hash"] }));
    // Each entry has the hash of the one before, and the first one has none.
    let all = log(&world, Who::Owner, Value::Null).await;
    for pair in all.windows(2) {
        assert_eq!(pair[0]["previousHash"], pair[1]["hash"]);
        assert_eq!(pair[0]["seq"].as_i64(), pair[1]["seq"].as_i64().map(|seq| seq + 1));
    }
    assert_eq!((&all[all.len() - 1]["seq"], &all[all.len() - 1]["previousHash"]), (&json!(1), &json!("")));
    assert_eq!(
        (&all[all.len() - 1]["actorKind"], &all[all.len() - 1]["actorId"]),
        (&json!("SYSTEM"), &Value::Null)
    );
}

#[tokio::test]
async fn the_log_is_filtered_by_what_an_auditor_asks_and_paged_by_number() {
    let world = World::without_worker().await;
    for number in 0..6 {
        let who = if number % 2 == 0 { Who::Owner } else { Who::Member };
        world.collection(who, &format!("Collection {number}")).await;
    }
    world.agent(Who::Admin, "Assistant").await;
    let member = id_of(&world, "member@acme.example").await;
    let collection = world.collection(Who::Owner, "Renamed").await;
    let rename = "mutation($id: ID!) { collectionUpdate(input: { id: $id, version: 1, name: \"New name\" }) { collection { id } } }";
    world.ask(Who::Owner, rename, json!({ "id": collection })).await.data();
    let head = log(&world, Who::Admin, Value::Null).await[0]["seq"].as_i64().expect("a number");
    for (filter, count) in [
        (json!({ "action": { "eq": "collection.create" } }), 7),
        (json!({ "action": { "in": ["collection.create", "agent.create"] } }), 8),
        (json!({ "target": collection }), 2),
        (json!({ "target": collection, "action": { "eq": "collection.update" } }), 1),
        (json!({ "target": member }), 0),
        (json!({ "action": { "eq": "no.such_thing" } }), 0),
        (json!({ "actorId": { "eq": member } }), 3),
        (json!({ "actorKind": { "eq": "SYSTEM" } }), head - 9),
        (json!({ "actorKind": { "in": ["API_KEY", "OPERATOR"] } }), 0),
        (json!({ "seq": { "gt": head - 2 } }), 2),
        (json!({ "seq": { "gte": 2, "lte": 3 } }), 2),
        (json!({ "seq": { "eq": 1 } }), 1),
        (json!({ "seq": { "lt": 1 } }), 0),
        (json!({ "createdAt": { "gt": "2099-01-01T00:00:00Z" } }), 0),
        (json!({ "not": { "actorKind": { "eq": "SYSTEM" } } }), 9),
        (json!({ "or": [{ "action": { "eq": "agent.create" } }, { "actorId": { "eq": member } }] }), 4),
    ] {
        let found = log(&world, Who::Owner, filter.clone()).await;
        assert_eq!(found.len(), usize::try_from(count).expect("a count"), "{filter}");
    }
    for bad in ["x", "document_01h455vb4pex5vsknk084sn02q", &"user_".repeat(500)] {
        let reply = world.ask(Who::Owner, LOG, json!({ "filter": { "actorId": { "in": [bad] } } })).await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{bad}");
    }
    for bad in ["", "x", &"a".repeat(5000)] {
        assert_eq!(
            world.ask(Who::Owner, LOG, json!({ "filter": { "target": bad } })).await.code(),
            "BAD_USER_INPUT"
        );
    }
    assert_eq!(
        log(&world, Who::Stranger, json!({ "target": collection })).await.len(),
        0,
        "another workspace's"
    );
    let (mut seqs, mut after) = (Vec::new(), Value::Null);
    loop {
        let data = world.ask(Who::Owner, LOG, json!({ "first": 3, "after": after })).await.data();
        let page = &data["auditLog"];
        seqs.extend(
            page["nodes"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|node| node["seq"].as_i64().expect("a number")),
        );
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seqs, (1..=head).rev().collect::<Vec<_>>());
    let backwards = "query($cursor: String) { auditLog(last: 2, before: $cursor, orderBy: { direction: ASC }) { nodes { seq } } }";
    let data = world.ask(Who::Owner, backwards, json!({})).await.data();
    assert_eq!(data["auditLog"]["nodes"], json!([{ "seq": head - 1 }, { "seq": head }]));
    let foreign = world.ask(Who::Stranger, LOG, json!({ "after": after })).await;
    assert_eq!(foreign.code(), "BAD_USER_INPUT", "a cursor of another workspace is none");
}

#[tokio::test]
async fn only_who_may_read_the_log_reads_or_verifies_it_and_only_their_own() {
    let world = World::without_worker().await;
    world.collection(Who::Owner, "Secret plans").await;
    for who in [Who::Member, Who::Viewer] {
        for query in [LOG, VERIFY] {
            let reply = world.ask(who, query, json!({})).await;
            assert_eq!(reply.code(), "FORBIDDEN");
            assert_eq!(reply.body["errors"][0]["extensions"]["details"]["permission"], "audit:read");
        }
    }
    let entry = text(&log(&world, Who::Owner, Value::Null).await[0]["id"]);
    let node = "query($id: ID!) { node(id: $id) { id } }";
    for who in [Who::Viewer, Who::Stranger] {
        assert_eq!(world.ask(who, node, json!({ "id": entry })).await.data()["node"], Value::Null);
    }
    let theirs = log(&world, Who::Stranger, Value::Null).await;
    assert!(!json!(theirs).to_string().contains("Secret plans") && !theirs.is_empty());
    assert_eq!(log(&world, Who::Stranger, json!({ "id": { "eq": entry } })).await.len(), 0);
    let owner = id_of(&world, "owner@acme.example").await;
    assert_eq!(log(&world, Who::Stranger, json!({ "actorId": { "eq": owner } })).await.len(), 0);
    // The door itself, whoever calls it.
    let mut app = crate::support::database::connect(world.database.app()).await;
    let refused =
        sqlx::query("select * from app.verify_audit(0, 10)").fetch_all(&mut app).await.expect_err("refused");
    assert_eq!(
        refused.as_database_error().and_then(|error| error.code().map(|code| code.into_owned())).as_deref(),
        Some("42501")
    );
}

#[tokio::test]
async fn somebody_who_left_stays_in_the_log_by_id_alone() {
    let world = World::without_worker().await;
    world.collection(Who::Member, "Handbook").await;
    let member = id_of(&world, "member@acme.example").await;
    world.plant("update memberships set status = 'REMOVED' where user_id = (select id from users where email = 'member@acme.example')").await;
    let found = log(&world, Who::Owner, json!({ "action": { "eq": "collection.create" } })).await;
    assert_eq!((&found[0]["actorId"], &found[0]["user"]), (&json!(member), &Value::Null));
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
    let mut cases: Vec<(Vec<String>, i64, &str)> = [
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
    ]
    .into_iter()
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
    assert_eq!(count, 30);
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
