//! The two requests that the lab sends to a broker, over Kafka's protocol.
//!
//! Layouts are those of Kafka's protocol guide; integers are big-endian.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// How long the broker may take for one answer.
const IO_LIMIT: Duration = Duration::from_secs(10);

/// How long the broker may take to make a topic.
const CREATE_LIMIT_MS: u32 = 5_000;

const API_VERSIONS: i16 = 18;
const CREATE_TOPICS: i16 = 19;

/// Error codes of the protocol.
const NONE: i16 = 0;
const TOPIC_ALREADY_EXISTS: i16 = 36;

/// Whether the broker on this loopback port answers requests, not only connections.
pub(crate) fn answers(port: u16) -> bool {
    call(port, API_VERSIONS, 0, &[]).is_ok()
}

/// Makes a topic without replicas; one that is there already is left as it is.
pub(crate) fn create_topic(port: u16, name: &str, partitions: u32) -> Result<()> {
    let length = u16::try_from(name.len()).context("the topic's name is too long")?;
    let one_topic = 1_u32.to_be_bytes();
    let none_in_list = 0_u32.to_be_bytes();
    let one_replica = 1_u16.to_be_bytes();
    let body = [
        &one_topic[..],
        &length.to_be_bytes(),
        name.as_bytes(),
        &partitions.to_be_bytes(),
        &one_replica,
        &none_in_list,
        &none_in_list,
        &CREATE_LIMIT_MS.to_be_bytes(),
        &[0],
    ];
    let answer = call(port, CREATE_TOPICS, 2, &body.concat())?;
    // Throttle time, number of topics and the name's length stand before the name.
    let code = answer
        .get(10 + name.len()..)
        .and_then(|rest| rest.first_chunk());
    match i16::from_be_bytes(*code.context("a short answer")?) {
        NONE | TOPIC_ALREADY_EXISTS => Ok(()),
        code => bail!("the broker refuses to make topic {name}: error {code}"),
    }
}

/// Sends one request and gives the body of its answer.
fn call(port: u16, key: i16, version: i16, body: &[u8]) -> Result<Vec<u8>> {
    const CORRELATION_ID: u32 = 7;
    const NO_CLIENT_ID: i16 = -1;
    let head = [
        &key.to_be_bytes()[..],
        &version.to_be_bytes(),
        &CORRELATION_ID.to_be_bytes(),
        &NO_CLIENT_ID.to_be_bytes(),
    ];
    let message = [&head.concat(), body].concat();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("connect to Kafka")?;
    stream.set_read_timeout(Some(IO_LIMIT))?;
    stream.write_all(&u32::try_from(message.len())?.to_be_bytes())?;
    stream.write_all(&message)?;

    let (mut length, mut id) = ([0; 4], [0; 4]);
    stream.read_exact(&mut length)?;
    stream.read_exact(&mut id)?;
    ensure!(
        u32::from_be_bytes(id) == CORRELATION_ID,
        "an answer to another request"
    );
    let mut answer = Vec::new();
    let left = u64::from(u32::from_be_bytes(length)).saturating_sub(4);
    stream.take(left).read_to_end(&mut answer)?;
    Ok(answer)
}
