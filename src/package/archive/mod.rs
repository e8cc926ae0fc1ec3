//! Archives, read for their metadata only and never unpacked.

pub(crate) mod tar;
pub(crate) mod zip;

#[cfg(test)]
pub(crate) mod samples;
