//! What is stored about a person, for that person alone.

use serde_json::{Value, json};

use super::{EMAIL, ask, somebody, superuser, world};
use crate::support::database::connect;
use crate::support::{Who, World};
use footnote::config::AccountSettings;

const DATA: &str = "{ personalData }";

async fn data(world: &World, authorization: &str) -> Value {
    ask(world, &[("authorization", authorization)], DATA, json!({})).await.data()["personalData"].clone()
}

fn items<'a>(document: &'a Value, list: &str) -> &'a Vec<Value> {
    document[list]["items"].as_array().unwrap_or_else(|| panic!("no {list} in {document:#}"))
}

#[tokio::test]
async fn a_person_gets_all_that_is_stored_about_them_and_no_secret() {
    let world = world(AccountSettings::default()).await;
    let (access, refresh) = somebody(&world).await;
    let bearer = format!("Bearer {access}");
    let make =
        "mutation { workspaceCreate(input: { name: \"Ann's place\", slug: \"anns\" }) { workspace { id } } }";
    ask(&world, &[("authorization", &bearer)], make, json!({})).await.data();
    let inside = [("authorization", bearer.as_str()), ("x-workspace", "anns")];
    let agent = "mutation { agentCreate(input: { name: \"Assistant\" }) { agent { id } } }";
    let agent = ask(&world, &inside, agent, json!({})).await.data()["agentCreate"]["agent"]["id"].clone();
    let run = "mutation($agent: ID!) { agentRunStart(input: { agentId: $agent, input: \"How do I ask for leave?\" }) { agentRun { id } } }";
    let run = ask(&world, &inside, run, json!({ "agent": agent })).await.data()["agentRunStart"]["agentRun"]
        ["id"]
        .clone();
    let document = data(&world, &bearer).await;
    assert_eq!((&document["account"]["email"], &document["account"]["name"]), (&json!(EMAIL), &json!("Ann")));
    assert!(document["account"]["passwordChangedAt"].is_string());
    assert_eq!((items(&document, "sessions").len(), items(&document, "mails").len()), (1, 1));
    let membership = &items(&document, "memberships")[0];
    assert_eq!(
        (
            &membership["workspaceSlug"],
            &membership["workspaceName"],
            &membership["role"],
            &membership["status"]
        ),
        (&json!("anns"), &json!("Ann's place"), &json!("OWNER"), &json!("ACTIVE"))
    );
    let runs = items(&document, "agentRuns");
    assert_eq!((&runs[0]["id"], &runs[0]["input"]), (&run, &json!("How do I ask for leave?")));
    let actions: Vec<_> =
        items(&document, "auditEntries").iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions.len(), 3, "{actions:?}");
    for action in ["workspace.create", "agent.create", "agent_run.start"] {
        assert!(actions.contains(&json!(action)), "{actions:?}");
    }
    for list in [
        "identities",
        "sessions",
        "mails",
        "memberships",
        "invitations",
        "apiKeys",
        "agentRuns",
        "uploads",
        "auditEntries",
    ] {
        let found = &document[list];
        assert_eq!(
            (&found["total"], &found["truncated"]),
            (&json!(items(&document, list).len()), &json!(false)),
            "{list}"
        );
    }
    let text = document.to_string();
    for secret in ["argon2", refresh.as_str(), access.as_str(), "hash", "acme", "globex"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    // In a workspace it is the same document, but for the moment.
    let again = ask(&world, &inside, DATA, json!({})).await.data()["personalData"].clone();
    assert_eq!(
        (&again["account"], &again["auditEntries"]),
        (&document["account"], &document["auditEntries"])
    );
}

#[tokio::test]
async fn invitations_are_shown_once_the_address_is_shown_to_be_theirs() {
    let world = world(AccountSettings::default()).await;
    let (access, _) = somebody(&world).await;
    let bearer = format!("Bearer {access}");
    world
        .plant(
            "insert into invitations (workspace_id, id, email, role_id, invited_by, expires_at)
             select r.workspace_id, gen_random_uuid(), 'ann@example.com', r.id, m.user_id, now() + interval '1 day'
             from workspaces w join roles r on r.workspace_id = w.id and r.built_in = 'VIEWER' join memberships m on m.workspace_id = w.id
             where w.slug = 'globex'",
        )
        .await;
    assert_eq!(
        data(&world, &bearer).await["invitations"]["total"],
        json!(0),
        "anybody may sign up with any address"
    );
    superuser(&world, "update users set email_verified_at = now() where email = 'ann@example.com'").await;
    let document = data(&world, &bearer).await;
    assert_eq!(items(&document, "invitations")[0]["status"], "PENDING");
    assert!(!document.to_string().contains("globex"), "the mail says of which workspace, this does not");
}

