//! Generated from the schema: every root field × {whoever may, nobody, another tenant, a weaker role, a session that was ended
//! or is over}. A root field without an entry in `operations` fails here.

use std::collections::BTreeMap;

use async_graphql::parser::types::FieldDefinition;
use serde_json::{Value, json};
use sqlx::Row;

use super::operations::{Access, Operation, Place, open_operation, operation, random_like};
use super::people::{Person, Said};
use super::rooms::{ROOTS, Rooms, call};
use crate::support::schema::Schema;
use crate::support::{Who, World};

/// Everybody who may not, or not everything.
struct Others {
    stranger: Person,
    yesterday: Vec<Person>,
    /// The built-in roles but OWNER, with their permissions.
    roles: Vec<(Person, Vec<String>)>,
    /// Somebody with every permission but one, by that one.
    without: BTreeMap<String, Person>,
    /// A member whose role may do nothing.
    powerless: Person,
}

impl Others {
    async fn of(world: &World) -> Self {
        let mut superuser = world.superuser().await;
        let map = sqlx::query("select role, permission from role_permissions order by role, permission")
            .fetch_all(&mut superuser)
            .await
            .expect("the permission map");
        let mut map_of: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in map {
            map_of.entry(row.get(0)).or_default().push(row.get(1));
        }
        let all = map_of.remove("OWNER").expect("an owner's permissions");
        let mut without = BTreeMap::new();
        for permission in &all {
            let others: Vec<String> = all.iter().filter(|other| *other != permission).cloned().collect();
            let name = format!("all but {permission}");
            without.insert(permission.clone(), Person::with_permissions(world, &name, &others).await);
        }
        let mut roles = Vec::new();
        for (role, permissions) in map_of {
            roles.push((Person::with_role(world, &role).await, permissions));
        }
        Self {
            stranger: Person::of(world, Who::Stranger),
            yesterday: Person::of_yesterday(world).await,
            roles,
            without,
            powerless: Person::with_permissions(world, "nothing", &[]).await,
        }
    }

    /// Whoever lacks a permission: the roles that lack it, and somebody who has every other one.
    fn lacking(&self, permission: &str) -> Vec<&Person> {
        let weaker = self.roles.iter().filter(|(_, held)| held.iter().all(|held| held != permission));
        let weaker = weaker.map(|(person, _)| person);
        let without = self.without.get(permission);
        weaker.chain([without.unwrap_or_else(|| panic!("no role has {permission}"))]).collect()
    }
}

#[tokio::test]
async fn every_root_field_answers_each_person_as_its_entry_says() {
    let rooms = Rooms::at_rest().await;
    let others = Others::of(&rooms.world).await;
    let owner = Person::of(&rooms.world, Who::Owner);
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (root, field) in rooms.fields() {
        let place = Place { world: &rooms.world, who: Who::Owner };
        let Some(entry) = operation(place, &field.name.node).await else { continue };
        let before = rooms.contents("acme").await;
        let check = Check { rooms: &rooms, root, field, entry: &entry, others: &others };
        wrong.extend(check.refusals().await);
        if rooms.contents("acme").await != before {
            wrong.push(format!("{root}.{}: somebody who may not has left something", field.name.node));
        }
        checked += 1;
        if !entry.is_for_owners() {
            continue;
        }
        let said = rooms.call(&owner, (root, field), &entry.arguments).await;
        if !said.answers(&field.name.node) {
            wrong.push(format!("{root}.{} of its entry does not work: {}", field.name.node, said.text));
        }
    }
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 25, "only {checked} root fields were called");
}

/// One root field, and everybody who may not.
struct Check<'a> {
    rooms: &'a Rooms,
    root: &'static str,
    field: &'a FieldDefinition,
    entry: &'a Operation,
    others: &'a Others,
}

impl Check<'_> {
    async fn ask(&self, person: &Person, arguments: &Value) -> Said {
        self.rooms.call(person, (self.root, self.field), arguments).await
    }

    /// What is wrong with what everybody else is told.
    async fn refusals(&self) -> Vec<String> {
        let Self { entry, others, .. } = self;
        let mut wrong = Vec::new();
        let nobody = Person::nobody();
        for person in others.yesterday.iter().chain([&nobody]) {
            let said = self.ask(person, &entry.arguments).await;
            wrong.extend(self.unless(said.code() == "UNAUTHENTICATED" && is_empty(&said), person, &said));
        }
        if entry.access != Access::Person {
            let person = others.stranger.naming("acme");
            let said = self.ask(&person, &entry.arguments).await;
            // What stands outside any workspace does not look at the one that is named.
            let outside = !entry.is_for_owners() && !said.code().is_empty();
            let fine = (outside || said.code() == "NOT_FOUND") && is_empty(&said);
            wrong.extend(self.unless(fine, &person, &said));
        }
        match entry.access {
            Access::Open(_) => wrong.push(format!("{} is open: list it in `accounts`", self.field.name.node)),
            // Whoever is signed in may: there is nobody weaker.
            Access::Person | Access::Apart(_) => {}
            Access::Operators => {
                for (person, _) in &others.roles {
                    let said = self.ask(person, &entry.arguments).await;
                    wrong.extend(self.unless(said.code() == "FORBIDDEN" && is_empty(&said), person, &said));
                }
            }
            Access::Member => {
                let said = self.ask(&others.powerless, &entry.arguments).await;
                let fine = said.answers(&self.field.name.node);
                wrong.extend(self.unless(fine, &others.powerless, &said));
            }
            Access::Needs(permission) => {
                for person in others.lacking(permission) {
                    let said = self.ask(person, &entry.arguments).await;
                    let named = &said.body["errors"][0]["extensions"]["details"]["permission"];
                    let fine = said.code() == "FORBIDDEN" && *named == json!(permission) && is_empty(&said);
                    wrong.extend(self.unless(fine, person, &said));
                }
            }
            Access::Sees(permission) => {
                for person in others.lacking(permission) {
                    let said = self.ask(person, &entry.arguments).await;
                    let unknown = self.ask(person, &randomised(&entry.arguments)).await;
                    let fine =
                        said.text == unknown.text && said.status == unknown.status && said.code() == "";
                    wrong.extend(self.unless(fine, person, &said));
                }
            }
        }
        wrong
    }

    fn unless(&self, fine: bool, person: &Person, said: &Said) -> Option<String> {
        let Self { root, field, entry, .. } = self;
        let (name, access) = (&field.name.node, entry.access);
        (!fine)
            .then(|| format!("{root}.{name} ({access:?}) by {}: {} {}", person.name, said.status, said.text))
    }
}

