//! Checks of what clients send: every bad field of an input is named at once.

use std::ops::RangeInclusive;

use crate::error::{Error, Issue, Result};

/// Collects what is wrong with an input.
#[derive(Default)]
pub struct Check {
    issues: Vec<Issue>,
}

impl Check {
    /// Nothing wrong yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one bad field.
    pub fn refuse(&mut self, field: &str, code: &'static str, message: impl Into<String>) {
        self.issues.push(Issue {
            path: vec!["input".to_owned(), field.to_owned()],
            code,
            message: message.into(),
        });
    }

    /// A text of so many characters once surrounding space is gone, without NUL.
    pub fn text(&mut self, field: &str, text: &str, length: RangeInclusive<usize>) -> String {
        let text = text.trim();
        let count = text.chars().take(length.end() + 1).count();
        if text.contains('\0') {
            self.refuse(
                field,
                "INVALID_CHARACTER",
                format!("`{field}` holds the character U+0000, which no text can."),
            );
        } else if !length.contains(&count) {
            let (least, most) = (length.start(), length.end());
            let message = if text.is_empty() {
                format!("`{field}` is empty; it takes {least} to {most} characters.")
            } else {
                format!("`{field}` takes {least} to {most} characters.")
            };
            self.refuse(field, "LENGTH", message);
        }
        text.to_owned()
    }

    /// The same for a field that may be absent.
    pub fn optional_text(
        &mut self,
        field: &str,
        text: Option<&str>,
        length: RangeInclusive<usize>,
    ) -> Option<String> {
        text.map(|text| self.text(field, text, length))
    }

    /// Ends the check.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT with every bad field.
    pub fn finish(self) -> Result<()> {
        if self.issues.is_empty() { Ok(()) } else { Err(Error::BadUserInput(self.issues)) }
    }
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn every_bad_field_is_named_at_once() {
        let mut check = Check::new();
        check.text("title", " ", 1..=10);
        check.text("body", "a\0b", 1..=10);
        check.text("name", "ok", 1..=10);
        let error = check.finish().expect_err("two fields are bad");
        assert_eq!(error.extensions("r")["issues"].as_array().map(Vec::len), Some(2));
    }
}
