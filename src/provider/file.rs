//! A credential file.
