//! An issuer's set of keys (RFC 7517), as far as it is of use here.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// How many keys of one issuer are kept.
const MOST: usize = 64;
/// The shortest RSA modulus that signs, in bytes (RFC 7518, section 3.3), and the longest that the library takes.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=512;
const LONGEST_EXPONENT: usize = 4;

/// What a key can check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// A public key of an issuer.
pub(super) struct Key {
    id: Option<String>,
    kind: Kind,
    /// The one algorithm that it is for, where the issuer says.
    only: Option<String>,
    decoding: DecodingKey,
}

impl Key {
    /// For the library.
    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let kind = match algorithm {
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => Kind::Rsa,
            Algorithm::ES256 => Kind::P256,
            Algorithm::ES384 => Kind::P384,
            Algorithm::EdDSA => Kind::Ed25519,
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => return false,
        };
        self.kind == kind && self.only.as_deref().is_none_or(|only| only == format!("{algorithm:?}"))
    }
}

/// The keys of an issuer.
#[derive(Default)]
pub(super) struct KeySet(Vec<Arc<Key>>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a key set, passing over keys that cannot check a signature here.
    ///
    /// # Errors
    ///
    /// What is wrong with it as a whole, without a word of it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let Document { keys } = serde_json::from_slice(bytes).map_err(|_| "it is not a set of keys")?;
        let usable: Vec<_> = keys.into_iter().filter_map(key).take(MOST).map(Arc::new).collect();
        if usable.is_empty() { Err("it has no key that can be used") } else { Ok(Self(usable)) }
    }

    /// The key of a token: by its id, or the only one that fits where it has none.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<Key>> {
        let mut fitting = self.0.iter().filter(|key| key.fits(algorithm));
        if id.is_some() {
            return fitting.find(|key| key.id.as_deref() == id).cloned();
        }
        fitting.next().filter(|_| fitting.next().is_none()).cloned()
    }
}

fn key(value: Value) -> Option<Key> {
    let only = value.get("alg").and_then(Value::as_str).map(str::to_owned);
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let signs = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let verifies = jwk.common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
    if !signs || !verifies {
        return None;
    }
    let kind = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            let length = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().map(|bytes| without_zeros(&bytes));
            let fits = MODULUS.contains(&length(&rsa.n)?) && length(&rsa.e)? <= LONGEST_EXPONENT;
            fits.then_some(Kind::Rsa)?
        }
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256 => Kind::P256,
            EllipticCurve::P384 => Kind::P384,
            EllipticCurve::P521 | EllipticCurve::Ed25519 => return None,
        },
        AlgorithmParameters::OctetKeyPair(pair) => {
            (pair.curve == EllipticCurve::Ed25519).then_some(Kind::Ed25519)?
        }
        AlgorithmParameters::OctetKey(_) => return None,
    };
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: jwk.common.key_id, kind, only, decoding })
}

fn without_zeros(bytes: &[u8]) -> usize {
    bytes.iter().skip_while(|byte| **byte == 0).count()
}

#[cfg(test)]
mod tests {
    use super::KeySet;
    use jsonwebtoken::Algorithm;
    use serde_json::{Value, json};

    // The key of RFC 8037, appendix A.2.
    const ED25519: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn set(keys: &Value) -> Result<KeySet, &'static str> {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn ed(id: &str) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": ED25519, "kid": id })
    }

    #[test]
    fn a_key_is_found_by_its_id_and_by_nothing_that_looks_like_one() {
        let set = set(&json!([ed("a"), ed("b")])).expect("keys");
        assert!(set.find(Some("a"), Algorithm::EdDSA).is_some());
        for other in ["", "A", "a ", "../a", "0", "c"] {
            assert!(set.find(Some(other), Algorithm::EdDSA).is_none(), "{other}");
        }
        assert!(set.find(None, Algorithm::EdDSA).is_none(), "two keys fit a token without an id");
        assert!(set.find(Some("a"), Algorithm::ES256).is_none(), "the key is of another kind");
    }

    #[test]
    fn keys_for_other_purposes_and_of_other_kinds_are_passed_over() {
        let encrypts = json!({ "kty": "OKP", "crv": "Ed25519", "x": ED25519, "kid": "e", "use": "enc" });
        let other = json!({ "kty": "OKP", "crv": "Ed25519", "x": ED25519, "kid": "o", "alg": "ES256" });
        let secret = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256" });
        let short = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "r" });
        let unknown = json!({ "kty": "PQ", "kid": "p" });
        let set = set(&json!([encrypts, other, secret, short, unknown, "text", ed("a")])).expect("one key");
        assert!(set.find(None, Algorithm::EdDSA).is_some(), "one key is left that fits");
        for id in ["e", "o", "s", "r", "p"] {
            for algorithm in [Algorithm::EdDSA, Algorithm::HS256, Algorithm::RS256] {
                assert!(set.find(Some(id), algorithm).is_none(), "{id}");
            }
        }
    }

    #[test]
    fn what_is_no_key_set_is_refused() {
        for wrong in ["", "<html></html>", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#] {
            assert!(KeySet::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(KeySet::read(&[0xff; 10]).is_err());
    }
}
