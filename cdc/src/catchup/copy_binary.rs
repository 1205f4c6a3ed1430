//! `COPY (SELECT lsn, data …) TO STDOUT (FORMAT binary)`: the server's bytes, however they are cut,
//! become whole messages. Pure.
//!
//! What leaves is a run of frames, each the LSN (8 bytes), the message's length (4) and the message,
//! as they stand in the COPY, in chunks; [`frames`] takes one apart.
//!
//! Source: <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".

use walcast_wire::lsn::Lsn;

/// What every binary COPY begins with; flags and the length of an extension follow.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Signature, flags, length of the extension.
const HEADER_LEN: usize = SIGNATURE.len() + 8;

/// Number of fields, length of the LSN, the LSN, length of the message.
const ROW_HEAD_LEN: usize = 2 + 4 + LSN_LEN + 4;

const LSN_LEN: usize = 8;

/// The LSN and the length of the message, as a chunk keeps them.
const FRAME_HEAD_LEN: usize = LSN_LEN + 4;

/// What is not as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CopyError {
    #[error("it does not begin as a binary COPY does")]
    Signature,
    #[error("a row has {0} fields, not 2")]
    Fields(i16),
    #[error("an LSN of {0} bytes")]
    Lsn(i32),
    #[error("a message of {0} bytes")]
    Message(i32),
    #[error("something follows its end")]
    AfterEnd,
    #[error("it ends in the middle")]
    Short,
}

/// What stands at the head of the bytes.
enum Step {
    /// A row of so many bytes.
    Row(usize),
    /// Something of so many bytes that is no row.
    Passed(usize),
    /// More bytes are needed to tell.
    More,
}

/// Takes a COPY apart.
#[derive(Debug, Default)]
pub(super) struct CopyBinary {
    begun: bool,
    ended: bool,
    /// What is left of the last bytes: the beginning of something.
    rest: Vec<u8>,
    rows: u64,
}

impl CopyBinary {
    /// Takes bytes of the COPY; whole rows go to `out` as frames.
    ///
    /// # Errors
    /// When they are none of a COPY of LSN and message.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CopyError> {
        if self.rest.is_empty() {
            let taken = self.take(bytes, out)?;
            self.rest.extend_from_slice(&bytes[taken..]);
            return Ok(());
        }
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(bytes);
        let taken = self.take(&rest, out)?;
        rest.drain(..taken);
        self.rest = rest;
        Ok(())
    }

    /// The COPY is over; how many rows it had.
    ///
    /// # Errors
    /// When its end is missing.
    pub(super) fn finish(self) -> Result<u64, CopyError> {
        if self.ended {
            Ok(self.rows)
        } else {
            Err(CopyError::Short)
        }
    }

    /// Takes what is whole; how many bytes that were.
    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, CopyError> {
        let mut taken = 0;
        while taken < bytes.len() {
            let left = &bytes[taken..];
            taken += match self.step(left)? {
                Step::More => break,
                Step::Passed(len) => len,
                Step::Row(len) => {
                    self.rows += 1;
                    out.extend_from_slice(&left[2 + 4..len]);
                    len
                }
            };
        }
        Ok(taken)
    }

    fn step(&mut self, left: &[u8]) -> Result<Step, CopyError> {
        if self.ended {
            return Err(CopyError::AfterEnd);
        }
        if !self.begun {
            return self.header(left);
        }
        let Some(fields) = left.first_chunk().map(|b| i16::from_be_bytes(*b)) else {
            return Ok(Step::More);
        };
        match fields {
            2 => row(left),
            -1 => {
                self.ended = true;
                Ok(Step::Passed(2))
            }
            other => Err(CopyError::Fields(other)),
        }
    }

    fn header(&mut self, left: &[u8]) -> Result<Step, CopyError> {
        let known = left.len().min(SIGNATURE.len());
        if left[..known] != SIGNATURE[..known] {
            return Err(CopyError::Signature);
        }
        let Some(extension) = int32(left, HEADER_LEN - 4) else {
            return Ok(Step::More);
        };
        let extension = usize::try_from(extension).map_err(|_| CopyError::Signature)?;
        let len = HEADER_LEN + extension;
        if left.len() < len {
            return Ok(Step::More);
        }
        self.begun = true;
        Ok(Step::Passed(len))
    }
}

