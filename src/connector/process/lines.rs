//! Lines out of a pipe, each and all of them capped; a call that is given up loses nothing.
//!
//! Not here: what the lines say, how long one waits for them.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Read from the pipe at once.
const CHUNK: usize = 64 << 10;

pub(super) struct Lines<R> {
    pipe: R,
    buffer: Vec<u8>,
    /// Bytes of the buffer that hold no line end.
    searched: usize,
    /// Lines handed out.
    pub count: u64,
    /// Bytes since the last [`Lines::start_count`].
    taken: u64,
    line_cap: u64,
    output_cap: u64,
}

#[derive(Debug)]
pub(super) enum LineError {
    Io(io::Error),
    LineTooLong { head: Vec<u8> },
    TooMuch,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub fn new(pipe: R, line_cap: u64, output_cap: u64) -> Lines<R> {
        Lines { pipe, buffer: Vec::new(), searched: 0, count: 0, taken: 0, line_cap, output_cap }
    }

    /// The output cap holds for one answer.
    pub fn start_count(&mut self) {
        self.taken = 0;
    }

    /// The next line without its end; the last one may have none. `None` at the end. Safe to be given up at any time.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        loop {
            let fresh = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(at) = fresh.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(self.searched + at + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                self.searched = 0;
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return self.hand_out(line).map(Some);
            }
            self.searched = self.buffer.len();
            if self.buffer.len() as u64 > self.line_cap {
                return Err(self.too_long());
            }
            self.buffer.reserve(CHUNK);
            if self.pipe.read_buf(&mut self.buffer).await.map_err(LineError::Io)? == 0 {
                if self.buffer.is_empty() {
                    return Ok(None);
                }
                self.searched = 0;
                let line = std::mem::take(&mut self.buffer);
                return self.hand_out(line).map(Some);
            }
        }
    }

    fn hand_out(&mut self, line: Vec<u8>) -> Result<Vec<u8>, LineError> {
        if line.len() as u64 > self.line_cap {
            self.buffer = line;
            return Err(self.too_long());
        }
        self.count += 1;
        self.taken = self.taken.saturating_add(line.len() as u64 + 1);
        if self.taken > self.output_cap { Err(LineError::TooMuch) } else { Ok(line) }
    }

    fn too_long(&mut self) -> LineError {
        self.count += 1;
        let mut head = std::mem::take(&mut self.buffer);
        head.truncate(1 << 10);
        LineError::LineTooLong { head }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn all(input: &[u8], line_cap: u64, output_cap: u64) -> (Vec<String>, Option<&'static str>) {
        let mut lines = Lines::new(input, line_cap, output_cap);
        let mut found = Vec::new();
        loop {
            match lines.next().await {
                Ok(Some(line)) => found.push(String::from_utf8(line).unwrap()),
                Ok(None) => return (found, None),
                Err(LineError::TooMuch) => return (found, Some("too much")),
                Err(LineError::LineTooLong { .. }) => return (found, Some("too long")),
                Err(LineError::Io(error)) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn lines_end_with_a_newline_or_with_the_output() {
        let expect = |lines: &[&str]| (lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>(), None);
        assert_eq!(all(b"", 10, 100).await, expect(&[]));
        assert_eq!(all(b"a\n\nb\r\nc", 10, 100).await, expect(&["a", "", "b", "c"]));
        assert_eq!(all(b"0123456789\n", 10, 100).await, expect(&["0123456789"]));
    }

    #[tokio::test]
    async fn caps_hold() {
        assert_eq!(all(b"ok\n01234567890\nnever", 10, 100).await, (vec!["ok".to_owned()], Some("too long")));
        assert_eq!(all(b"01234567890", 10, 100).await, (Vec::new(), Some("too long")));
        assert_eq!(all(&[b'x'; 300_000], 10, 1 << 30).await, (Vec::new(), Some("too long")));
        assert_eq!(all(b"aa\nbb\ncc\n", 10, 6).await, (vec!["aa".to_owned(), "bb".to_owned()], Some("too much")));
    }
}
