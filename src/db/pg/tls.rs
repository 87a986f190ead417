//! TLS to PostgreSQL: what is believed of a server, by rustls.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::server::Proof;

/// What encrypts connections to a server that must prove so much.
///
/// # Errors
/// What is wrong with the file of authorities, or with what the system trusts.
pub fn connector(proof: &Proof) -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let less = |roots| Arc::new(Less { provider, roots });
    let config = match proof {
        Proof::Nothing => builder.dangerous().with_custom_certificate_verifier(less(None)),
        Proof::Authority(file) => {
            let roots = authorities(file)?;
            builder.dangerous().with_custom_certificate_verifier(less(Some(roots)))
        }
        Proof::Host(Some(file)) => builder.with_root_certificates(authorities(file)?),
        Proof::Host(None) => builder.with_platform_verifier().map_err(|error| error.to_string())?,
    };
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

/// The authorities in a file of certificates.
fn authorities(file: &Path) -> Result<RootCertStore, String> {
    let told = |problem: &dyn std::fmt::Display| format!("sslrootcert: {}: {problem}", file.display());
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| told(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| told(&error))?;
        roots.add(certificate).map_err(|error| told(&error))?;
    }
    if roots.is_empty() { Err(told(&"has no certificate")) } else { Ok(roots) }
}

/// Asks less than a browser does: a certificate of one of some authorities, whatever its host, or none in particular. What
/// is signed by it in the handshake is verified all the same.
#[derive(Debug)]
struct Less {
    provider: Arc<CryptoProvider>,
    roots: Option<RootCertStore>,
}

impl ServerCertVerifier for Less {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
