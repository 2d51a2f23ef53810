//! Generated from the schema: every ID argument × {another tenant's, one that nobody has}. Both give the same bytes by the same
//! number of statements in about the same time, and neither leaves a trace with the other tenant.

use std::time::{Duration, Instant};

use async_graphql::parser::types::FieldDefinition;
use chrono::DateTime;
use serde_json::{Value, json};

use super::operations::{NAME, Operation, Place, Unknown, operation, random_like};
use super::people::{Person, Said};
use super::rooms::Rooms;
use crate::support::Who;
use crate::support::schema::{IdPlace, Step, named};

/// How often each is asked for the time that it takes.
const ROUNDS: usize = 5;
/// Times may differ by this factor, beyond what any pause of the machine can be.
const FACTOR: u32 = 4;
const PAUSE: Duration = Duration::from_millis(40);

/// What a field's own type or an input type is called without what it is for: the kind of the object that `id` is of.
fn kind(field: &FieldDefinition, place: &IdPlace) -> String {
    let mut names = place.steps.iter().filter_map(|step| match step {
        Step::Field(name) if name != "eq" && name != "in" => Some(name.as_str()),
        _ => None,
    });
    let name = names.next_back().expect("an argument");
    if name == "id" {
        let Some(owner) = &place.owner else { return named(&field.ty.node).to_owned() };
        if let Some(kind) = owner.strip_suffix("Filter") {
            return kind.to_owned();
        }
        // Input types end with what is done: AgentRunStartInput is about an AgentRun.
        let owner = owner.strip_suffix("Input").unwrap_or(owner);
        let verb = owner.rfind(|letter: char| letter.is_ascii_uppercase()).filter(|at| *at > 0);
        return owner[..verb.unwrap_or(owner.len())].to_owned();
    }
    let name = ["Ids", "Id", "s"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
    name[..1].to_uppercase() + &name[1..]
}

/// The id at a place of the arguments; none where there is none.
fn id_at<'a>(arguments: &'a Value, steps: &[Step]) -> Option<&'a str> {
    let Some((step, rest)) = steps.split_first() else { return arguments.as_str() };
    let inner = match step {
        Step::Field(name) => arguments.get(name)?,
        Step::Item => arguments.get(0)?,
    };
    id_at(inner, rest)
}

/// The same arguments with this id at that place.
fn with(arguments: &Value, steps: &[Step], id: &str) -> Value {
    let Some((step, rest)) = steps.split_first() else { return json!(id) };
    match step {
        Step::Field(name) => {
            let mut fields = arguments.as_object().cloned().unwrap_or_default();
            let inner = with(fields.get(name).unwrap_or(&Value::Null), rest, id);
            fields.insert(name.clone(), inner);
            Value::Object(fields)
        }
        Step::Item => {
            let mut items = arguments.as_array().cloned().unwrap_or_default();
            let first = if items.is_empty() { Value::Null } else { items.remove(0) };
            items.insert(0, with(&first, rest, id));
            Value::Array(items)
        }
    }
}

/// What is answered about an id that nobody has, unless an entry says otherwise.
fn rule(root: &str, field: &FieldDefinition, place: &IdPlace) -> Unknown {
    if root == "Mutation" && place.nullable && place.steps.last() == Some(&Step::Field("id".to_owned())) {
        return Unknown::New;
    }
    if root != "Query" {
        return Unknown::NotFound;
    }
    match place.steps.as_slice() {
        [Step::Field(first), ..] if first == "filter" => Unknown::Nothing,
        [_] if field.ty.node.nullable => Unknown::Null,
        _ => Unknown::NotFound,
    }
}

/// What is wrong with an answer about an id that nobody has, whoever has it.
fn fault(unknown: Unknown, field: &str, said: &Said) -> Option<&'static str> {
    let value = &said.body["data"][field];
    match unknown {
        Unknown::NotFound if said.code() == "NOT_FOUND" && said.body["data"].is_null() => None,
        Unknown::NotFound => Some("it is not NOT_FOUND"),
        Unknown::Null
            if said.body.get("errors").is_none() && (value.is_null() || *value == json!([null])) =>
        {
            None
        }
        Unknown::Null => Some("it is not null"),
        Unknown::Nothing | Unknown::New | Unknown::NewForAll if said.answers(field) => None,
        Unknown::Nothing | Unknown::New | Unknown::NewForAll => Some("it does not work"),
    }
}

