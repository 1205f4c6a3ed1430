//! What a streaming walsender sends, taken out of one buffer without copying.

use std::io;

use bytes::BytesMut;
use postgres_protocol::message::backend::{
    COMMAND_COMPLETE_TAG, COPY_DATA_TAG, ERROR_RESPONSE_TAG, Header, Message,
};
use tokio::io::{AsyncRead, AsyncReadExt};
use walcast_wire::lsn::Lsn;

use super::error::SessionError;

/// Room that each read of the socket finds. A walsender that is ahead fills it.
const READ_BYTES: usize = 256 * 1024;

/// Tag and length.
const HEADER: usize = 5;

/// One message of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A message of the output plugin, at `start` of the log; zero where it has no place.
    Change {
        start: Lsn,
        /// The server's end of WAL.
        server: Lsn,
        data: &'a [u8],
    },
    /// The server has nothing more for us before `server`.
    KeepAlive { server: Lsn, asks: bool },
    /// The server has ended the stream.
    End,
}

/// Bytes of the stream that were read and not taken.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    /// What of the buffer is taken.
    at: usize,
}

impl Frames {
    /// Begins with what was read already.
    pub(super) fn new(read: &[u8]) -> Self {
        let mut buffer = Vec::with_capacity(READ_BYTES.max(read.len()));
        buffer.extend_from_slice(read);
        Self { buffer, at: 0 }
    }

