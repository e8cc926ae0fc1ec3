//! The one integration binary: a module for each subject.

#![cfg(test)]

mod provider_contract;
