//! Keeps a log line one line: control characters of whoever wrote the text are shown, not obeyed; not here: levels, filters.

use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

/// Writes to standard error with control characters escaped; colours of our own making pass if asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct EscapedStderr {
    pub colour: bool,
}

impl<'a> MakeWriter<'a> for EscapedStderr {
    type Writer = Escaping<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        Escaping { inner: io::stderr(), colour: self.colour }
    }
}

/// The subscriber hands over one whole event per write.
pub(super) struct Escaping<W> {
    inner: W,
    colour: bool,
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.inner.write_all(escape(&String::from_utf8_lossy(event), self.colour).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Control characters become `\u00xx` (which JSON reads as well), but for the newline that ends the event. The escape
/// character passes with `colour`: the subscriber itself has escaped those that came with a field.
pub(super) fn escape(event: &str, colour: bool) -> String {
    let (body, end) = match event.strip_suffix('\n') {
        Some(body) => (body, "\n"),
        None => (event, ""),
    };
    let mut text = String::with_capacity(event.len());
    for character in body.chars() {
        match character {
            '\x1b' if colour => text.push(character),
            control if control.is_control() || matches!(control, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}') => {
                text.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => text.push(other),
        }
    }
    text.push_str(end);
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_record_cannot_write_a_line_of_its_own() {
        assert_eq!(escape("key=a\nERROR forged\r\x1b[2J\n", false), "key=a\\u000aERROR forged\\u000d\\u001b[2J\n");
        assert_eq!(escape("\x1b[32mINFO\x1b[0m ok\n", true), "\x1b[32mINFO\x1b[0m ok\n");
        assert_eq!(escape("Größe 42 😀\u{202e}\n", false), "Größe 42 😀\\u202e\n");
    }

    #[test]
    fn escaped_json_is_still_json() {
        let line = escape("{\"key\":\"a\u{9b}b\"}\n", false);
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["key"], "a\u{9b}b");
    }

    #[test]
    fn one_event_is_one_write() {
        let mut out = Vec::new();
        let mut writer = Escaping { inner: &mut out, colour: false };
        assert_eq!(writer.write(b"a\tb\n").unwrap(), 4);
        assert_eq!(out, b"a\\u0009b\n");
    }
}
