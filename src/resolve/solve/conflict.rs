//! Why nothing fulfils the requirements, in words a person can act on.

use super::drive::Roots;
use super::ids::Package;
use super::provider::{Memory, Provider, Reason};
use super::range::Range;
use super::resolution::Conflict;
use pubgrub::DerivationTree;

pub(super) type Tree = DerivationTree<Package, Range, Reason>;

pub(super) fn explain(
    _tree: Tree,
    _provider: &Provider<'_>,
    _memory: &Memory,
    _roots: &Roots,
) -> Conflict {
    Conflict {
        fork: None,
        reasons: vec![],
        offered: vec![],
        hints: vec![],
    }
}