#[tokio::test]
async fn of_a_workspace_that_somebody_left_there_are_ids_and_times_alone() {
    let world = World::without_worker().await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    world.run(Who::Owner, &agent, "The owner's question").await;
    let run = world.run(Who::Member, &agent, "The member's question").await;
    let (authorization, _) = world.headers(Who::Member).expect("a token");
    let document = data(&world, authorization).await;
    assert_eq!(items(&document, "agentRuns")[0]["input"], "The member's question");
    assert!(!document.to_string().contains("The owner's question"));
    world.plant("update memberships set status = 'REMOVED' where user_id = (select id from users where email = 'member@acme.example')").await;
    let document = data(&world, authorization).await;
    let membership = &items(&document, "memberships")[0];
    assert_eq!(
        (
            &membership["workspaceSlug"],
            &membership["workspaceName"],
            &membership["role"],
            &membership["status"]
        ),
        (&Value::Null, &Value::Null, &Value::Null, &json!("REMOVED"))
    );
    assert_eq!(
        (&items(&document, "agentRuns")[0]["id"], &items(&document, "agentRuns")[0]["input"]),
        (&json!(run), &Value::Null)
    );
    assert_eq!(items(&document, "auditEntries").len(), 1);
}

#[tokio::test]
async fn long_lists_are_cut_and_say_so() {
    let world = World::without_worker().await;
    superuser(
        &world,
        "select app.extend_chain(w.id, u.id, 'USER', 'VIEWER', '[]', (select jsonb_agg(jsonb_build_object('id', gen_random_uuid(),
           'action', 'collection.create', 'request_id', 'planted', 'targets', '[]'::jsonb)) from generate_series(1, 1200)))
         from workspaces w, users u where w.slug = 'acme' and u.email = 'viewer@acme.example'",
    )
    .await;
    superuser(
        &world,
        "insert into agents (workspace_id, id, name, instructions, model) select id, gen_random_uuid(), 'A', '', 'extractive' from workspaces where slug = 'acme'",
    )
    .await;
    superuser(
        &world,
        "insert into agent_runs (workspace_id, id, agent_id, agent_version, started_by, input, deadline_at)
         select a.workspace_id, gen_random_uuid(), a.id, 1, u.id, repeat('é', 10000), now()
         from agents a, users u, generate_series(1, 150) where u.email = 'viewer@acme.example'",
    )
    .await;
    let (authorization, _) = world.headers(Who::Viewer).expect("a token");
    let document = data(&world, authorization).await;
    for (list, shown, total) in [("auditEntries", 1000, 1200), ("agentRuns", 100, 150)] {
        let found = &document[list];
        assert_eq!(items(&document, list).len(), shown, "{list}");
        assert_eq!((&found["total"], &found["truncated"]), (&json!(total), &json!(true)), "{list}");
    }
}

#[tokio::test]
async fn keys_operators_jobs_and_strangers_get_nothing() {
    let world = World::without_worker().await;
    assert_eq!(ask(&world, &[], DATA, json!({})).await.code(), "UNAUTHENTICATED");
    let mut app = connect(world.database.app()).await;
    for (context, allowed) in [
        (vec![], false),
        (vec!["app.actor_id"], true),
        (vec!["app.actor_id", "app.api_key_id"], false),
        (vec!["app.actor_id", "app.operator_id"], false),
        (vec!["app.operator_id"], false),
        (vec!["app.actor_id", "app.job_id"], false),
    ] {
        sqlx::query("begin").execute(&mut app).await.expect("begun");
        for setting in &context {
            sqlx::query("select set_config($1, gen_random_uuid()::text, true)")
                .bind(setting)
                .execute(&mut app)
                .await
                .expect("set");
        }
        for door in [
            "select app.personal_data()::text",
            "select app.begin_erasure(sha256('x'), null)::text",
            "select app.erase_own_account(null, 'x', null, null, null, null)::text",
        ] {
            sqlx::query("savepoint here").execute(&mut app).await.expect("saved");
            let answer = sqlx::query(door).fetch_all(&mut app).await;
            let code = answer.err().and_then(|error| Some(error.as_database_error()?.code()?.into_owned()));
            assert_eq!(code.as_deref() != Some("FN090"), allowed, "{context:?}: {door}: {code:?}");
            sqlx::query("rollback to savepoint here").execute(&mut app).await.expect("back");
        }
        sqlx::query("rollback").execute(&mut app).await.expect("back");
    }
}
