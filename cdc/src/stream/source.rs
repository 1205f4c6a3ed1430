//! What the stream reads from: a backlog by SQL, and then, or at once, a walsender.

use walcast_wire::lsn::Lsn;

use crate::catchup::{Backlog, Fed};
use crate::error::Result;
use crate::postgres::replication::ChangeStream;

/// Where changes come from.
pub(crate) enum Source {
    /// A backlog that is read by SQL.
    Backlog(Box<Backlog>),
    /// A walsender.
    Stream(ChangeStream),
}

/// What comes from it.
pub(super) enum Given {
    /// Frames of the stream are ready to be taken.
    Ready,
    /// Something of the backlog.
    Fed(Fed),
}

impl Source {
    /// What comes next. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Given> {
        match self {
            Self::Backlog(backlog) => backlog.next().await.map(Given::Fed),
            Self::Stream(stream) => stream.ready().await.map(|()| Given::Ready),
        }
    }

    /// Answers a keepalive that asks for it.
    pub(super) fn answer(&mut self) {
        if let Self::Stream(stream) = self {
            stream.answer();
        }
    }

    /// Tells the slot that all before `lsn` is durable elsewhere.
    pub(crate) fn confirm(&self, lsn: Lsn) {
        match self {
            Self::Backlog(backlog) => backlog.confirm(lsn),
            Self::Stream(stream) => stream.confirm(lsn),
        }
    }

    /// Ends reading; the slot is free when this returns.
    pub(crate) async fn stop(self) -> Result<()> {
        match self {
            Self::Backlog(backlog) => backlog.stop().await,
            Self::Stream(stream) => stream.stop().await,
        }
    }
}
