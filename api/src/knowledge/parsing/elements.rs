//! The elements of HTML that are more than inline text, and the classes by which `DocBook` marks navigation and notes.

/// What an element does to the text around and inside it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The whole page.
    Page,
    /// A block that can contain blocks.
    Container,
    /// A `div`, whose class may say more.
    Division,
    /// A block of text.
    Flow,
    List,
    Item,
    Term,
    Heading(u8),
    Preformatted,
    Table,
    Row,
    Cell,
    Break,
    Title,
    /// Not for readers; may be left unclosed by mistake.
    Dropped,
    /// Not for readers; the tokenizer itself reads up to the end tag.
    Raw,
}

/// Every element that is more than inline text, sorted by name.
pub(super) const ELEMENTS: [(&str, Role); 62] = [
    ("address", Role::Flow),
    ("article", Role::Container),
    ("aside", Role::Container),
    ("blockquote", Role::Container),
    ("body", Role::Page),
    ("br", Role::Break),
    ("caption", Role::Row),
    ("center", Role::Container),
    ("dd", Role::Flow),
    ("details", Role::Container),
    ("dir", Role::List),
    ("div", Role::Division),
    ("dl", Role::Container),
    ("dt", Role::Term),
    ("fieldset", Role::Container),
    ("figcaption", Role::Flow),
    ("figure", Role::Container),
    ("footer", Role::Container),
    ("form", Role::Container),
    ("h1", Role::Heading(1)),
    ("h2", Role::Heading(2)),
    ("h3", Role::Heading(3)),
    ("h4", Role::Heading(4)),
    ("h5", Role::Heading(5)),
    ("h6", Role::Heading(6)),
    ("head", Role::Container),
    ("header", Role::Container),
    ("hgroup", Role::Container),
    ("hr", Role::Flow),
    ("html", Role::Page),
    ("iframe", Role::Raw),
    ("legend", Role::Flow),
    ("li", Role::Item),
    ("listing", Role::Preformatted),
    ("main", Role::Container),
    ("menu", Role::List),
    ("nav", Role::Dropped),
    ("noembed", Role::Raw),
    ("noframes", Role::Dropped),
    ("noscript", Role::Raw),
    ("ol", Role::List),
    ("optgroup", Role::Flow),
    ("option", Role::Flow),
    ("p", Role::Flow),
    ("pre", Role::Preformatted),
    ("script", Role::Raw),
    ("search", Role::Container),
    ("section", Role::Container),
    ("select", Role::Flow),
    ("style", Role::Raw),
    ("summary", Role::Flow),
    ("svg", Role::Dropped),
    ("table", Role::Table),
    ("tbody", Role::Row),
    ("td", Role::Cell),
    ("template", Role::Dropped),
    ("tfoot", Role::Row),
    ("th", Role::Cell),
    ("thead", Role::Row),
    ("title", Role::Title),
    ("tr", Role::Row),
    ("ul", Role::List),
];

/// Finds an element by its name in lower case, as an index into [`ELEMENTS`].
pub(super) fn element(name: &[u8]) -> Option<usize> {
    ELEMENTS.binary_search_by(|(known, _)| known.as_bytes().cmp(name)).ok()
}

/// What the class of a `div` says about it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Navigation,
    Admonition,
}

/// Reads the value of a `class` attribute.
pub(super) fn class(value: &[u8]) -> Option<Class> {
    value.split(u8::is_ascii_whitespace).find_map(|word| match word {
        b"navheader" | b"navfooter" | b"toc" => Some(Class::Navigation),
        b"note" | b"tip" | b"warning" | b"caution" | b"important" => Some(Class::Admonition),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::{ELEMENTS, element};

    #[test]
    fn every_element_is_found_by_its_name() {
        for (index, (name, _)) in ELEMENTS.iter().enumerate() {
            assert_eq!(element(name.as_bytes()), Some(index), "{name} is out of order");
        }
        assert_eq!(element(b"span"), None);
    }
}
