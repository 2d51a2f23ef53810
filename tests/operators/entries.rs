//! Entries: begun with a reason, for a while, told to everybody who is to know; and ended from either side.

use serde_json::json;
use sqlx::Row;

use super::{END, LEAVE, REASON, START, WORKSPACE, ask, audited, entered, operator, start};
use crate::support::world::text;
use crate::support::{Who, World};

#[tokio::test]
async fn an_entry_opens_one_workspace_and_stands_in_its_audit_log_and_events() {
    let world = World::without_worker().await;
    let (id, key) = operator(&world, "Ann of support").await;
    assert_eq!(ask(&world, &key, Some("acme"), WORKSPACE, json!({})).await.code(), "NOT_FOUND");
    let entry = start(&world, &key, "acme").await.data()["operatorEntryStart"]["operatorEntry"].clone();
    assert_eq!(
        (
            &entry["operatorName"],
            &entry["workspaceKey"],
            &entry["reason"],
            &entry["active"],
            &entry["endedAt"]
        ),
        (&json!("Ann of support"), &json!("acme"), &json!(REASON), &json!(true), &json!(null))
    );
    assert_eq!(text(&entry["operatorId"]), id);
    let time = |field: &str| {
        chrono::DateTime::parse_from_rfc3339(entry[field].as_str().expect("a time")).expect("RFC 3339")
    };
    assert_eq!((time("expiresAt") - time("startedAt")).num_minutes(), 30);
    assert_eq!(
        ask(&world, &key, Some("acme"), WORKSPACE, json!({})).await.data(),
        json!({ "workspace": { "slug": "acme" } })
    );
    assert_eq!(ask(&world, &key, Some("globex"), WORKSPACE, json!({})).await.code(), "NOT_FOUND");

    let uuid = entity::id::OperatorId::parse(&id).expect("an id").0;
    let log = audited(&world, "acme").await;
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].0.as_str(), log[0].1.as_str(), log[0].2), ("operator.enter", "OPERATOR", Some(uuid)));
    assert_eq!(log[0].3["reason"], REASON);
    assert!(!log[0].3.to_string().contains("Ann"), "people stand in the log by id alone");
    assert_eq!(audited(&world, "globex").await, []);
    let mut superuser = world.superuser().await;
    let event = sqlx::query("select e.type, e.subject, e.data, e.actor_kind, w.slug from events e join workspaces w on w.id = e.workspace_id where e.type like 'operator.%'")
        .fetch_all(&mut superuser)
        .await
        .expect("events");
    assert_eq!(event.len(), 1);
    let event = &event[0];
    assert_eq!(
        (
            event.get::<String, _>(0),
            event.get::<String, _>(1),
            event.get::<String, _>(3),
            event.get::<String, _>(4)
        ),
        ("operator.entered".to_owned(), text(&entry["id"]), "OPERATOR".to_owned(), "acme".to_owned())
    );
    // Members with audit:read see it, by list and by id; others do not.
    let list = "{ operatorEntries { nodes { id operatorName reason active } totalCount } }";
    let seen = world.ask(Who::Admin, list, json!({})).await.data();
    assert_eq!(seen["operatorEntries"]["nodes"][0]["id"], entry["id"]);
    assert_eq!(seen["operatorEntries"]["totalCount"], 1);
    assert_eq!(world.ask(Who::Member, list, json!({})).await.code(), "FORBIDDEN");
    let theirs = world.ask(Who::Stranger, list, json!({})).await.data();
    assert_eq!(theirs["operatorEntries"]["totalCount"], 0);
    let node = "query($id: ID!) { node(id: $id) { id ... on OperatorEntry { workspaceKey } } }";
    let found = |who| world.ask(who, node, json!({ "id": entry["id"] }));
    assert_eq!(found(Who::Owner).await.data()["node"]["workspaceKey"], "acme");
    assert_eq!(found(Who::Member).await.data()["node"], json!(null));
    assert_eq!(found(Who::Stranger).await.data()["node"], json!(null));
}

