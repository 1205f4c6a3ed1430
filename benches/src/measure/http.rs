//! Posts JSON over one connection that is kept, at as little cost as can be.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long one read or write may take.
const IO_LIMIT: Duration = Duration::from_secs(30);

/// A connection to one path of one server.
pub(super) struct Poster {
    head: String,
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Poster {
    /// Connects to `url` (`http://host:port/path`).
    pub(super) fn connect(url: &str, token: &str) -> Result<Self> {
        let rest = url.strip_prefix("http://").context("not http://")?;
        let (host, path) = rest.split_once('/').context("no path")?;
        let stream = TcpStream::connect(host).with_context(|| format!("connect to {host}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(IO_LIMIT))?;
        stream.set_write_timeout(Some(IO_LIMIT))?;
        let head = format!(
            "POST /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: "
        );
        Ok(Self {
            head,
            stream: BufReader::new(stream),
            line: String::new(),
            body: Vec::new(),
        })
    }

    /// Posts a body and gives the answer's, if its status is 2xx.
    pub(super) fn post(&mut self, body: &str) -> Result<&[u8]> {
        let request = format!("{}{}\r\n\r\n{body}", self.head, body.len());
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = answer(&mut self.stream, &mut self.line, &mut self.body)?;
        if !(200..300).contains(&status) {
            bail!("HTTP {status}: {}", String::from_utf8_lossy(&self.body));
        }
        Ok(&self.body)
    }
}

/// Reads one answer whose length is told.
fn answer(stream: &mut impl BufRead, line: &mut String, body: &mut Vec<u8>) -> Result<u16> {
    next_line(stream, line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.with_context(|| format!("not a status line: {line}"))?;
    let mut length = None;
    loop {
        next_line(stream, line)?;
        if line.trim_end().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse::<usize>().context("Content-Length")?);
        }
    }
    body.resize(length.context("an answer without a length")?, 0);
    stream.read_exact(body).context("the answer ends early")?;
    Ok(status)
}

fn next_line(stream: &mut impl BufRead, line: &mut String) -> Result<()> {
    line.clear();
    if stream.read_line(line)? == 0 {
        bail!("the server closed the connection");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_follow_each_other_on_one_connection() -> Result<()> {
        let two = "HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nab\
            HTTP/1.1 400 Bad\r\nX: y\r\nContent-Length: 0\r\n\r\n";
        let mut stream = two.as_bytes();
        let (mut line, mut body) = (String::new(), Vec::new());
        assert_eq!(answer(&mut stream, &mut line, &mut body)?, 201);
        assert_eq!(body, b"ab");
        assert_eq!(answer(&mut stream, &mut line, &mut body)?, 400);
        assert!(body.is_empty());
        assert!(answer(&mut stream, &mut line, &mut body).is_err());
        Ok(())
    }
}
