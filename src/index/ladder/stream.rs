//! An archive in order: what reads archives waits on a thread of its own for what the network brings.

use std::io::{Error, Read};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc::{Receiver, channel};

use super::Body;
use super::check::{Check, Fault};

/// How much more is read behind what was wanted, so that the digest of the whole can be told.
const REST: u64 = 1024 * 1024;
/// Pieces on their way.
const PIECES: usize = 4;

/// Reads content with what needs a plain reader. Where the end comes into sight, the digest is held
/// against the page's.
pub(super) async fn through<T: Send + 'static>(
    mut body: impl Body,
    limit: u64,
    check: Option<Check>,
    read: impl FnOnce(&mut Pipe) -> Result<Option<T>, String> + Send + 'static,
) -> Result<Option<T>, Fault> {
    let (sender, receiver) = channel(PIECES);
    let mut reading = tokio::task::spawn_blocking(move || {
        let mut pipe = Pipe {
            receiver,
            piece: Bytes::new(),
            check,
            left: limit,
            ended: false,
            cut: None,
        };
        let found = read(&mut pipe);
        // Whatever the reader made of it, the network is the reason.
        if let Some(why) = pipe.cut.take() {
            return found.map_err(|_| Fault::Cut(why));
        }
        let found = found.map_err(Fault::Bad)?;
        pipe.finish().map_err(Fault::Bad)?;
        Ok(found)
    });
    let pump = async {
        loop {
            let piece = match body.piece().await {
                Ok(None) => break,
                Ok(Some(piece)) => Ok(piece),
                Err(why) => Err(why),
            };
            let failed = piece.is_err();
            // The reader may have had enough.
            if sender.send(piece).await.is_err() || failed {
                break;
            }
        }
        drop(sender);
    };
    let gone = |_| Fault::Bad("its reader ended in the middle".to_owned());
    tokio::select! {
        found = &mut reading => found.map_err(gone)?,
        () = pump => reading.await.map_err(gone)?,
    }
}

/// What comes from the network, as a plain reader.
pub(super) struct Pipe {
    receiver: Receiver<Result<Bytes, String>>,
    piece: Bytes,
    check: Option<Check>,
    left: u64,
    ended: bool,
    /// Why it was cut off on its way.
    cut: Option<String>,
}

impl Read for Pipe {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(Ok(piece)) => {
                    let Some(left) = self.left.checked_sub(piece.len() as u64) else {
                        return Err(Error::other("it is larger than anything that is read here"));
                    };
                    self.left = left;
                    if let Some(check) = &mut self.check {
                        check.update(&piece);
                    }
                    self.piece = piece;
                }
                Some(Err(why)) => {
                    self.cut = Some(why.clone());
                    return Err(Error::other(why));
                }
                None => {
                    self.ended = true;
                    return Ok(0);
                }
            }
        }
        let count = self.piece.len().min(to.len());
        self.piece.copy_to_slice(&mut to[..count]);
        Ok(count)
    }
}

impl Pipe {
    fn finish(mut self) -> Result<(), String> {
        // What is cut off behind what was wanted does not matter.
        let rest = std::io::copy(&mut (&mut self).take(REST), &mut std::io::sink());
        if self.cut.is_some() {
            return Ok(());
        }
        rest.map_err(|error| error.to_string())?;
        match self.check {
            Some(check) if self.ended => check.holds(),
            _ => Ok(()),
        }
    }
}
