//! Who asks: a person of each built-in role, a job, and two who have no context.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sqlx::Row;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::super::super::Failure;
use super::super::super::people::People;
use super::super::super::roles::Role;
use crate::clock;

/// The slug of the workspace that those who ask belong to.
pub(super) const OWN: &str = "gate-own";
/// The slug of the one that they do not.
pub(super) const OTHER: &str = "gate-other";
/// A role of everybody's, for who makes the other workspace.
const FOUNDER: &str = "OWNER";
/// Longer than any measurement takes.
const SESSION_HOURS: i64 = 1;

/// The two workspaces.
pub(super) struct Workspaces {
    pub own: Uuid,
    pub other: Uuid,
}

/// How somebody comes in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry {
    /// By the door that requests use.
    Session(Uuid),
    /// As a job of the own workspace.
    Job,
    /// Not at all.
    Nothing,
}

/// Somebody who asks.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    /// The role's name, or what stands for it.
    pub name: String,
    /// Who it is to the database.
    pub role: Role,
    /// How it comes in.
    pub entry: Entry,
    /// The person; none for a job and for nobody.
    pub user: Option<Uuid>,
    /// What the permission map gives.
    pub permissions: Vec<String>,
}

/// The permissions of each built-in role.
pub(super) async fn permission_map(
    superuser: &mut PgConnection,
) -> Result<BTreeMap<String, Vec<String>>, sqlx::Error> {
    let rows = sqlx::query("select role, permission from public.role_permissions order by role, permission")
        .fetch_all(superuser)
        .await?;
    let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        map.entry(row.try_get("role")?).or_default().push(row.try_get("permission")?);
    }
    Ok(map)
}

/// Makes both workspaces, a member of the own one for each role, and everybody who asks.
pub(super) async fn make(
    owner_url: &str,
    map: &BTreeMap<String, Vec<String>>,
) -> Result<(Workspaces, Vec<Actor>), Failure> {
    let mut people = People::connect(owner_url).await?;
    let stranger = people.create_user("stranger@gate.example", "Stranger").await?;
    let other = people.create_workspace(OTHER, "Another one", stranger, FOUNDER).await?;
    let until = clock::now() + TimeDelta::hours(SESSION_HOURS);
    let mut actors = Vec::new();
    let mut own = None;
    // A workspace begins with its owner.
    let founder_first =
        map.keys().filter(|role| *role == FOUNDER).chain(map.keys().filter(|role| *role != FOUNDER));
    for role in founder_first {
        let address = format!("{}@gate.example", role.to_lowercase());
        let user = people.create_user(&address, role).await?;
        own = Some(people.create_workspace(OWN, "One's own", user, role).await?);
        let session = people.open_session(user, until).await?;
        actors.push(Actor {
            name: role.clone(),
            role: Role::App,
            entry: Entry::Session(session.0),
            user: Some(user.0),
            permissions: map.get(role).cloned().unwrap_or_default(),
        });
    }
    let Some(own) = own else {
        return Err(Failure::DoesNotHold("the permission map has no role".to_owned()));
    };
    let without = |name: &str, role, entry| Actor {
        name: name.to_owned(),
        role,
        entry,
        user: None,
        permissions: Vec::new(),
    };
    actors.push(without("a job", Role::Worker, Entry::Job));
    actors.push(without("nobody, to requests,", Role::App, Entry::Nothing));
    actors.push(without("nobody, to jobs,", Role::Worker, Entry::Nothing));
    Ok((Workspaces { own: own.0, other: other.0 }, actors))
}

/// Sets what the policies read, as the doors set it.
pub(super) async fn set_context(
    connection: &mut PgConnection,
    actor: &Actor,
    workspaces: &Workspaces,
) -> Result<(), sqlx::Error> {
    let job = matches!(actor.entry, Entry::Job);
    for (setting, value) in [
        ("app.entered", "1".to_owned()),
        ("app.workspace_id", workspaces.own.to_string()),
        ("app.actor_id", actor.user.map(|user| user.to_string()).unwrap_or_default()),
        ("app.role", if job { String::new() } else { actor.name.clone() }),
        ("app.permissions", actor.permissions.join(",")),
        ("app.job_id", if job { super::fresh_id().to_string() } else { String::new() }),
    ] {
        sqlx::query("select set_config($1, $2, true)")
            .bind(setting)
            .bind(value)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
