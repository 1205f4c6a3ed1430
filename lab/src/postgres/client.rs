//! A simple query over PostgreSQL's protocol 3.0, for servers that trust us.
//!
//! Enters: SQL. Leaves: rows as text. Format: "Frontend/Backend Protocol" in PostgreSQL's manual.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Rows of text; `None` is NULL.
pub type Rows = Vec<Vec<Option<String>>>;

/// How long one read or write may take.
const IO_LIMIT: Duration = Duration::from_secs(60);

/// Runs `sql` and gives the rows of its last statement that has any.
pub(crate) fn query(port: u16, database: &str, sql: &str) -> Result<Rows> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("connect")?;
    stream.set_read_timeout(Some(IO_LIMIT))?;
    stream.set_write_timeout(Some(IO_LIMIT))?;
    let parameters = format!("user\0postgres\0database\0{database}\0\0");
    stream.write_all(&message(
        None,
        &[&196_608_u32.to_be_bytes(), parameters.as_bytes()],
    )?)?;
    let mut input = BufReader::new(stream.try_clone()?);
    until_ready(&mut input)?;
    stream.write_all(&message(Some(b'Q'), &[sql.as_bytes(), b"\0"])?)?;
    let rows = until_ready(&mut input)?;
    stream.write_all(&message(Some(b'X'), &[])?)?;
    Ok(rows)
}

/// A message: its type (the first one has none), the length of all but the type, its body.
fn message(kind: Option<u8>, body: &[&[u8]]) -> Result<Vec<u8>> {
    let body = body.concat();
    let length = u32::try_from(body.len() + 4).context("the query is too long")?;
    let kind = kind.into_iter();
    Ok(kind.chain(length.to_be_bytes()).chain(body).collect())
}

/// Reads messages until ReadyForQuery. An error message ends it.
fn until_ready(input: &mut impl Read) -> Result<Rows> {
    let mut rows = Rows::new();
    loop {
        let mut head = [0; 5];
        input
            .read_exact(&mut head)
            .context("the server closed the connection")?;
        let [kind, length @ ..] = head;
        let length = u64::from(u32::from_be_bytes(length)).saturating_sub(4);
        let mut body = Vec::new();
        input.take(length).read_to_end(&mut body)?;
        match kind {
            b'Z' => return Ok(rows),
            b'E' => bail!("{}", error_text(&body)),
            b'R' if body != [0; 4] => bail!("the server asks for a password"),
            b'T' => rows.clear(),
            b'D' => rows.push(data_row(&body).context("a malformed DataRow")?),
            _ => {}
        }
    }
}

/// ErrorResponse: fields of a type byte and a NUL-terminated text each. `C` code, `M` message.
fn error_text(body: &[u8]) -> String {
    let field = |kind: u8| {
        let mut fields = body.split(|&byte| byte == 0);
        let found = fields.find_map(|field| field.strip_prefix(&[kind]));
        String::from_utf8_lossy(found.unwrap_or_default()).into_owned()
    };
    format!("{} (SQLSTATE {})", field(b'M'), field(b'C'))
}

/// DataRow: the number of columns, then of each its length (-1: NULL) and its bytes.
fn data_row(body: &[u8]) -> Option<Vec<Option<String>>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut row = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, values) = rest.split_first_chunk::<4>()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            row.push(None);
            rest = values;
            continue;
        };
        let (value, after) = values.split_at_checked(length)?;
        row.push(Some(String::from_utf8_lossy(value).into_owned()));
        rest = after;
    }
    rest.is_empty().then_some(row)
}

#[cfg(test)]
mod tests {
    use super::data_row;

    #[test]
    fn a_row_is_read_and_a_short_or_long_one_is_not() {
        let row = b"\0\x02\0\0\0\x01a\xff\xff\xff\xff";
        assert_eq!(data_row(row), Some(vec![Some("a".into()), None]));
        for end in 0..row.len() {
            assert_eq!(data_row(&row[..end]), None, "cut at {end}");
        }
        assert_eq!(data_row(b"\0\0x"), None);
    }
}
