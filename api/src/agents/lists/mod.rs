//! The lists of agents and runs: what each is filtered and ordered by.

mod agents;
mod citations;
mod runs;
mod steps;

pub use agents::{AgentFilter, AgentOrder, Agents};
pub use citations::{CitationFilter, CitationOrder, Citations};
pub use runs::{AgentRunFilter, AgentRunOrder, Runs};
pub use steps::{AgentRunStepFilter, AgentRunStepOrder, Steps};
