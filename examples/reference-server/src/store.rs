//! Opening the store of a data folder, with failures that a person can act on.

use messenger::embedded::{OpenError, Options, Store};

use crate::data::DataFolder;
use crate::exit::{Exit, Failure};

/// Opens the store of a data folder.
///
/// # Errors
///
/// Returns a failure that says whether the store is in use, damaged, of another version or not there to be opened.
pub fn open(data: &DataFolder) -> Result<Store, Failure> {
    Store::open(data.store(), Options::default()).map_err(|error| failure(data, &error))
}

/// Puts an error of the store's folder in the words of the command line.
pub fn failure(data: &DataFolder, error: &OpenError) -> Failure {
    let shown = data.root().display();
    match error {
        OpenError::InUse(_) => {
            Failure::new(Exit::Data, format!("{shown}: another messenger-server has this data folder open"))
                .advise("Stop that one, or give this one a folder of its own with --data FOLDER.")
        }
        OpenError::Backup(_) => Failure::new(Exit::Data, error.to_string())
            .advise("messenger-server --data NEW-FOLDER restore BACKUP"),
        OpenError::Damaged { .. } => Failure::new(Exit::Data, error.to_string())
            .advise("Nothing was changed. Keep a copy of the folder, then restore the latest backup into a new one."),
        _ => Failure::new(Exit::Data, error.to_string()),
    }
}
