//! What is wrong with the settings, all of it at once: each fault names its setting and says what to do.

/// One thing that is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The setting, as the name of its field: `qdrant_url`; empty where the advice names it.
    pub setting: String,
    /// What is wrong with it and what to do, without the value of a secret.
    pub advice: String,
}

/// Collects faults, which stop the start, and warnings, which do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Faults {
    /// Adds what must be mended before anything starts.
    pub fn add(&mut self, setting: &str, advice: impl Into<String>) {
        self.faults.push(Fault { setting: setting.to_owned(), advice: advice.into() });
    }

    /// Adds what works, and is not how it should be.
    pub fn warn(&mut self, setting: &str, advice: impl Into<String>) {
        self.warnings.push(Fault { setting: setting.to_owned(), advice: advice.into() });
    }

    /// Demands a whole number from `least` to `most`.
    pub fn range(&mut self, setting: &str, value: impl TryInto<i128>, least: i128, most: i128) {
        if !value.try_into().is_ok_and(|value| (least..=most).contains(&value)) {
            self.add(setting, format!("takes {least} to {most}"));
        }
    }

    /// Demands, where `set` is, that the setting `needed` has a value as well.
    pub fn pair(&mut self, set: (&str, bool), needed: (&str, bool)) {
        if set.1 && !needed.1 {
            let name = needed.0.to_ascii_uppercase();
            self.add(set.0, format!("is set, but not {name}: set both, or neither"));
        }
    }

    /// What stops the start.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What does not.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }
}

#[cfg(test)]
mod tests {
    use super::Faults;

    #[test]
    fn every_fault_is_kept_and_warnings_stay_apart() {
        let mut faults = Faults::default();
        faults.range("a", 0_u32, 1, 10);
        faults.range("a", 10_i64, 1, 10);
        faults.range("a", u128::MAX, 1, 10);
        faults.pair(("llm_url", true), ("llm_model", false));
        faults.pair(("llm_url", false), ("llm_model", false));
        faults.warn("b", "is odd");
        let lines: Vec<_> =
            faults.faults().iter().map(|fault| format!("{} {}", fault.setting, fault.advice)).collect();
        assert_eq!(
            lines,
            ["a takes 1 to 10", "a takes 1 to 10", "llm_url is set, but not LLM_MODEL: set both, or neither"]
        );
        assert_eq!(faults.warnings().len(), 1);
    }
}