#[tokio::test]
async fn a_workspace_is_named_by_its_id_as_well_and_what_is_none_is_not_found() {
    let world = World::without_worker().await;
    let (_, key) = operator(&world, "Ann").await;
    let id = text(&world.ask(Who::Owner, "{ workspace { id } }", json!({})).await.data()["workspace"]["id"]);
    let data = start(&world, &key, &id).await.data();
    assert_eq!(data["operatorEntryStart"]["operatorEntry"]["workspaceKey"], id);
    assert!(ask(&world, &key, Some(&id), WORKSPACE, json!({})).await.data().is_object());
    // A workspace that is none, and one that is there without an entry, have one answer at the door.
    let none = ask(&world, &key, Some("nowhere"), WORKSPACE, json!({})).await.without_request_ids();
    assert_eq!(ask(&world, &key, Some("globex"), WORKSPACE, json!({})).await.without_request_ids(), none);
    assert_eq!(start(&world, &key, "nowhere").await.code(), "NOT_FOUND");
    assert_eq!(start(&world, &key, &entity::id::WorkspaceId::new().to_string()).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn every_bad_field_is_named_at_once_and_begins_nothing() {
    let world = World::without_worker().await;
    let (_, key) = operator(&world, "Ann").await;
    let reply = ask(
        &world,
        &key,
        None,
        START,
        json!({ "input": { "workspace": "not one", "reason": "short", "minutes": 61 } }),
    )
    .await;
    assert_eq!(reply.code(), "BAD_USER_INPUT");
    let issues = reply.body["errors"][0]["extensions"]["issues"].as_array().expect("issues").clone();
    let named: Vec<_> = issues
        .iter()
        .map(|issue| (issue["path"][1].as_str().expect("a field"), issue["code"].as_str().expect("a code")))
        .collect();
    assert_eq!(named, [("workspace", "INVALID"), ("reason", "LENGTH"), ("minutes", "OUT_OF_RANGE")]);
    for (reason, minutes) in [
        ("x".repeat(501), 1),
        ("two\nlines of a reason".to_owned(), 1),
        ("nul\0 in a reason".to_owned(), 1),
        (REASON.to_owned(), 0),
        (REASON.to_owned(), -1),
        (REASON.to_owned(), i32::MAX),
    ] {
        let input = json!({ "workspace": "acme", "reason": reason, "minutes": minutes });
        assert_eq!(
            ask(&world, &key, None, START, json!({ "input": input })).await.code(),
            "BAD_USER_INPUT",
            "{reason:?} {minutes}"
        );
    }
    assert_eq!(world.count("select count(*) from operator_entries").await, 0);
    assert_eq!(world.count("select count(*) from outgoing_mails").await, 0);
    for (query, id) in [(LEAVE, "nonsense"), (LEAVE, "workspace_01h455vb4pex5vsknk084sn02q")] {
        assert_eq!(ask(&world, &key, None, query, json!({ "id": id })).await.code(), "BAD_USER_INPUT");
    }
}

#[tokio::test]
async fn what_has_expired_opens_nothing_and_frees_the_place_for_another_entry() {
    let world = World::without_worker().await;
    let (_, key) = operator(&world, "Ann").await;
    let entry = entered(&world, &key, "acme").await;
    world.plant("update operator_entries set started_at = now() - interval '40 minutes', expires_at = now() - interval '1 second'").await;
    assert_eq!(ask(&world, &key, Some("acme"), WORKSPACE, json!({})).await.code(), "NOT_FOUND");
    assert_eq!(ask(&world, &key, None, LEAVE, json!({ "id": entry })).await.code(), "CONFLICT");
    assert_eq!(world.ask(Who::Owner, END, json!({ "id": entry })).await.code(), "CONFLICT");
    let node = world
        .ask(
            Who::Owner,
            "query($id: ID!) { node(id: $id) { ... on OperatorEntry { active endedAt } } }",
            json!({ "id": entry }),
        )
        .await
        .data();
    assert_eq!(node["node"], json!({ "active": false, "endedAt": null }));
    assert_ne!(entered(&world, &key, "acme").await, entry);
}

#[tokio::test]
async fn an_entry_ends_no_later_than_its_operators_key() {
    let world = World::without_worker().await;
    let (_, key) = operator(&world, "Ann").await;
    world.plant("update operators set expires_at = now() + interval '5 minutes'").await;
    entered(&world, &key, "acme").await;
    assert_eq!(world.count("select count(*) from operator_entries e join operators o on o.id = e.operator_id and o.expires_at = e.expires_at").await, 1);
}

#[tokio::test]
async fn an_owner_ends_it_at_once_and_nobody_else_of_the_workspace_or_of_another_does() {
    let world = World::without_worker().await;
    let (_, key) = operator(&world, "Ann").await;
    let entry = entered(&world, &key, "acme").await;
    let id = json!({ "id": entry });
    for who in [Who::Admin, Who::Member, Who::Viewer] {
        assert_eq!(world.ask(who, END, id.clone()).await.code(), "FORBIDDEN", "{who:?}");
    }
    let unknown =
        world.ask(Who::Stranger, END, json!({ "id": entity::id::OperatorEntryId::new().to_string() })).await;
    assert_eq!(unknown.code(), "NOT_FOUND");
    let foreign = world.ask(Who::Stranger, END, id.clone()).await;
    assert_eq!(foreign.without_request_ids(), unknown.without_request_ids());
    assert!(ask(&world, &key, Some("acme"), WORKSPACE, json!({})).await.data().is_object());
    // From inside, an operator does not end it as an owner would.
    assert_eq!(ask(&world, &key, Some("acme"), END, id.clone()).await.code(), "FORBIDDEN");

    let ended = world.ask(Who::Owner, END, id.clone()).await.data();
    assert_eq!(
        ended["operatorEntryEnd"]["operatorEntry"],
        json!({ "id": entry, "active": false, "endedBy": "OWNER" })
    );
    assert_eq!(ask(&world, &key, Some("acme"), WORKSPACE, json!({})).await.code(), "NOT_FOUND");
    assert_eq!(world.ask(Who::Owner, END, id.clone()).await.code(), "CONFLICT");
    assert_eq!(ask(&world, &key, None, LEAVE, id).await.code(), "CONFLICT");
    let log = audited(&world, "acme").await;
    let said: Vec<_> = log.iter().map(|entry| (entry.0.as_str(), entry.1.as_str())).collect();
    assert_eq!(said, [("operator.enter", "OPERATOR"), ("operator.end", "USER")]);
    assert_eq!(world.count("select count(*) from events where type = 'operator.left'").await, 1);
}

#[tokio::test]
async fn an_operator_leaves_their_own_entry_and_no_other() {
    let world = World::without_worker().await;
    let ((_, ann), (_, ben)) = (operator(&world, "Ann").await, operator(&world, "Ben").await);
    let entry = entered(&world, &ann, "acme").await;
    let id = json!({ "id": entry });
    assert_eq!(
        ask(&world, &ben, Some("acme"), WORKSPACE, json!({})).await.code(),
        "NOT_FOUND",
        "another operator's entry does not help"
    );
    assert_eq!(ask(&world, &ben, None, LEAVE, id.clone()).await.code(), "NOT_FOUND");
    // With the header and without.
    let left = ask(&world, &ann, Some("acme"), LEAVE, id.clone()).await.data();
    assert_eq!(
        left["operatorEntryLeave"]["operatorEntry"],
        json!({ "id": entry, "active": false, "endedBy": "OPERATOR" })
    );
    assert_eq!(ask(&world, &ann, Some("acme"), WORKSPACE, json!({})).await.code(), "NOT_FOUND");
    let log = audited(&world, "acme").await;
    let said: Vec<_> = log.iter().map(|entry| (entry.0.as_str(), entry.1.as_str())).collect();
    assert_eq!(said, [("operator.enter", "OPERATOR"), ("operator.leave", "OPERATOR")]);
}

#[tokio::test]
async fn of_two_entries_at_once_one_begins_and_two_workspaces_are_two() {
    let world = World::without_worker().await;
    let (_, key) = operator(&world, "Ann").await;
    let (one, two, three) =
        tokio::join!(start(&world, &key, "acme"), start(&world, &key, "acme"), start(&world, &key, "globex"));
    assert!(three.data().is_object());
    let mut codes: Vec<_> = [one, two]
        .iter()
        .map(
            |reply| {
                if reply.body.get("errors").is_some() { reply.code().to_owned() } else { "done".to_owned() }
            },
        )
        .collect();
    codes.sort();
    assert_eq!(codes, ["CONFLICT", "done"]);
    assert_eq!(world.count("select count(*) from operator_entries").await, 2);
    for slug in ["acme", "globex"] {
        assert_eq!(audited(&world, slug).await.len(), 1, "{slug}");
        let seen = ask(&world, &key, Some(slug), WORKSPACE, json!({})).await.data();
        assert_eq!(seen["workspace"]["slug"], slug);
    }
}

#[tokio::test]
async fn of_an_end_and_a_leaving_at_once_one_happens() {
    let world = World::without_worker().await;
    let (_, key) = operator(&world, "Ann").await;
    for _ in 0..5 {
        let id = json!({ "id": entered(&world, &key, "acme").await });
        let (ended, left) =
            tokio::join!(world.ask(Who::Owner, END, id.clone()), ask(&world, &key, None, LEAVE, id.clone()));
        let refused: Vec<_> =
            [&ended, &left].into_iter().filter(|reply| reply.body.get("errors").is_some()).collect();
        assert_eq!(refused.len(), 1, "{ended:?} {left:?}");
        assert_eq!(refused[0].code(), "CONFLICT");
    }
    assert_eq!(
        world
            .count("select count(*) from audit_entries where action in ('operator.end', 'operator.leave')")
            .await,
        5
    );
    assert_eq!(world.count("select count(*) from events where type = 'operator.left'").await, 5);
}

#[tokio::test]
async fn no_change_of_an_entry_passes_the_database_without_an_audit_entry() {
    let world = World::without_worker().await;
    let (_, key) = operator(&world, "Ann").await;
    entered(&world, &key, "acme").await;
    let mut superuser = world.superuser().await;
    for change in [
        "insert into operator_entries (workspace_id, id, operator_id, operator_name, workspace_key, reason, expires_at)
         select workspace_id, gen_random_uuid(), operator_id, operator_name, workspace_key, reason, expires_at from operator_entries",
        "update operator_entries set ended_at = now(), ended_by = 'OWNER'",
        "update operator_entries set reason = 'another reason altogether'",
        "delete from operator_entries",
    ] {
        let refused = sqlx::query(change).execute(&mut superuser).await.expect_err(change);
        assert_eq!(refused.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(), Some("FN043"), "{change}: {refused}");
    }
}
