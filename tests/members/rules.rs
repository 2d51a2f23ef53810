//! What the database holds for whatever writes: by SQL of the application's role, at the same time, without a word in the log.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::{give, membership, role};
use crate::support::database::connect;
use crate::support::{Who, World};

/// Enters `acme` as somebody, as the application does.
async fn enter(world: &World, connection: &mut PgConnection, who: Who) {
    let session = world.credentials(who).session.0;
    sqlx::raw_sql("begin").execute(&mut *connection).await.expect("begun");
    sqlx::query("select * from app.enter_session($1, null, 'acme')")
        .bind(session)
        .fetch_one(&mut *connection)
        .await
        .expect("entered");
}

/// The code of what the database says of a statement or of the commit; none where both are well.
async fn outcome(connection: &mut PgConnection, sql: &'static str) -> Option<String> {
    let done = match sqlx::raw_sql(sql).execute(&mut *connection).await {
        Ok(_) => sqlx::raw_sql("commit").execute(&mut *connection).await,
        Err(error) => Err(error),
    };
    let code = done.err().map(|error| {
        error
            .as_database_error()
            .and_then(|error| error.code().map(std::borrow::Cow::into_owned))
            .expect("a code")
    });
    sqlx::raw_sql("rollback").execute(connection).await.expect("rolled back");
    code
}

#[tokio::test]
async fn two_owners_who_demote_each_other_at_once_leave_one() {
    for _ in 0..6 {
        let world = World::without_worker().await;
        let (owner, viewer) = (role(&world, "OWNER").await, role(&world, "VIEWER").await);
        give(&world, Who::Owner, "member@acme.example", &owner).await.data();
        let (one, other) =
            (membership(&world, "owner@acme.example").await, membership(&world, "member@acme.example").await);
        let query = "mutation($input: MembershipRoleUpdateInput!) { membershipRoleUpdate(input: $input) { membership { id } } }";
        let demote = |member: &serde_json::Value| json!({ "input": { "id": member["id"], "version": member["version"], "roleId": viewer } });
        let (first, second) = tokio::join!(
            world.ask(Who::Owner, query, demote(&other)),
            world.ask(Who::Member, query, demote(&one))
        );
        let left = "select count(*) from memberships m join roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
                    join workspaces w on w.id = m.workspace_id where w.slug = 'acme' and r.built_in = 'OWNER' and m.status = 'ACTIVE'";
        assert_eq!(world.count(left).await, 1, "{first:?} {second:?}");
        for reply in [first, second].iter().filter(|reply| reply.body.get("errors").is_some()) {
            assert!(["CONFLICT", "FORBIDDEN"].contains(&reply.code()), "{reply:?}");
        }
    }
}

#[tokio::test]
async fn a_change_of_who_may_do_what_without_a_word_in_the_log_is_refused_at_the_commit() {
    let world = World::without_worker().await;
    let mut app = connect(world.database.app()).await;
    for sql in [
        "update memberships set status = 'SUSPENDED' where user_id <> app.actor_id() and role_id in (select id from roles where built_in = 'VIEWER')",
        "insert into roles (id, name) values (gen_random_uuid(), 'Silent')",
        "insert into api_keys (id, name, user_id, start, hash, scopes) values (gen_random_uuid(), 'silent', app.actor_id(), 'fn_live_abcd', sha256('x'), '{job:read}')",
        // One that is about something else does not help.
        "update memberships set status = 'SUSPENDED' where role_id in (select id from roles where built_in = 'VIEWER');
         select app.append_envelopes('[]', jsonb_build_array(jsonb_build_object('id', gen_random_uuid(), 'action', 'agent.create', 'targets', '[]'::jsonb, 'request_id', 'x')))",
    ] {
        enter(&world, &mut app, Who::Owner).await;
        assert_eq!(outcome(&mut app, sql).await.as_deref(), Some("FN043"), "{sql}");
    }
    let told = "update memberships set status = 'SUSPENDED' where role_id in (select id from roles where built_in = 'VIEWER');
         select app.append_envelopes('[]', jsonb_build_array(jsonb_build_object('id', gen_random_uuid(), 'action', 'membership.suspend', 'targets', '[]'::jsonb, 'request_id', 'x')))";
    enter(&world, &mut app, Who::Owner).await;
    assert_eq!(outcome(&mut app, told).await, None);
}

#[tokio::test]
async fn sql_of_the_application_gives_nobody_more_than_it_has() {
    let world = World::without_worker().await;
    let mut app = connect(world.database.app()).await;
    for (who, sql, code) in [
        (
            Who::Admin,
            "update memberships set role_id = (select id from roles where built_in = 'OWNER') where user_id = app.actor_id()",
            "FN040",
        ),
        (
            Who::Admin,
            "update memberships set status = 'SUSPENDED' where role_id = (select id from roles where built_in = 'OWNER')",
            "FN040",
        ),
        (
            Who::Admin,
            "insert into roles (id, name, permissions) values (gen_random_uuid(), 'x', '{workspace:own}')",
            "FN040",
        ),
        (Who::Admin, "update roles set description = 'x' where built_in = 'VIEWER'", "FN005"),
        (Who::Admin, "delete from roles where built_in = 'VIEWER'", "FN005"),
        (
            Who::Admin,
            "insert into invitations (id, email, role_id, expires_at) select gen_random_uuid(), 'a@b.c', id, now() from roles where built_in = 'OWNER'",
            "FN040",
        ),
        (
            Who::Admin,
            "insert into api_keys (id, name, user_id, start, hash, scopes) values (gen_random_uuid(), 'x', app.actor_id(), 'fn_live_abcd', sha256('x'), '{workspace:own}')",
            "FN040",
        ),
        (
            Who::Admin,
            "insert into api_keys (id, name, user_id, start, hash, scopes) select gen_random_uuid(), 'x', user_id, 'fn_live_abcd', sha256('x'), '{job:read}' from memberships where user_id <> app.actor_id() limit 1",
            "42501",
        ),
        (
            Who::Viewer,
            "update memberships set role_id = (select id from roles where built_in = 'OWNER') where user_id = app.actor_id()",
            "42501",
        ),
        (Who::Viewer, "update memberships set status = 'SUSPENDED' where user_id = app.actor_id()", "42501"),
        (
            Who::Owner,
            "insert into memberships (id, user_id, role_id) select gen_random_uuid(), user_id, role_id from memberships",
            "42501",
        ),
        (Who::Owner, "delete from memberships", "42501"),
        (Who::Owner, "delete from audit_entries", "42501"),
    ] {
        enter(&world, &mut app, who).await;
        assert_eq!(outcome(&mut app, sql).await.as_deref(), Some(code), "{sql}");
    }
    app.close().await.expect("closed");
}

#[tokio::test]
async fn a_workspace_without_an_active_owner_is_refused_whoever_makes_it() {
    let world = World::without_worker().await;
    let mut superuser = world.superuser().await;
    let sql = "begin; update memberships m set status = 'SUSPENDED' from workspaces w where w.id = m.workspace_id and w.slug = 'acme'";
    assert_eq!(outcome(&mut superuser, sql).await.as_deref(), Some("FN041"));
}
