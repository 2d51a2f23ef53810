//! The demo's documents: pages of the PostgreSQL manual, built into the binary, so that the demo works from an empty folder.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../demo/manual"]
struct Manual;

/// One page.
#[derive(Clone, Debug)]
pub struct Page {
    /// The title that the page gives itself, or its file's name.
    pub title: String,
    /// The page, in HTML.
    pub html: String,
}

/// Every page, by file name.
#[must_use]
pub fn pages() -> Vec<Page> {
    let mut names: Vec<Cow<'static, str>> = Manual::iter().filter(|name| name.ends_with(".html")).collect();
    names.sort_unstable();
    names.into_iter().filter_map(|name| page(&name)).collect()
}

fn page(name: &str) -> Option<Page> {
    let html = String::from_utf8(Manual::get(name)?.data.into_owned()).ok()?;
    let title = title(&html).unwrap_or_else(|| name.trim_end_matches(".html").to_owned());
    Some(Page { title, html })
}

/// What stands between the tags, with single spaces; our pages write no character reference there.
fn title(html: &str) -> Option<String> {
    let (_, rest) = html.split_once("<title>")?;
    let (title, _) = rest.split_once("</title>")?;
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::pages;

    #[test]
    fn every_page_has_a_title_of_its_own_without_character_references() {
        let pages = pages();
        assert!(pages.len() > 100, "{} pages", pages.len());
        let titles: HashSet<&str> = pages.iter().map(|page| page.title.as_str()).collect();
        assert_eq!(titles.len(), pages.len());
        for title in titles {
            assert!(!title.contains('&') && !title.contains(".html"), "{title}");
        }
    }
}
