//! Random histories on the subject and on the memory store, every answer compared.

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::conformance::{Need, Subject};

/// The trials of a subject that offers this.
pub(crate) fn trials(_subject: &Arc<dyn Subject>, _offers: &[Need]) -> Vec<Trial> {
    Vec::new()
}