/// Whether there is no data at all.
fn is_empty(said: &Said) -> bool {
    said.body.get("data").is_none_or(Value::is_null)
}

/// The same arguments with ids that nobody has.
fn randomised(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), randomised(value))).collect()
        }
        Value::Array(items) => items.iter().map(randomised).collect(),
        Value::String(text) if entity::id::parse_any(text).is_some() => json!(random_like(text)),
        other => other.clone(),
    }
}

#[tokio::test]
async fn nothing_that_another_workspace_asks_for_shows_an_object_of_ours() {
    let rooms = Rooms::at_rest().await;
    let ours = rooms.ids("acme").await;
    let mut shown = 0;
    for (who, foreign) in [(Who::Owner, false), (Who::Stranger, true)] {
        let person = Person::of(&rooms.world, who);
        for (root, field) in rooms.fields() {
            let Some(entry) = operation(Place { world: &rooms.world, who }, &field.name.node).await else {
                continue;
            };
            if !entry.is_for_owners() {
                continue;
            }
            let said = rooms.call(&person, (root, field), &entry.arguments).await;
            assert!(said.answers(&field.name.node), "{root}.{}: {}", field.name.node, said.text);
            let mut found = Vec::new();
            ids_in(&said.body, &mut found);
            let of_ours: Vec<_> = found.iter().filter(|id| ours.contains(id)).collect();
            if foreign {
                assert!(of_ours.is_empty(), "{root}.{} shows {of_ours:?}: {}", field.name.node, said.text);
            }
            shown += of_ours.len();
        }
    }
    assert!(shown > 20, "only {shown} objects of acme were shown to its owner");
}

/// The UUIDs of every id in an answer.
fn ids_in(value: &Value, found: &mut Vec<uuid::Uuid>) {
    match value {
        Value::Object(fields) => fields.values().for_each(|value| ids_in(value, found)),
        Value::Array(items) => items.iter().for_each(|value| ids_in(value, found)),
        Value::String(text) => found.extend(entity::id::parse_any(text).map(|(_, id)| id)),
        _ => {}
    }
}

#[tokio::test]
async fn what_is_open_works_without_a_token_and_with_one_that_has_ended() {
    let world = World::without_worker().await;
    let schema = Schema::served();
    let mut people = vec![Person::nobody()];
    // A token that is over is refused before anything else is looked at: a client that has one knows.
    people.extend(Person::of_yesterday(&world).await.into_iter().take(2));
    let mut checked = 0;
    for root in ROOTS {
        for field in &schema.objects[root] {
            for person in &people {
                let Some(entry) = open_operation(&world, &field.name.node).await else { continue };
                let Access::Open(reason) = entry.access else { panic!("{} is not open", field.name.node) };
                let said = call(&world, &schema, person, (root, field), &entry.arguments).await;
                assert!(said.answers(&field.name.node), "{} ({reason}): {}", person.name, said.text);
                checked += 1;
            }
        }
    }
    assert!(checked >= people.len() * 7, "only {checked} calls");
}

#[tokio::test]
async fn every_root_field_has_an_entry() {
    let rooms = Rooms::at_rest().await;
    let closed = World::without_worker().await;
    let mut missing = Vec::new();
    for (root, field) in rooms.fields() {
        let name = field.name.node.as_str();
        let place = Place { world: &rooms.world, who: Who::Stranger };
        if operation(place, name).await.is_none() && open_operation(&closed, name).await.is_none() {
            missing.push(format!("{root}.{name}"));
        }
    }
    assert!(
        missing.is_empty(),
        "root fields that nobody tries as somebody else: {missing:?}\nAdd for each a match arm to a file of tests/isolation/operations/ \
         (the one of its capability): the arguments of a call that works for an owner, and who may: `needs(permission, …)` where others are \
         FORBIDDEN, `sees(permission, …)` where others find nothing, `member`, `person`, or `open` with the reason."
    );
}
