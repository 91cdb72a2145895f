//! Certificate and key for TLS; the crypto provider is chosen here, in the program, and nowhere below.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::exit::{Exit, Failure};

/// Reads certificate chain and private key.
///
/// # Errors
///
/// Returns a failure that names the setting and the file.
pub(super) fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, Failure> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| refused("tls.certificate", certificate, error))?;
    if chain.is_empty() {
        return Err(refused(
            "tls.certificate",
            certificate,
            "holds no certificate",
        ));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| refused("tls.key", key, error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the default protocol versions")
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| refused("tls.key", key, error))?;
    Ok(Arc::new(config))
}

fn refused(setting: &str, file: &Path, reason: impl std::fmt::Display) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("{setting}: {}: {reason}", file.display()),
    )
}
