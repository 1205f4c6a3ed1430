//! A small HTTP/1.1 client for servers on loopback: one request a connection, no TLS, no proxies.
//!
//! Enters: a method, a URL, headers, a body. Leaves: the status and the whole body.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long one read or write may take.
const IO_LIMIT: Duration = Duration::from_secs(60);

/// What a server answered.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The body; bytes that are not UTF-8 are replaced.
    pub body: String,
}

impl Response {
    /// The body, if the status is 2xx.
    ///
    /// # Errors
    /// Any other status, with the body in the message.
    pub fn ok(self) -> Result<String> {
        match self.status {
            200..=299 => Ok(self.body),
            status => bail!("HTTP {status}: {}", self.body.trim()),
        }
    }
}

/// Gets `url`.
///
/// # Errors
/// When the server cannot be reached or its answer cannot be read.
pub fn get(url: &str) -> Result<Response> {
    request("GET", url, &[], b"")
}

/// Sends one request to `url` (`http://host:port/path?query`, already percent-encoded).
///
/// # Errors
/// When the URL is not such a one, the server cannot be reached or its answer cannot be read.
pub fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Response> {
    let whole = url
        .strip_prefix("http://")
        .with_context(|| format!("{url} is not http://"))?;
    let at = whole.find(['/', '?']).unwrap_or(whole.len());
    let (host, path) = whole.split_at(at);
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut head = format!("{method} {slash}{path} HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n")?;
    }
    write!(
        head,
        "Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )?;

    let mut stream = TcpStream::connect(host).with_context(|| format!("connect to {host}"))?;
    stream.set_read_timeout(Some(IO_LIMIT))?;
    stream.set_write_timeout(Some(IO_LIMIT))?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    read_response(&mut BufReader::new(stream)).with_context(|| format!("{method} {url}"))
}

fn read_response(stream: &mut impl BufRead) -> Result<Response> {
    let status_line = read_line(stream)?;
    let status = status_line
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .with_context(|| format!("not an HTTP status line: {status_line}"))?;
    let (mut length, mut chunked) = (None, false);
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.trim().parse().context("Content-Length")?),
            "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    let body = match (chunked, length) {
        (true, _) => read_chunks(stream)?,
        (false, Some(length)) => read_exactly(stream, length)?,
        (false, None) => {
            let mut body = Vec::new();
            stream.read_to_end(&mut body)?;
            body
        }
    };
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Response { status, body })
}

/// RFC 9112, section 7.1. Trailers are not waited for: the connection closes.
fn read_chunks(stream: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).context("the size of a chunk")?;
        if size == 0 {
            return Ok(body);
        }
        body.extend(read_exactly(stream, size)?);
        read_line(stream)?;
    }
}

fn read_exactly(stream: &mut impl BufRead, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = stream.take(length).read_to_end(&mut bytes)?;
    if u64::try_from(read)? < length {
        bail!("the body ends after {read} of {length} bytes");
    }
    Ok(bytes)
}

fn read_line(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        bail!("the answer ends early");
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expected: Option<(u16, &str)>) {
        let response = read_response(&mut answer.as_bytes());
        let response = response
            .ok()
            .map(|response| (response.status, response.body));
        let expected = expected.map(|(status, body)| (status, body.to_owned()));
        assert_eq!(response, expected, "{answer}");
    }

    #[test]
    fn each_way_to_end_a_body_is_read_and_a_short_one_is_an_error() {
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc",
            Some((200, "ab")),
        );
        check("HTTP/1.1 404 Not Found\r\n\r\ngone", Some((404, "gone")));
        check(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n",
            Some((200, "abc")),
        );
        check("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", None);
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            None,
        );
        check("", None);
        check("nonsense\r\n\r\n", None);
    }
}
