//! The schema as it is served, taken apart: what tests that are generated from it walk.

use std::collections::{BTreeMap, VecDeque};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};

/// The types of the schema by name.
#[derive(Default)]
pub struct Schema {
    /// The fields of each object type.
    pub objects: BTreeMap<String, Vec<FieldDefinition>>,
    /// The members of each union.
    pub unions: BTreeMap<String, Vec<String>>,
    /// The types that implement each interface.
    pub interfaces: BTreeMap<String, Vec<String>>,
    /// The fields of each input type.
    pub inputs: BTreeMap<String, Vec<InputValueDefinition>>,
}

impl Schema {
    /// The one that the server has.
    pub fn served() -> Self {
        let document = parse_schema(footnote::graphql::sdl()).expect("the schema");
        let mut schema = Self::default();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(one) = definition else { continue };
            let name = one.node.name.node.to_string();
            match one.node.kind {
                TypeKind::Object(object) => {
                    for interface in object.implements {
                        schema.interfaces.entry(interface.node.to_string()).or_default().push(name.clone());
                    }
                    schema.objects.insert(name, object.fields.into_iter().map(|field| field.node).collect());
                }
                TypeKind::Union(union) => {
                    let members = union.members.into_iter().map(|member| member.node.to_string()).collect();
                    schema.unions.insert(name, members);
                }
                TypeKind::InputObject(input) => {
                    schema.inputs.insert(name, input.fields.into_iter().map(|field| field.node).collect());
                }
                _ => {}
            }
        }
        schema
    }

    /// A selection of everything that needs no argument, so many objects deep.
    pub fn selection(&self, name: &str, depth: usize) -> String {
        let mut parts = vec!["__typename".to_owned()];
        for field in self.objects.get(name).into_iter().flatten() {
            let (field_name, inner) = (&field.name.node, named(&field.ty.node));
            let composite = self.is_composite(inner);
            // What is shown once is null in a repetition: `tests/keys`.
            if field_name == "secret"
                || !needs_nothing(field)
                || inner.ends_with("Connection")
                || (composite && depth == 0)
            {
                continue;
            }
            let below =
                if composite { format!(" {}", self.selection(inner, depth - 1)) } else { String::new() };
            parts.push(format!("{field_name}{below}"));
        }
        if self.interfaces.contains_key(name) {
            parts.push("id".to_owned());
        }
        format!("{{ {} }}", parts.join(" "))
    }

    /// Whether a type has fields.
    pub fn is_composite(&self, name: &str) -> bool {
        self.objects.contains_key(name)
            || self.unions.contains_key(name)
            || self.interfaces.contains_key(name)
    }

    /// The shortest way to each object type that can be reached without an id.
    pub fn ways(&self) -> BTreeMap<String, Way> {
        let root = Way { before: String::new(), after: String::new(), sized: false };
        let mut found = BTreeMap::new();
        let mut open: VecDeque<(String, Way)> = [("Query".to_owned(), root)].into();
        while let Some((name, way)) = open.pop_front() {
            if found.contains_key(&name) || name.starts_with("__") {
                continue;
            }
            if let Some(members) = self.unions.get(&name) {
                for member in members {
                    open.push_back((member.clone(), way.through(&format!("{{ ... on {member}"), "}")));
                }
                continue;
            }
            let Some(fields) = self.objects.get(&name) else { continue };
            for field in fields {
                let (field_name, inner) = (&field.name.node, named(&field.ty.node).to_owned());
                let searches = field_name == "search";
                // What is for operators alone is walked by nobody here.
                if (!needs_nothing(field) && !searches) || field_name == "operations" {
                    continue;
                }
                let sizes = takes(field, "first") && !way.sized;
                let arguments = match (searches, sizes) {
                    (true, _) => "(query: \"paid leave\", first: $n)",
                    (_, true) => "(first: $n)",
                    _ if takes(field, "first") => "(first: 4)",
                    _ => "",
                };
                let mut next = way.through(&format!("{{ {field_name}{arguments}"), "}");
                next.sized |= sizes || searches;
                open.push_back((inner, next));
            }
            found.insert(name, way);
        }
        found
    }

    /// Every place of an id in the arguments of a field, also inside of input objects and of lists.
    pub fn id_places(&self, field: &FieldDefinition) -> Vec<IdPlace> {
        let mut found = Vec::new();
        for argument in &field.arguments {
            let place = IdPlace { steps: Vec::new(), owner: None, nullable: argument.node.ty.node.nullable };
            self.find_ids(&argument.node, &place, &mut Vec::new(), &mut found);
        }
        found
    }

    fn find_ids<'a>(
        &'a self,
        input: &'a InputValueDefinition,
        before: &IdPlace,
        within: &mut Vec<&'a str>,
        found: &mut Vec<IdPlace>,
    ) {
        let mut place = before.clone();
        place.nullable = input.ty.node.nullable;
        place.steps.push(Step::Field(input.name.node.to_string()));
        let mut base = &input.ty.node.base;
        while let BaseType::List(inner) = base {
            place.steps.push(Step::Item);
            base = &inner.base;
        }
        let BaseType::Named(name) = base else { return };
        if name == "ID" {
            found.push(place);
            return;
        }
        // A filter holds filters of its own kind: one inside of another is enough to see that they are read alike.
        let Some(fields) = self.inputs.get(name.as_str()) else { return };
        if within.iter().filter(|outer| *outer == &name.as_str()).count() > 1 {
            return;
        }
        within.push(name.as_str());
        // The type of an id filter says nothing about whose id it is.
        if name != "IDFilter" {
            place.owner = Some(name.to_string());
        }
        for field in fields {
            self.find_ids(field, &place, within, found);
        }
        within.pop();
    }
}