    /// Takes the next message that is there as a whole.
    ///
    /// # Errors
    /// What the server reports, and what is no message.
    pub(crate) fn next(&mut self) -> Result<Option<Frame<'_>>, SessionError> {
        loop {
            let Some((tag, length)) = self.whole()? else {
                return Ok(None);
            };
            let begin = self.at;
            self.at += length;
            match tag {
                COPY_DATA_TAG => {
                    break Self::copied(&self.buffer[begin + HEADER..self.at]).map(Some);
                }
                COMMAND_COMPLETE_TAG => return Ok(Some(Frame::End)),
                ERROR_RESPONSE_TAG => {
                    let mut message = BytesMut::from(&self.buffer[begin..self.at]);
                    if let Some(Message::ErrorResponse(body)) = Message::parse(&mut message)? {
                        return Err(SessionError::server(&body));
                    }
                }
                // Notices, parameters, the end of the copy: nothing to be done.
                _ => {}
            }
        }
    }

    /// Whether a message is there as a whole.
    pub(super) fn is_ready(&self) -> bool {
        // What is no message is to be found by taking it.
        !matches!(self.whole(), Ok(None))
    }

    /// Tag and whole length of the next message, when it is there as a whole.
    fn whole(&self) -> Result<Option<(u8, usize)>, SessionError> {
        let rest = &self.buffer[self.at..];
        let Some(header) = Header::parse(rest)? else {
            return Ok(None);
        };
        // `Header::parse` refuses what is negative.
        let length = usize::try_from(header.len()).unwrap_or(0) + 1;
        Ok((rest.len() >= length).then_some((header.tag(), length)))
    }

    fn copied(data: &[u8]) -> Result<Frame<'_>, SessionError> {
        let short = || SessionError::Protocol("a replication message is too short".to_owned());
        match data.split_first() {
            Some((b'w', rest)) => {
                let (start, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
                let (server, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
                let (_time, data) = rest.split_first_chunk::<8>().ok_or_else(short)?;
                Ok(Frame::Change {
                    start: lsn(*start),
                    server: lsn(*server),
                    data,
                })
            }
            Some((b'k', rest)) => {
                let (server, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
                let (_time, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
                Ok(Frame::KeepAlive {
                    server: lsn(*server),
                    asks: *rest.first().ok_or_else(short)? != 0,
                })
            }
            Some((other, _)) => Err(SessionError::Protocol(format!(
                "unknown replication message {other:#04x}"
            ))),
            None => Err(short()),
        }
    }

    /// Reads what the socket has; 0 at its end. Cancelling loses nothing.
    pub(super) async fn fill(
        &mut self,
        socket: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<usize> {
        self.make_room();
        socket.read_buf(&mut self.buffer).await
    }

    /// Drops what was taken, and makes room for a message longer than the buffer; what was made so is
    /// given up again behind it.
    fn make_room(&mut self) {
        self.buffer.drain(..self.at);
        self.at = 0;
        let wanted = match self.buffer.first_chunk::<HEADER>() {
            Some([_, length @ ..]) => usize::try_from(u32::from_be_bytes(*length)).unwrap_or(0) + 1,
            None => 0,
        };
        if wanted > self.buffer.capacity() {
            self.buffer.reserve_exact(wanted - self.buffer.len());
        } else if self.buffer.capacity() > READ_BYTES && wanted <= READ_BYTES {
            let mut smaller = Vec::with_capacity(READ_BYTES);
            smaller.append(&mut self.buffer);
            self.buffer = smaller;
        }
    }
}

fn lsn(bytes: [u8; 8]) -> Lsn {
    Lsn::new(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy_data(payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len() + 4).expect("short");
        [&b"d"[..], &length.to_be_bytes(), payload].concat()
    }

    fn change(start: u64, data: &[u8]) -> Vec<u8> {
        let (start, end, time) = (start.to_be_bytes(), 900_u64.to_be_bytes(), [0; 8]);
        copy_data(&[&b"w"[..], &start, &end, &time, data].concat())
    }

    fn keep_alive(end: u64, asks: u8) -> Vec<u8> {
        copy_data(&[&b"k"[..], &end.to_be_bytes(), &[0; 8], &[asks]].concat())
    }

    /// What comes out, as text, when the stream is read in pieces of `piece` bytes.
    async fn read(stream: &[u8], piece: usize) -> Result<Vec<String>, SessionError> {
        let mut frames = Frames::new(&[]);
        let mut out = Vec::new();
        for mut bytes in stream.chunks(piece) {
            while !bytes.is_empty() {
                assert!(frames.fill(&mut bytes).await? > 0, "there is room");
                assert_eq!(frames.is_ready(), frames.whole()?.is_some());
                while let Some(frame) = frames.next()? {
                    out.push(match frame {
                        Frame::Change { data, .. } if data.len() > 9 => {
                            format!("{} bytes", data.len())
                        }
                        other => format!("{other:?}"),
                    });
                }
            }
        }
        Ok(out)
    }

    #[tokio::test]
    async fn frames_come_out_whole_however_they_are_cut() {
        let notice = [&b"N\0\0\0\x09"[..], b"M", b"hi\0", b"\0"].concat();
        let stream = [
            change(16, b"one"),
            notice,
            keep_alive(70, 1),
            change(0, b""),
            b"c\0\0\0\x04".to_vec(),
            b"C\0\0\0\x0bCOPY 0\0".to_vec(),
        ];
        let stream = stream.concat();
        let expected = [
            "Change { start: Lsn(16), server: Lsn(900), data: [111, 110, 101] }",
            "KeepAlive { server: Lsn(70), asks: true }",
            "Change { start: Lsn(0), server: Lsn(900), data: [] }",
            "End",
        ];
        for piece in 1..=stream.len() {
            assert_eq!(
                read(&stream, piece).await.expect("frames"),
                expected,
                "{piece}"
            );
        }
    }

    #[tokio::test]
    async fn a_long_message_grows_the_buffer_until_it_is_taken() {
        let long = change(8, &vec![7; 3 * READ_BYTES]);
        let stream = [change(8, b"a"), long, change(8, b"b")].concat();
        let mut frames = Frames::new(&[]);
        let mut rest = &stream[..];
        let (mut count, mut largest) = (0, 0);
        while frames.fill(&mut rest).await.expect("room") > 0 {
            largest = largest.max(frames.buffer.capacity());
            while frames.next().expect("a frame").is_some() {
                count += 1;
            }
        }
        assert_eq!(count, 3);
        assert!((3 * READ_BYTES..4 * READ_BYTES).contains(&largest));
        frames.make_room();
        assert_eq!(frames.buffer.capacity(), READ_BYTES);
    }

    #[tokio::test]
    async fn errors_and_nonsense_are_told() {
        let error = [&b"E\0\0\0\x14"[..], b"C57P01\0", b"Mended\0", b"\0\0"].concat();
        let cases = [
            (error, "server error: ended (SQLSTATE 57P01)"),
            (
                copy_data(b"x"),
                "protocol error: unknown replication message 0x78",
            ),
            (
                copy_data(b"w1234567"),
                "protocol error: a replication message is too short",
            ),
            (
                copy_data(b""),
                "protocol error: a replication message is too short",
            ),
            (
                b"d\0\0\0\x01".to_vec(),
                "io error: invalid message length: header length < 4",
            ),
        ];
        for (bytes, expected) in cases {
            let error = read(&bytes, bytes.len()).await.expect_err(expected);
            assert_eq!(error.to_string(), expected);
        }
    }
}
