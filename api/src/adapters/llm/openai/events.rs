//! Server-sent events (WHATWG HTML, section 9.2), as far as a chat needs them: the data of each event, read piece by piece.
//!
//! Lines end with CR LF, LF or CR; comments and other fields are skipped. A line of more than a quarter of a mebibyte, more than
//! eight mebibytes together, or bytes that are not UTF-8 are refused. An event whose empty line has not come is none, except at the
//! end of the stream, where some servers leave it out.

use std::collections::VecDeque;

const LONGEST_LINE: usize = 256 * 1024;
const LONGEST_STREAM: usize = 8 * 1024 * 1024;

/// The events of one stream.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    after_return: bool,
    data: Option<String>,
    ready: VecDeque<String>,
    read: usize,
}

impl Events {
    /// Takes the next bytes; whether they ended a line.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<bool, &'static str> {
        self.read = self.read.saturating_add(bytes.len());
        if self.read > LONGEST_STREAM {
            return Err("it is longer than any answer");
        }
        let mut ended = false;
        for byte in bytes {
            match byte {
                b'\n' if self.after_return => {}
                b'\n' | b'\r' => {
                    self.end_line()?;
                    ended = true;
                }
                _ if self.line.len() == LONGEST_LINE => return Err("a line of it is too long"),
                _ => self.line.push(*byte),
            }
            self.after_return = *byte == b'\r';
        }
        Ok(ended)
    }

    /// The stream has ended.
    pub(super) fn end(&mut self) {
        // What is no whole line is not looked at: it was cut.
        self.ready.extend(self.data.take());
    }

    /// The data of the next event.
    pub(super) fn next(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    fn end_line(&mut self) -> Result<(), &'static str> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            self.ready.extend(self.data.take());
            return Ok(());
        }
        let Some(value) = line.strip_prefix(b"data:") else { return Ok(()) };
        let value = std::str::from_utf8(value).map_err(|_| "a line of it is not UTF-8")?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        match &mut self.data {
            Some(data) if data.len() + value.len() > LONGEST_LINE => {
                return Err("an event of it is too long");
            }
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
            data => *data = Some(value.to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{Events, LONGEST_LINE};

    fn read(pieces: &[&[u8]]) -> Result<Vec<String>, &'static str> {
        let mut events = Events::default();
        for piece in pieces {
            events.push(piece)?;
        }
        events.end();
        Ok(std::iter::from_fn(|| events.next()).collect())
    }

    #[test]
    fn events_are_those_of_the_specification() {
        let stream = b": comment\nevent: x\ndata: a\ndata:b\n\nid: 1\n\r\ndata:  c\r\n\r\ndata: d\r\rdata\n\ndata: last\n";
        assert_eq!(read(&[stream]), Ok(vec!["a\nb".into(), " c".into(), "d".into(), "last".into()]));
        assert_eq!(read(&[b"data: cut"]), Ok(Vec::new()), "no whole line");
    }

    #[test]
    fn what_is_too_long_or_not_text_is_refused() {
        let line = vec![b'x'; LONGEST_LINE + 1];
        assert!(read(&[b"data: ", &line]).is_err());
        let comment = vec![b'\n'; 9 * 1024 * 1024];
        assert!(read(&[&comment]).is_err());
        assert!(read(&[b"data: \xff\n\n"]).is_err());
        let many = b"data: 0123456789\n".repeat(LONGEST_LINE / 10);
        assert!(read(&[&many]).is_err());
    }

    proptest! {
        #[test]
        fn where_a_stream_is_cut_into_pieces_changes_nothing(
            lines in proptest::collection::vec("(data: ?)?[a-zé🦀:]{0,6}(\n|\r|\r\n)", 0..20), at in any::<prop::sample::Index>()
        ) {
            let stream = lines.concat().into_bytes();
            let (head, tail) = stream.split_at(at.index(stream.len() + 1));
            prop_assert_eq!(read(&[head, tail]), read(&[&stream]));
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            prop_assert_eq!(read(&bytes), read(&[&stream]));
        }
    }

    use proptest::prelude::prop;
}
