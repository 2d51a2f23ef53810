//! The ids of a seeded database: UUIDs of version 7 that grow with `created_at`, and that both Rust and SQL can compute.
//!
//! An id has the time, three digits for its kind, and 60 bits of its workspace's number and its own, so that a script of `pgbench`,
//! which has nothing but numbers, can name any row.

use uuid::Uuid;

/// What a day has, in milliseconds.
const DAY: i64 = 86_400_000;

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A workspace.
    Workspace,
    /// A person; the owner has number 0.
    User,
    /// A session of its owner.
    Session,
    /// An agent, by number.
    Agent,
    /// A run, by number.
    Run,
}

impl Kind {
    const fn digits(self) -> &'static str {
        match self {
            Self::Workspace => "001",
            Self::User => "002",
            Self::Session => "003",
            Self::Agent => "00a",
            Self::Run => "00b",
        }
    }
}

/// What the ids of a database follow from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    /// When the first workspace was made, in milliseconds since 1970.
    pub(crate) start: i64,
    /// Workspaces.
    pub(crate) workspaces: i64,
    /// Milliseconds between two runs.
    pub(crate) step: i64,
}

impl Ids {
    /// When a row was made: a constant, and what its workspace's number and its own are multiplied by.
    fn time(self, kind: Kind) -> (i64, i64, i64) {
        match kind {
            Kind::Workspace | Kind::User | Kind::Session => (self.start, 1, 0),
            Kind::Agent => (self.start + 2 * DAY, 1, self.workspaces),
            Kind::Run => (self.start + 3 * DAY, self.step, self.workspaces * self.step),
        }
    }

    /// The id of a row of a workspace; the number of a workspace or a session is zero.
    pub(crate) fn of(self, kind: Kind, workspace: usize, number: usize) -> Uuid {
        let (workspace, number) = (int(workspace), int(number));
        let (constant, by_workspace, by_number) = self.time(kind);
        let ms = constant + by_workspace * workspace + by_number * number;
        let digits = u128::from_str_radix(kind.digits(), 16).unwrap_or_default();
        let tail = (workspace << 28) + number;
        Uuid::from_u128(
            u128::from(ms.cast_unsigned()) << 80
                | 7 << 76
                | digits << 64
                | 0xa << 60
                | u128::from(tail.cast_unsigned()),
        )
    }

    /// The same as an expression of SQL over two expressions of whole numbers.
    pub(crate) fn sql(self, kind: Kind, workspace: &str, number: &str) -> String {
        let (constant, by_workspace, by_number) = self.time(kind);
        let (workspace, number) = (format!("({workspace})::bigint"), format!("({number})::bigint"));
        format!(
            "(lpad(to_hex({constant}::bigint + {by_workspace}::bigint * {workspace} + {by_number}::bigint * {number}), 12, '0') || '7{}a' \
             || lpad(to_hex({workspace} * 268435456 + {number}), 15, '0'))::uuid",
            kind.digits()
        )
    }
}

fn int(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Ids, Kind};

    #[test]
    fn ids_are_of_version_7_and_grow_with_time() {
        let ids = Ids { start: 1_767_225_600_000, workspaces: 10, step: 50 };
        let runs = (0..3).flat_map(|run| (0..10).map(move |workspace| ids.of(Kind::Run, workspace, run)));
        let runs: Vec<_> = runs.collect();
        assert!(runs.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(
            runs.iter().all(|id| id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122)
        );
        assert_eq!(ids.of(Kind::Workspace, 255, 0).to_string(), "019b76da-a8ff-7001-a000-000ff0000000",);
    }
}
