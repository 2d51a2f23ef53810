//! Everybody who asks in the proof over the API, besides those of every world: the weaker roles, and whoever is nobody any more.

use chrono::TimeDelta;
use entity::id::{MembershipId, RoleId, UserId};
use footnote::operations::people::People;
use serde_json::Value;

use crate::support::socket::{Word, first_word};
use crate::support::{Who, World};

/// Somebody: what they show.
#[derive(Clone, Debug)]
pub struct Person {
    /// What they are called in a failure.
    pub name: String,
    authorization: Option<String>,
    workspace: Option<String>,
}

/// What somebody was told.
#[derive(Clone, Debug)]
pub struct Said {
    /// The HTTP status; 200 over a socket.
    pub status: u16,
    /// The body, with blanks in place of its request ids.
    pub text: String,
    /// The same as JSON.
    pub body: Value,
}

impl Said {
    fn new(status: u16, text: &str) -> Self {
        let body: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {text}"));
        let ids = body["errors"].as_array().into_iter().flatten();
        let ids = ids.filter_map(|error| error["extensions"]["requestId"].as_str());
        let text = ids.fold(text.to_owned(), |text, id| text.replace(id, ""));
        Self { status, text, body }
    }

    /// The code of the only error; empty where there is not exactly one.
    pub fn code(&self) -> &str {
        match self.body["errors"].as_array().map(Vec::as_slice) {
            Some([error]) => error["extensions"]["code"].as_str().unwrap_or_default(),
            _ => "",
        }
    }

    /// Whether it is an answer with data for this field, and without errors.
    pub fn answers(&self, field: &str) -> bool {
        self.body.get("errors").is_none() && !self.body["data"][field].is_null()
    }
}

impl Person {
    /// One of those of every world, in their workspace.
    pub fn of(world: &World, who: Who) -> Self {
        let (authorization, workspace) = world.headers(who).expect("a token");
        Self {
            name: format!("{who:?}"),
            authorization: Some(authorization.to_owned()),
            workspace: Some(workspace.to_owned()),
        }
    }

    /// Nobody: no token.
    pub fn nobody() -> Self {
        Self { name: "nobody".to_owned(), authorization: None, workspace: None }
    }

    /// The same person, who names this workspace.
    pub fn naming(&self, workspace: &str) -> Self {
        Self {
            name: format!("{}, who names {workspace}", self.name),
            workspace: Some(workspace.to_owned()),
            ..self.clone()
        }
    }

    /// The owner of acme with a session that was ended, with one that is over, and with a token that is over.
    pub async fn of_yesterday(world: &World) -> Vec<Self> {
        let mut superuser = world.superuser().await;
        let mut people = Vec::new();
        for (name, change, token_minutes) in [
            ("a session that was ended", "update sessions set revoked_at = now() where id = $1", 60),
            (
                "a session that is over",
                "update sessions set created_at = now() - interval '1 hour', expires_at = now() - interval '1 second' where id = $1",
                60,
            ),
            ("a token that is over", "update sessions set revoked_at = null where id = $1", -1),
        ] {
            let user: uuid::Uuid =
                sqlx::query_scalar("select id from users where email = 'owner@acme.example'")
                    .fetch_one(&mut superuser)
                    .await
                    .expect("the owner");
            let mut doors = People::connect(world.database.owner()).await.expect("the owner");
            let until = footnote::clock::now() + TimeDelta::hours(1);
            let session = doors.open_session(UserId(user), until).await.expect("a session");
            let changed = sqlx::query(change).bind(session.0).execute(&mut superuser).await.expect("changed");
            assert_eq!(changed.rows_affected(), 1, "{name}");
            let until = footnote::clock::now() + TimeDelta::minutes(token_minutes);
            let token = world.stack.app().tokens().mint(UserId(user), session, until).expect("a token");
            people.push(Self {
                name: name.to_owned(),
                authorization: Some(token),
                workspace: Some("acme".to_owned()),
            });
        }
        people
    }

    /// Somebody new in acme, with one of the built-in roles.
    pub async fn with_role(world: &World, role: &str) -> Self {
        let mut doors = People::connect(world.database.owner()).await.expect("the owner");
        let email = format!("{}@roles.example", role.to_lowercase());
        let user = doors.create_user(&email, role).await.expect("a user");
        doors.create_workspace("acme", "acme", user, role).await.expect("a member");
        Self::signed_in(world, user, role).await
    }

    /// Somebody new in acme, with a role that has exactly these permissions.
    pub async fn with_permissions(world: &World, name: &str, permissions: &[String]) -> Self {
        let mut doors = People::connect(world.database.owner()).await.expect("the owner");
        let email = format!("{}@permissions.example", name.replace([' ', ':'], "-").to_lowercase());
        let user = doors.create_user(&email, name).await.expect("a user");
        let mut superuser = world.superuser().await;
        // Past the triggers, which ask who grants what.
        sqlx::query("set session_replication_role = replica")
            .execute(&mut superuser)
            .await
            .expect("no triggers");
        let role = RoleId::new().0;
        sqlx::query(
            "insert into roles (workspace_id, id, name, permissions) select id, $1, $2, $3 from workspaces where slug = 'acme'",
        )
        .bind(role)
        .bind(name)
        .bind(permissions)
        .execute(&mut superuser)
        .await
        .expect("a role");
        sqlx::query(
            "insert into memberships (workspace_id, id, user_id, role_id) select id, $1, $2, $3 from workspaces where slug = 'acme'",
        )
        .bind(MembershipId::new().0)
        .bind(user.0)
        .bind(role)
        .execute(&mut superuser)
        .await
        .expect("a member");
        Self::signed_in(world, user, name).await
    }

    async fn signed_in(world: &World, user: UserId, name: &str) -> Self {
        let mut doors = People::connect(world.database.owner()).await.expect("the owner");
        let until = footnote::clock::now() + TimeDelta::hours(1);
        let session = doors.open_session(user, until).await.expect("a session");
        let token = world.stack.app().tokens().mint(user, session, until).expect("a token");
        Self { name: name.to_owned(), authorization: Some(token), workspace: Some("acme".to_owned()) }
    }

    /// What they show, as headers.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let shown = [("authorization", &self.authorization), ("x-workspace", &self.workspace)];
        shown.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }

    /// Asks over HTTP.
    pub async fn ask(&self, world: &World, query: &str, variables: &Value) -> Said {
        let body = serde_json::json!({ "query": query, "variables": variables });
        let mut request = world.http().post(format!("{}/graphql", world.address)).json(&body);
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        Said::new(status, &response.text().await.expect("a body"))
    }

    /// Follows over a socket, up to the first word. A socket that is not opened to them is an answer without a token.
    pub async fn follow(&self, world: &World, query: &str, variables: &Value) -> Said {
        let text = match first_word(world, &self.headers(), query, variables).await {
            Word::Response(text) => text,
            Word::Complete => "{\"data\":null}".to_owned(),
            Word::Closed(4401 | 4403) => {
                "{\"data\":null,\"errors\":[{\"extensions\":{\"code\":\"UNAUTHENTICATED\"}}]}".to_owned()
            }
            Word::Closed(code) => panic!("{}: the socket was closed with {code}", self.name),
        };
        Said::new(200, &text)
    }
}
