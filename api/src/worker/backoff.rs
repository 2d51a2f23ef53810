//! How long a failed job waits: exponential backoff with full jitter
//! (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).

const BASE_MS: i32 = 2000;
const LONGEST_MS: i32 = 5 * 60 * 1000;

/// Milliseconds before attempt `attempt + 1`, where `random` is in 0.0 to 1.0.
#[must_use]
pub fn backoff_ms(attempt: i32, random: f64) -> i32 {
    let doublings = u32::try_from(attempt.saturating_sub(1).clamp(0, 20)).unwrap_or(0);
    let ceiling = BASE_MS.saturating_mul(2_i32.saturating_pow(doublings)).min(LONGEST_MS);
    #[expect(clippy::cast_possible_truncation, reason = "the product is at most the ceiling")]
    let delay = (f64::from(ceiling) * random.clamp(0.0, 1.0)) as i32;
    delay
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_MS, backoff_ms};
    use proptest::prelude::{any, proptest};

    proptest! {
        #[test]
        fn a_delay_is_never_negative_nor_above_the_longest(attempt in any::<i32>(), random in any::<f64>()) {
            let delay = backoff_ms(attempt, random);
            assert!((0..=LONGEST_MS).contains(&delay));
        }
    }

    #[test]
    fn ceilings_double() {
        assert_eq!([1, 2, 3].map(|attempt| backoff_ms(attempt, 1.0)), [2000, 4000, 8000]);
    }
}
