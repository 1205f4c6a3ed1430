//! Reads fields from the front of a message; the only place that takes bytes apart.
#![expect(
    clippy::as_conversions,
    reason = "lossless widening of lengths, checked beforehand"
)]

use super::error::{DecodeError, Fault};
use crate::lsn::Lsn;

/// Microseconds from 1970-01-01, Unix's epoch, to 2000-01-01, PostgreSQL's.
const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;

/// A position in a message; every read names the field for the error.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    length: usize,
    message: &'static str,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            length: bytes.len(),
            message: "unknown",
        }
    }

    /// Names the message for errors from here on.
    pub(super) const fn name(&mut self, message: &'static str) {
        self.message = message;
    }

    pub(super) const fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    #[cold]
    pub(super) const fn fault_at(
        &self,
        offset: usize,
        field: &'static str,
        fault: Fault,
    ) -> DecodeError {
        DecodeError {
            message: self.message,
            field,
            offset,
            fault,
        }
    }

    pub(super) fn take(
        &mut self,
        length: usize,
        field: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(length) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => {
                let missing = length - self.rest.len();
                Err(self.fault_at(self.offset(), field, Fault::Truncated { missing }))
            }
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(*head)
            }
            None => {
                let missing = N - self.rest.len();
                Err(self.fault_at(self.offset(), field, Fault::Truncated { missing }))
            }
        }
    }

    #[inline]
    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        Ok(u8::from_be_bytes(self.array(field)?))
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array(field)?))
    }

    pub(super) fn i32(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array(field)?))
    }

    pub(super) fn lsn(&mut self, field: &'static str) -> Result<Lsn, DecodeError> {
        Ok(Lsn::new(u64::from_be_bytes(self.array(field)?)))
    }

    /// A 16-bit count.
    pub(super) fn count16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        let offset = self.offset();
        let count = i16::from_be_bytes(self.array(field)?);
        u16::try_from(count)
            .map_err(|_| self.fault_at(offset, field, Fault::Negative(i32::from(count))))
    }

    /// A 32-bit count or length.
    pub(super) fn length32(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        let offset = self.offset();
        let count = self.i32(field)?;
        match u32::try_from(count) {
            Ok(count) => Ok(count as usize),
            Err(_) => Err(self.fault_at(offset, field, Fault::Negative(count))),
        }
    }

    /// A byte, and where it is `t` or `b` the bytes that follow with their length before them. Reads
    /// nothing where they are not there as a whole: then the fields are to be read one by one, for the
    /// error.
    #[inline]
    pub(super) fn tagged(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.rest.split_first()?;
        if !matches!(tag, b't' | b'b') {
            self.rest = rest;
            return Some((*tag, &[]));
        }
        let (length, rest) = rest.split_first_chunk::<4>()?;
        // One that is negative is longer than any message.
        let (bytes, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        self.rest = rest;
        Some((*tag, bytes))
    }

    /// A time, as microseconds since 1970-01-01 UTC.
    pub(super) fn time_us(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        let since_2000 = i64::from_be_bytes(self.array(field)?);
        Ok(since_2000.saturating_add(POSTGRES_EPOCH_US))
    }

    /// Text up to its zero byte.
    pub(super) fn text(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        let offset = self.offset();
        let Some(length) = self.rest.iter().position(|&byte| byte == 0) else {
            return Err(self.fault_at(offset, field, Fault::Unterminated));
        };
        let bytes = self.take(length, field)?;
        self.take(1, field)?;
        std::str::from_utf8(bytes).map_err(|_| self.fault_at(offset, field, Fault::NotUtf8))
    }

    /// The bytes read since `mark`, which was a clone of this cursor.
    pub(super) fn since(&self, mark: &Self) -> &'a [u8] {
        let length = mark.rest.len() - self.rest.len();
        mark.rest
            .split_at_checked(length)
            .map_or(&[], |(read, _)| read)
    }

    /// The end of the message.
    pub(super) fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(self.fault_at(self.offset(), "end", Fault::LeftOver { extra })),
        }
    }
}