/// The way from the root to a type, as a query with a hole.
#[derive(Clone)]
pub struct Way {
    before: String,
    after: String,
    /// Whether the way has a list whose size `$n` is.
    pub sized: bool,
}

impl Way {
    /// The query that selects this there.
    pub fn query(&self, selection: &str) -> String {
        self.query_with("", selection)
    }

    /// The same with these further variables.
    pub fn query_with(&self, variables: &str, selection: &str) -> String {
        let size = if self.sized { "$n: Int" } else { "" };
        let variables = [size, variables].join(" ");
        let variables = if variables.trim().is_empty() { String::new() } else { format!("({variables})") };
        format!("query{variables} {} {selection} {}", self.before, self.after)
    }

    fn through(&self, before: &str, after: &str) -> Self {
        let (before, after) = (format!("{} {before}", self.before), format!("{after} {}", self.after));
        Self { before, after, sized: self.sized }
    }
}

/// A step from the arguments of a field to an id in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a field of an object.
    Field(String),
    /// Into an item of a list.
    Item,
}

/// Where an id stands in the arguments of a field.
#[derive(Clone, Debug)]
pub struct IdPlace {
    /// The way to it.
    pub steps: Vec<Step>,
    /// The input type that has it; none for an argument of the field itself.
    pub owner: Option<String>,
    /// Whether it may be left out.
    pub nullable: bool,
}

impl std::fmt::Display for IdPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, step) in self.steps.iter().enumerate() {
            match step {
                Step::Field(name) if place == 0 => write!(f, "{name}")?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Item => write!(f, "[]")?,
            }
        }
        Ok(())
    }
}

/// The name of a type without its lists.
pub fn named(one: &Type) -> &str {
    match &one.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

/// Whether a field has this argument.
pub fn takes(field: &FieldDefinition, argument: &str) -> bool {
    field.arguments.iter().any(|one| one.node.name.node == argument)
}

/// Whether a field can be asked for without arguments.
pub fn needs_nothing(field: &FieldDefinition) -> bool {
    field.arguments.iter().all(|one| one.node.ty.node.nullable || one.node.default_value.is_some())
}
