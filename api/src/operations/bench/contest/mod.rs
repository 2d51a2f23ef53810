//! Contests: what answers the same question, measured in turns on one database.
//!
//! A slice is a stretch of time in which one contender works under so many clients. It begins with a second that is not counted, in which
//! connections open and plans are made. Every contender is told the same time; what a machine does meanwhile to one, it does to all,
//! because they take turns, and reports have medians over the turns.

mod content;
mod http;
mod peer;
mod pgbench;
mod report;
mod server;
mod slice;
mod turns;

pub(super) use self::content::{Normal, normal};
pub(super) use self::http::{Target, fetch};
pub(super) use self::peer::Peer;
pub(super) use self::pgbench::{Pgbench, Protocol, Script};
pub(super) use self::report::ratio;
pub use self::report::{Contested, Plan};
pub use self::server::ServerReady;
pub(super) use self::server::{Server, Tenant, tenants};
pub use self::slice::Contender;
pub(super) use self::slice::Way;
pub use self::turns::Form;
pub(super) use self::turns::{best_form, door, in_turns, postgres};