/// One place of an id, asked by somebody of globex.
struct Probe<'a> {
    rooms: &'a Rooms,
    root: &'static str,
    field: &'a FieldDefinition,
    place: &'a IdPlace,
    stranger: &'a Person,
}

impl Probe<'_> {
    async fn ask(&self, arguments: &Value) -> (Said, u64, Duration) {
        let database = self.rooms.world.stack.app().database();
        let (before, since) = (database.round_trips(), Instant::now());
        let said = self.rooms.call(self.stranger, (self.root, self.field), arguments).await;
        (said, database.round_trips() - before, since.elapsed())
    }

    /// What differs between an id of acme's and one of nobody's, where neither is to be found.
    async fn of_nobody(&self, own: &Value, foreign: &str, unknown: Unknown) -> Vec<String> {
        let (mut wrong, mut times) = (Vec::new(), [Vec::new(), Vec::new()]);
        for round in 0..ROUNDS {
            let random = random_like(foreign);
            let (theirs, their_cost, their_time) = self.ask(&with(own, &self.place.steps, foreign)).await;
            let (nobodys, cost, time) = self.ask(&with(own, &self.place.steps, &random)).await;
            times[0].push(their_time);
            times[1].push(time);
            if round > 0 {
                continue;
            }
            if (theirs.status, &theirs.text) != (nobodys.status, &nobodys.text) {
                wrong.push(format!(
                    "acme's: {} {}, nobody's: {} {}",
                    theirs.status, theirs.text, nobodys.status, nobodys.text
                ));
            }
            if their_cost != cost {
                wrong.push(format!("acme's costs {their_cost} statements, nobody's {cost}"));
            }
            wrong.extend(
                fault(unknown, &self.field.name.node, &nobodys)
                    .map(|fault| format!("{fault}: {}", nobodys.text)),
            );
        }
        let [theirs, nobodys] = times.map(median);
        let (less, more) = (theirs.min(nobodys), theirs.max(nobodys));
        if more > less * FACTOR + PAUSE {
            wrong.push(format!("acme's takes {theirs:?}, nobody's {nobodys:?}"));
        }
        wrong
    }

    /// What differs where the id is to be a new object's. Each call is one of its own, because both make something.
    async fn of_a_new_object(&self, foreign: &str, unknown: Unknown) -> Vec<String> {
        let mut answers = Vec::new();
        for id in [foreign.to_owned(), random_like(foreign)] {
            let place = Place { world: &self.rooms.world, who: Who::Stranger };
            let entry = operation(place, &self.field.name.node).await.expect("an entry");
            let arguments = with(&entry.arguments, &self.place.steps, &id);
            let (said, cost, _) = self.ask(&arguments).await;
            let mut sent = Vec::new();
            strings(&arguments, &mut sent);
            answers.push((said.status, blank(&said.body, &sent), cost, said));
        }
        let (theirs, nobodys) = (&answers[0], &answers[1]);
        let mut wrong = Vec::new();
        wrong.extend(
            fault(unknown, &self.field.name.node, &nobodys.3)
                .map(|fault| format!("{fault}: {}", nobodys.3.text)),
        );
        if unknown == Unknown::NewForAll {
            let message = &theirs.3.body["errors"][0]["message"];
            if theirs.3.code() != "CONFLICT" || message != "An object with this id exists." {
                wrong.push(format!("more is said than that it is taken: {}", theirs.3.text));
            }
        } else if (theirs.0, &theirs.1, theirs.2) != (nobodys.0, &nobodys.1, nobodys.2) {
            wrong.push(format!(
                "acme's ({} statements): {}, nobody's ({}): {}",
                theirs.2, theirs.3.text, nobodys.2, nobodys.3.text
            ));
        }
        wrong
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.values().for_each(|value| strings(value, found)),
        Value::Array(items) => items.iter().for_each(|value| strings(value, found)),
        Value::String(text) => found.push(text.clone()),
        _ => {}
    }
}

