//! What the server answers when it does not do something: never as if it had done it.

use qdrant_edge::OperationError;
use tonic::Status;

/// A call, or a part of one, that is not translated.
pub(crate) fn not_translated(what: &str) -> Status {
    Status::unimplemented(format!("the test server does not translate {what}"))
}

/// Refuses what was asked for and is not translated.
pub(crate) fn refuse(what: &str, asked: bool) -> Result<(), Status> {
    if asked { Err(not_translated(what)) } else { Ok(()) }
}

/// A malformed call.
pub(crate) fn malformed(what: &str) -> Status {
    Status::invalid_argument(format!("Wrong input: {what}"))
}

/// There is no such collection, in the words of a server.
pub(crate) fn no_collection(name: &str) -> Status {
    Status::not_found(format!("Not found: Collection `{name}` doesn't exist!"))
}

/// What the engine's errors are to a client.
pub(crate) fn engine(error: &OperationError) -> Status {
    match error {
        OperationError::WrongVectorDimension { .. }
        | OperationError::VectorNameNotExists { .. }
        | OperationError::TypeError { .. }
        | OperationError::ValidationError { .. }
        | OperationError::WrongSparse
        | OperationError::WrongMulti => Status::invalid_argument(format!("Wrong input: {error}")),
        other => Status::internal(format!("Service internal error: {other}")),
    }
}
