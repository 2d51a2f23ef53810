//! Filters, from the wire to the engine: every condition is translated or refused.

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::{
    Condition, FieldCondition, Filter, HasIdCondition, Match, RepeatedIntegers, RepeatedStrings,
};
use qdrant_edge::{
    Condition as EdgeCondition, FieldCondition as EdgeFieldCondition, Filter as EdgeFilter, JsonPath,
    Match as EdgeMatch, ValueVariants,
};
use tonic::Status;

use crate::refusal::{malformed, not_translated, refuse};
use crate::values::id;

type Translated<T> = Result<T, Status>;

/// How deep filters may stand in filters.
const DEEPEST: usize = 16;

/// A filter; none stays none.
pub(crate) fn filter(filter: Option<Filter>) -> Translated<Option<EdgeFilter>> {
    filter.map(|filter| translate(filter, 0)).transpose()
}

fn translate(filter: Filter, depth: usize) -> Translated<EdgeFilter> {
    if depth > DEEPEST {
        return Err(malformed("a filter is too deep"));
    }
    let Filter { should, must, must_not, min_should } = filter;
    refuse("min_should", min_should.is_some())?;
    let list = |conditions: Vec<Condition>| -> Translated<Option<Vec<EdgeCondition>>> {
        let conditions: Vec<_> =
            conditions.into_iter().map(|each| condition(each, depth)).collect::<Translated<_>>()?;
        Ok((!conditions.is_empty()).then_some(conditions))
    };
    Ok(EdgeFilter { should: list(should)?, must: list(must)?, must_not: list(must_not)?, min_should: None })
}

fn condition(condition: Condition, depth: usize) -> Translated<EdgeCondition> {
    match condition.condition_one_of {
        Some(ConditionOneOf::Field(condition)) => field(condition).map(EdgeCondition::Field),
        Some(ConditionOneOf::HasId(HasIdCondition { has_id })) => {
            let ids = has_id.into_iter().map(|each| id(Some(each))).collect::<Translated<Vec<_>>>()?;
            Ok(EdgeCondition::HasId(ids.into_iter().collect()))
        }
        Some(ConditionOneOf::Filter(inner)) => translate(inner, depth + 1).map(EdgeCondition::Filter),
        Some(
            ConditionOneOf::IsEmpty(_)
            | ConditionOneOf::IsNull(_)
            | ConditionOneOf::Nested(_)
            | ConditionOneOf::HasVector(_)
            | ConditionOneOf::Slice(_),
        ) => Err(not_translated("a condition of this kind")),
        None => Err(malformed("a condition without content")),
    }
}

fn field(condition: FieldCondition) -> Translated<EdgeFieldCondition> {
    let FieldCondition {
        key,
        r#match,
        range,
        geo_bounding_box,
        geo_radius,
        values_count,
        geo_polygon,
        datetime_range,
        is_empty,
        is_null,
    } = condition;
    refuse("a range", range.is_some() || datetime_range.is_some())?;
    refuse("a place", geo_bounding_box.is_some() || geo_radius.is_some() || geo_polygon.is_some())?;
    refuse("a count of values", values_count.is_some())?;
    refuse("a test for nothing", is_empty.is_some() || is_null.is_some())?;
    let Some(Match { match_value: Some(value) }) = r#match else {
        return Err(malformed("a condition on a key without match"));
    };
    let matching = match value {
        MatchValue::Keyword(text) => EdgeMatch::from(text),
        MatchValue::Integer(number) => EdgeMatch::new_value(ValueVariants::Integer(number)),
        MatchValue::Boolean(flag) => EdgeMatch::new_value(ValueVariants::Bool(flag)),
        MatchValue::Keywords(RepeatedStrings { strings }) => EdgeMatch::from(strings),
        MatchValue::Integers(RepeatedIntegers { integers }) => EdgeMatch::from(integers),
        MatchValue::ExceptKeywords(_)
        | MatchValue::ExceptIntegers(_)
        | MatchValue::Text(_)
        | MatchValue::TextAny(_)
        | MatchValue::Phrase(_)
        | MatchValue::Prefix(_)
        | MatchValue::Substring(_) => return Err(not_translated("a match of this kind")),
    };
    Ok(EdgeFieldCondition::new_match(path(&key)?, matching))
}

/// A key at the top of the payload.
pub(crate) fn path(key: &str) -> Translated<JsonPath> {
    let plain =
        !key.is_empty() && key.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    if plain {
        Ok(JsonPath { first_key: key.to_owned(), rest: Vec::new() })
    } else {
        Err(not_translated("a path into a payload"))
    }
}

#[cfg(test)]
mod tests {
    use qdrant_client::qdrant::{Condition, Filter, IsNullCondition, MinShould, Range};
    use tonic::Code;

    use super::filter;

    #[test]
    fn what_is_not_translated_is_refused() {
        let null = IsNullCondition { key: "a".to_owned() };
        let refused = [
            Filter { min_should: Some(MinShould::default()), ..Filter::default() },
            Filter::must([Condition::range("a", Range::default())]),
            Filter::must_not([Condition::from(null)]),
            Filter::should([Condition::matches_text("a", "b")]),
            Filter::must([Condition::matches("a.b[]", "c".to_owned())]),
            Filter::must([Condition::default()]),
        ];
        for each in refused {
            let status = filter(Some(each.clone())).expect_err("not translated");
            assert!(matches!(status.code(), Code::Unimplemented | Code::InvalidArgument), "{each:?}");
        }
        let mut deep = Filter::default();
        for _ in 0..100 {
            deep = Filter::must([Condition::from(deep)]);
        }
        assert_eq!(filter(Some(deep)).expect_err("too deep").code(), Code::InvalidArgument);
        filter(Some(Filter::must([Condition::matches("a", "b".to_owned())]))).expect("translated");
    }
}