/// An answer without what differs between any two new objects: what was sent for them, their ids and their moments.
fn blank(value: &Value, sent: &[String]) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "requestId")
            .map(|(name, value)| (name.clone(), blank(value, sent)))
            .collect(),
        Value::Array(items) => items.iter().map(|value| blank(value, sent)).collect(),
        Value::String(text) if sent.contains(text) || text.starts_with(NAME) => json!("what was sent"),
        Value::String(text) if entity::id::parse_any(text).is_some() => json!("an id"),
        Value::String(text) if DateTime::parse_from_rfc3339(text).is_ok() => json!("a moment"),
        other => other.clone(),
    }
}

#[tokio::test]
async fn every_id_argument_answers_a_foreign_id_as_one_that_nobody_has() {
    let rooms = Rooms::at_rest().await;
    let stranger = Person::of(&rooms.world, Who::Stranger);
    let of = |who| Place { world: &rooms.world, who };
    let (mut wrong, mut uncovered, mut checked) = (Vec::new(), Vec::new(), 0);
    let mut new = Vec::new();
    for (root, field) in rooms.fields() {
        let (name, places) = (field.name.node.as_str(), rooms.schema.id_places(field));
        if places.is_empty() {
            continue;
        }
        let entries = (operation(of(Who::Owner), name).await, operation(of(Who::Stranger), name).await);
        let (Some(theirs), Some(own)) = entries else {
            uncovered.push(format!("{root}.{name}: all of it"));
            continue;
        };
        let before = rooms.contents("acme").await;
        for place in places {
            let unknown = match (own.unknown, rule(root, field, &place)) {
                // An exception is about the ids of the call, and not about those of a filter.
                (Some(exception), rule) if rule != Unknown::Nothing => exception,
                (_, rule) => rule,
            };
            let foreign = match id_at(&theirs.arguments, &place.steps) {
                Some(id) => Some(id.to_owned()),
                None => of(Who::Owner).any(&kind(field, &place)).await,
            };
            let Some(foreign) = foreign else {
                uncovered.push(format!("{root}.{name}({place}): a {}", kind(field, &place)));
                continue;
            };
            checked += 1;
            if matches!(unknown, Unknown::New | Unknown::NewForAll) {
                new.push((root, field, place, foreign, unknown));
                continue;
            }
            let probe = Probe { rooms: &rooms, root, field, place: &place, stranger: &stranger };
            let faults = probe.of_nobody(&own.arguments, &foreign, unknown).await;
            wrong.extend(faults.into_iter().map(|fault| format!("{root}.{name}({place}): {fault}")));
        }
        if rooms.contents("acme").await != before {
            wrong.push(format!("{root}.{name}: acme sees that somebody of globex tried its ids"));
        }
        wrong.extend(still_works(&rooms, (root, field), &stranger, &own).await);
    }
    // Last, because globex has objects of acme's ids afterwards.
    let before = rooms.contents("acme").await;
    for (root, field, place, foreign, unknown) in &new {
        let probe = Probe { rooms: &rooms, root, field, place, stranger: &stranger };
        let faults = probe.of_a_new_object(foreign, *unknown).await;
        wrong.extend(faults.into_iter().map(|fault| format!("{root}.{}({place}): {fault}", field.name.node)));
    }
    if rooms.contents("acme").await != before {
        wrong.push("acme sees that somebody of globex made objects of its ids".to_owned());
    }
    assert!(
        uncovered.is_empty(),
        "ID arguments for which there is no id of another tenant: {uncovered:#?}\nAdd the kind to KINDS in tests/isolation/operations/mod.rs, \
         and a row of it to the world of tests/isolation/matrix.rs; or let the field's entry there send such an id."
    );
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 80, "only {checked} places of ids");
}

