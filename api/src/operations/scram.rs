//! Verifiers of passwords for SCRAM-SHA-256 (RFC 5802, RFC 7677), in the form that PostgreSQL keeps them.
//!
//! A verifier goes to the server in the place of the password, so that no log of statements and no list of activity ever
//! holds one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::InvalidLength;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// What PostgreSQL itself uses.
const ITERATIONS: u32 = 4096;

/// A verifier with a salt of its own, for a password of ASCII, which RFC 4013 leaves as it is.
///
/// # Errors
///
/// None that a key of any length can cause.
pub fn verifier(password: &str) -> Result<String, InvalidLength> {
    with_salt(password, &rand::random::<[u8; 16]>(), ITERATIONS)
}

fn with_salt(password: &str, salt: &[u8], iterations: u32) -> Result<String, InvalidLength> {
    let salted = stretched(password, salt, iterations)?;
    let stored: [u8; 32] = Sha256::digest(keyed(&salted, b"Client Key")?).into();
    let server = keyed(&salted, b"Server Key")?;
    let [salt, stored, server] = [salt, &stored, &server].map(|bytes| STANDARD.encode(bytes));
    Ok(format!("SCRAM-SHA-256${iterations}:{salt}${stored}:{server}"))
}

/// `Hi` of RFC 5802, which is PBKDF2 with one block.
fn stretched(password: &str, salt: &[u8], iterations: u32) -> Result<[u8; 32], InvalidLength> {
    let mac = Hmac::<Sha256>::new_from_slice(password.as_bytes())?;
    let mut last: [u8; 32] =
        mac.clone().chain_update(salt).chain_update(1_u32.to_be_bytes()).finalize().into_bytes().into();
    let mut sum = last;
    for _ in 1..iterations {
        last = mac.clone().chain_update(last).finalize().into_bytes().into();
        for (sum, byte) in sum.iter_mut().zip(last) {
            *sum ^= byte;
        }
    }
    Ok(sum)
}

fn keyed(key: &[u8], text: &[u8]) -> Result<[u8; 32], InvalidLength> {
    Ok(Hmac::<Sha256>::new_from_slice(key)?.chain_update(text).finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::{keyed, verifier, with_salt};

    #[test]
    fn the_example_of_rfc_7677_gives_its_signature() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let verifier = with_salt("pencil", &salt, 4096).expect("a verifier");
        let (begin, server) = verifier.rsplit_once(':').expect("the server's key");
        assert!(begin.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
        let said = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature =
            keyed(&STANDARD.decode(server).expect("base64"), said.as_bytes()).expect("a signature");
        assert_eq!(STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn a_verifier_never_holds_the_password_and_never_comes_twice() {
        let password = "a-password-of-sixteen";
        let (one, other) = (verifier(password).expect("a verifier"), verifier(password).expect("a verifier"));
        assert!(one != other && !one.contains(password));
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-$:+/=".contains(&byte)), "{one}");
    }
}
