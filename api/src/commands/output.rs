//! Standard output and standard error. A reader that has gone away (`footnote schema | head`) is no failure.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::operations::Failure;

/// Writes a text to standard output, with a line's end.
pub fn text(text: &str) -> Result<(), Failure> {
    to(&mut io::stdout().lock(), text).map_err(Failure::file("write to", Path::new("standard output")))
}

/// Writes one JSON object to standard output, on one line.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value).map_err(|error| Failure::Start(error.to_string()))?;
    text(&line)
}

/// Writes a line for people to standard error.
pub fn note(line: &str) {
    // Without a standard error there is nobody to tell.
    let _ = to(&mut io::stderr().lock(), line);
}

/// Says on standard error why the command failed.
pub fn failure(failure: &Failure) {
    if let Failure::Settings(faults) = failure {
        return faults.iter().for_each(|fault| note(&format!("footnote: {fault}")));
    }
    note(&format!("footnote: {failure}"));
}

fn to(stream: &mut impl Write, text: &str) -> io::Result<()> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(stream, "{text}{end}").and_then(|()| stream.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::to;

    struct Refusing(io::ErrorKind);

    impl io::Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_text_ends_with_one_line_end_and_only_a_closed_pipe_is_forgiven() {
        let mut written = Vec::new();
        to(&mut written, "a").expect("memory takes it");
        to(&mut written, "b\n").expect("memory takes it");
        assert_eq!(written, b"a\nb\n");
        assert!(to(&mut Refusing(io::ErrorKind::BrokenPipe), "a").is_ok());
        assert!(to(&mut Refusing(io::ErrorKind::StorageFull), "a").is_err());
    }
}
