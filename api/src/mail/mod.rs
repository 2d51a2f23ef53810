//! Mails about accounts and invitations, from the database to the person: claims them, makes their links, sends them, says how it went.
//!
//! It guarantees that a mail which was queued is sent at least once or ends DEAD with a line in the log, that it goes out
//! under one `Message-ID` however often it is tried, that a killed worker loses none, and that a link's token stands in the
//! mail alone: the database gets its hash. It never logs an address or a token. Of what people wrote it repeats only the plain words of
//! names, so that nobody can have a text of theirs sent to somebody else; an operator's reason goes to owners alone.

mod letters;
mod links;
mod postman;

pub use links::Links;
pub use postman::Postman;
