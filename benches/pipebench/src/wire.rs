//! HTTP/1.1 on a socket, as little of it as both sides need: the driver shares the machine with what it measures.
//!
//! Not here: HTTP at large. Bodies with a length or in chunks; nothing else is sent by what we talk to.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const HEADERS: usize = 64;
const READ_BYTES: usize = 16 * 1024;
/// A message larger than this is a mistake of the system under test.
const CAP_BYTES: usize = 1 << 20;

pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Head {
    /// Of a response; 0 for a request.
    status: u16,
    length: usize,
    chunked: bool,
    bytes: usize,
}

impl Wire {
    pub fn new(stream: TcpStream) -> io::Result<Wire> {
        stream.set_nodelay(true)?;
        Ok(Wire { stream, buffer: Vec::with_capacity(READ_BYTES) })
    }

    pub async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.stream.write_all(message).await
    }

    /// The status of the next response; its body is read and dropped.
    pub async fn response(&mut self) -> io::Result<u16> {
        match self.message(response_head).await? {
            Some((head, _)) => Ok(head.status),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The body of the next request; nothing once the other side has closed.
    pub async fn request(&mut self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.message(request_head).await?.map(|(_, body)| body))
    }

    async fn message(&mut self, parse: fn(&[u8]) -> io::Result<Option<Head>>) -> io::Result<Option<(Head, Vec<u8>)>> {
        loop {
            if let Some(head) = parse(&self.buffer)?
                && let Some((body, end)) = body(&self.buffer, head)?
            {
                self.buffer.drain(..end);
                return Ok(Some((head, body)));
            }
            if self.buffer.len() > CAP_BYTES {
                return Err(io::Error::other("a message larger than 1 MiB"));
            }
            self.buffer.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }
}

fn response_head(buffer: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(bytes) = response.parse(buffer).map_err(io::Error::other)? else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    with_length(Head { status, bytes, ..Head::default() }, response.headers).map(Some)
}

fn request_head(buffer: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(bytes) = request.parse(buffer).map_err(io::Error::other)? else { return Ok(None) };
    with_length(Head { bytes, ..Head::default() }, request.headers).map(Some)
}

fn with_length(mut head: Head, headers: &[httparse::Header<'_>]) -> io::Result<Head> {
    for header in headers {
        let value = std::str::from_utf8(header.value).map_err(io::Error::other)?.trim();
        if header.name.eq_ignore_ascii_case("content-length") {
            head.length = value.parse().map_err(io::Error::other)?;
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            head.chunked = value.eq_ignore_ascii_case("chunked");
        }
    }
    Ok(head)
}

/// The body and where the message ends in the buffer; nothing while it is incomplete.
fn body(buffer: &[u8], head: Head) -> io::Result<Option<(Vec<u8>, usize)>> {
    if !head.chunked {
        let end = head.bytes + head.length;
        return Ok(buffer.get(head.bytes..end).map(|body| (body.to_vec(), end)));
    }
    let (mut body, mut at) = (Vec::new(), head.bytes);
    while let Some(rest) = buffer.get(at..) {
        let size = httparse::parse_chunk_size(rest).map_err(|_| io::Error::other("a chunk without a size"))?;
        let httparse::Status::Complete((start, size)) = size else { return Ok(None) };
        let size = usize::try_from(size).map_err(io::Error::other)?;
        let Some(chunk) = rest.get(start..start + size + 2) else { return Ok(None) };
        body.extend_from_slice(&chunk[..size]);
        at += start + size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, expected: Option<&str>) {
        let head = request_head(message.as_bytes()).ok().flatten().unwrap_or_default();
        let found = body(message.as_bytes(), head).ok().flatten();
        assert_eq!(found.as_ref().map(|(body, _)| body.as_slice()), expected.map(str::as_bytes));
        if let Some((_, end)) = found {
            assert_eq!(end, message.len());
        }
    }

    #[test]
    fn bodies_are_read_by_length_and_by_chunk() {
        check("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc", Some("abc"));
        check("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabc", None);
        check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", Some("abc"));
        check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n", None);
        check("GET / HTTP/1.1\r\n\r\n", Some(""));
    }
}
