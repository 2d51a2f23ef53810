//! The checks, by what they look at.

pub mod doors;
pub mod keys;
pub mod policies;
pub mod rights;
pub mod tables;

/// A rule over the whole schema.
pub struct Check {
    /// The rule.
    pub name: &'static str,
    /// A query whose one column names each thing that breaks it.
    pub sql: &'static str,
    /// What to add or mend.
    pub add: &'static str,
    /// What the query must name.
    pub offences: &'static [Offence],
}

/// Statements of a superuser that break a rule, and the name under which the query must say so.
pub struct Offence {
    pub sql: &'static str,
    pub named: &'static str,
}

/// Every check.
pub const ALL: &[&[Check]] = &[
    tables::LISTED,
    tables::NO_SECOND_WAY,
    policies::FORCED,
    policies::NOT_PUBLIC,
    policies::BY_VERB,
    policies::HELPERS,
    keys::CARRY_THE_TENANT,
    keys::INDEXED,
    keys::LEAKPROOF,
    rights::ROWS_ALONE,
    doors::LISTED,
];