fn row(left: &[u8]) -> Result<Step, CopyError> {
    let (Some(lsn), Some(message)) = (int32(left, 2), int32(left, ROW_HEAD_LEN - 4)) else {
        return Ok(Step::More);
    };
    if lsn != LSN_LEN as i32 {
        return Err(CopyError::Lsn(lsn));
    }
    let message_len = usize::try_from(message).map_err(|_| CopyError::Message(message))?;
    let len = ROW_HEAD_LEN + message_len;
    Ok(if left.len() < len {
        Step::More
    } else {
        Step::Row(len)
    })
}

/// The number at `at`, if it is there.
fn int32(bytes: &[u8], at: usize) -> Option<i32> {
    let four = bytes.get(at..)?.first_chunk()?;
    Some(i32::from_be_bytes(*four))
}

/// The first frame of `bytes`: its LSN, its message, and how many bytes it takes.
pub(super) fn frame(bytes: &[u8]) -> Option<(Lsn, &[u8], usize)> {
    let lsn = u64::from_be_bytes(*bytes.first_chunk()?);
    let len = usize::try_from(int32(bytes, LSN_LEN)?).ok()?;
    let end = FRAME_HEAD_LEN + len;
    let message = bytes.get(FRAME_HEAD_LEN..end)?;
    Some((Lsn::new(lsn), message, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(rows: &[(u64, &[u8])]) -> Vec<u8> {
        let mut copy = [SIGNATURE, &[0; 8]].concat();
        for (lsn, message) in rows {
            copy.extend_from_slice(&2_i16.to_be_bytes());
            copy.extend_from_slice(&8_i32.to_be_bytes());
            copy.extend_from_slice(&lsn.to_be_bytes());
            copy.extend_from_slice(&(message.len() as i32).to_be_bytes());
            copy.extend_from_slice(message);
        }
        copy.extend_from_slice(&(-1_i16).to_be_bytes());
        copy
    }

    fn apart(pieces: &[&[u8]]) -> Result<Vec<(u64, Vec<u8>)>, CopyError> {
        let (mut copy, mut out) = (CopyBinary::default(), Vec::new());
        for piece in pieces {
            copy.push(piece, &mut out)?;
        }
        let rows = copy.finish()?;
        let (mut left, mut frames) = (&*out, Vec::new());
        while let Some((lsn, message, len)) = frame(left) {
            frames.push((lsn.as_u64(), message.to_vec()));
            left = &left[len..];
        }
        assert!(left.is_empty());
        assert_eq!(frames.len() as u64, rows);
        Ok(frames)
    }

    #[test]
    fn rows_come_whole_however_they_are_cut() {
        let rows: [(u64, &[u8]); 4] = [(1 << 40, b"B"), (7, b""), (8, b"Ione"), (9, &[255; 40])];
        let whole = copy(&rows);
        let expected: Vec<_> = rows.iter().map(|(lsn, m)| (*lsn, m.to_vec())).collect();
        for first in 0..=whole.len() {
            for second in first..=whole.len() {
                let pieces = [&whole[..first], &whole[first..second], &whole[second..]];
                assert_eq!(apart(&pieces), Ok(expected.clone()), "{first} {second}");
            }
        }
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(apart(&bytes), Ok(expected));
    }

    #[test]
    fn every_prefix_is_short_and_nothing_may_follow() {
        let whole = copy(&[(7, b"I")]);
        for len in 0..whole.len() {
            assert_eq!(apart(&[&whole[..len]]), Err(CopyError::Short), "{len}");
        }
        assert_eq!(apart(&[&whole, b"x"]), Err(CopyError::AfterEnd));
        assert_eq!(apart(&[&copy(&[])]), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_such_copy_is_refused() {
        let whole = copy(&[(7, b"I")]);
        let at = |at: usize, byte: u8| {
            let mut wrong = whole.clone();
            wrong[at] = byte;
            apart(&[&wrong]).unwrap_err()
        };
        assert_eq!(at(3, b'x'), CopyError::Signature);
        assert_eq!(at(HEADER_LEN - 4, 255), CopyError::Signature);
        assert_eq!(at(HEADER_LEN + 1, 3), CopyError::Fields(3));
        assert_eq!(at(HEADER_LEN + 5, 4), CopyError::Lsn(4));
        assert_eq!(at(HEADER_LEN + 14, 255), CopyError::Message(-16_777_215));
    }
}