/// The call with the stranger's own ids, so that what was refused was refused for the id alone.
async fn still_works(
    rooms: &Rooms,
    (root, field): (&'static str, &FieldDefinition),
    stranger: &Person,
    own: &Operation,
) -> Option<String> {
    let said = rooms.works(stranger, (root, field), own).await;
    let name = &field.name.node;
    (!said.answers(name)).then(|| format!("{root}.{name} of its entry does not work: {}", said.text))
}

#[tokio::test]
async fn every_id_argument_below_an_object_answers_a_foreign_id_as_one_that_nobody_has() {
    let rooms = Rooms::at_rest().await;
    let stranger = Person::of(&rooms.world, Who::Stranger);
    let ways = rooms.schema.ways();
    let (mut uncovered, mut checked) = (Vec::new(), 0);
    for (object, fields) in &rooms.schema.objects {
        if super::rooms::ROOTS.contains(&object.as_str()) {
            continue;
        }
        for field in fields {
            for place in rooms.schema.id_places(field) {
                let named_place = format!("{object}.{}({place})", field.name.node);
                let foreign = Place { world: &rooms.world, who: Who::Owner }.any(&kind(field, &place)).await;
                let (Some(way), Some(foreign)) = (ways.get(object), foreign) else {
                    uncovered.push(named_place);
                    continue;
                };
                let [Step::Field(argument), ..] = place.steps.as_slice() else { unreachable!("an argument") };
                let defined = field.arguments.iter().find(|one| one.node.name.node == argument.as_str());
                let variables = format!("$it: {}", defined.expect("defined").node.ty.node);
                let selection = rooms.schema.selection(named(&field.ty.node), 1);
                let query = way.query_with(
                    &variables,
                    &format!("{{ {}({argument}: $it) {selection} }}", field.name.node),
                );
                let database = rooms.world.stack.app().database();
                let mut answers = Vec::new();
                for id in [foreign.clone(), random_like(&foreign)] {
                    let value = with(&Value::Null, &place.steps[1..], &id);
                    let before = database.round_trips();
                    let said = stranger.ask(&rooms.world, &query, &json!({ "n": 3, "it": value })).await;
                    answers.push((said.status, said.text, database.round_trips() - before));
                }
                assert_eq!(answers[0], answers[1], "{named_place}: {query}");
                assert!(
                    answers[0].1.contains(&format!("\"{}\"", field.name.node)),
                    "{named_place}: {}",
                    answers[0].1
                );
                checked += 1;
            }
        }
    }
    assert!(
        uncovered.is_empty(),
        "ID arguments that nothing tries: {uncovered:#?}; see `KINDS` in tests/isolation/operations/mod.rs"
    );
    assert!(checked > 40, "only {checked} places of ids");
}

#[tokio::test]
async fn every_object_of_another_workspace_is_no_node() {
    let rooms = Rooms::at_rest().await;
    let (owner, stranger) = (Person::of(&rooms.world, Who::Owner), Person::of(&rooms.world, Who::Stranger));
    let query = "query($id: ID!) { node(id: $id) { __typename id } nodes(ids: [$id]) { __typename id } }";
    for kind in &rooms.schema.interfaces["Node"] {
        let foreign = Place { world: &rooms.world, who: Who::Owner }.any(kind).await;
        let foreign = foreign.unwrap_or_else(|| {
            panic!("no {kind} to look for: add the kind to KINDS in tests/isolation/operations/mod.rs, and a row of it to the world of matrix.rs")
        });
        let database = rooms.world.stack.app().database();
        let mut answers = Vec::new();
        for (person, id) in
            [(&owner, foreign.clone()), (&stranger, foreign.clone()), (&stranger, random_like(&foreign))]
        {
            let before = database.round_trips();
            let said = person.ask(&rooms.world, query, &json!({ "id": id })).await;
            answers.push((said.status, said.text, database.round_trips() - before));
        }
        assert_eq!(answers[1], answers[2], "{kind}");
        assert_eq!(answers[1].1, "{\"data\":{\"node\":null,\"nodes\":[null]}}", "{kind}");
        assert!(answers[0].1.contains(&format!("\"{kind}\"")), "{kind}: {}", answers[0].1);
    }
}
