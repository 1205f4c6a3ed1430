//! Asks a broker whether it answers requests, not only connections.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long the broker may take for one answer.
const IO_LIMIT: Duration = Duration::from_secs(2);

/// An ApiVersions request, version 0, as Kafka's protocol guide lays it out: length 10, api key 18,
/// api version 0, correlation id 7, no client id.
const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];

/// Whether the broker on this loopback port answers an ApiVersions request.
pub(crate) fn answers(port: u16) -> bool {
    ask(port).is_ok_and(|correlation_id| correlation_id == 7)
}

fn ask(port: u16) -> std::io::Result<u32> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(IO_LIMIT))?;
    stream.write_all(&REQUEST)?;
    let mut head = [0; 8];
    stream.read_exact(&mut head)?;
    let [_, _, _, _, id @ ..] = head;
    Ok(u32::from_be_bytes(id))
}
