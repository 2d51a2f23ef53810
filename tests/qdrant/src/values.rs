//! Ids and payloads, from the wire and back.

use std::collections::HashMap;

use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::with_payload_selector::SelectorOptions;
use qdrant_client::qdrant::{ListValue, PointId, Struct, Value, WithPayloadSelector};
use qdrant_edge::external::serde_json::{Map, Number, Value as Json};
use qdrant_edge::{Payload, PointId as EdgeId, WithPayloadInterface};
use tonic::Status;

use crate::refusal::{malformed, not_translated};

type Translated<T> = Result<T, Status>;

/// A point's id.
pub(crate) fn id(id: Option<PointId>) -> Translated<EdgeId> {
    match id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Num(number)) => Ok(EdgeId::NumId(number)),
        Some(PointIdOptions::Uuid(text)) => {
            text.parse().map(EdgeId::Uuid).map_err(|_| malformed("an id is no UUID"))
        }
        None => Err(malformed("a point without id")),
    }
}

/// An id on its way back.
pub(crate) fn id_back(id: EdgeId) -> PointId {
    let id = match id {
        EdgeId::NumId(number) => PointIdOptions::Num(number),
        EdgeId::Uuid(id) => PointIdOptions::Uuid(id.to_string()),
    };
    PointId { point_id_options: Some(id) }
}

/// A payload.
pub(crate) fn payload(fields: HashMap<String, Value>) -> Translated<Map<String, Json>> {
    fields.into_iter().map(|(key, value)| Ok((key, json(value)?))).collect()
}

fn json(value: Value) -> Translated<Json> {
    Ok(match value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(value)) => Json::Bool(value),
        Some(Kind::IntegerValue(value)) => Json::Number(value.into()),
        Some(Kind::DoubleValue(value)) => Json::Number(
            Number::from_f64(value).ok_or_else(|| malformed("a number in a payload is not finite"))?,
        ),
        Some(Kind::StringValue(value)) => Json::String(value),
        Some(Kind::ListValue(ListValue { values })) => {
            Json::Array(values.into_iter().map(json).collect::<Translated<_>>()?)
        }
        Some(Kind::StructValue(Struct { fields })) => Json::Object(payload(fields)?),
    })
}

/// A payload on its way back.
pub(crate) fn payload_back(payload: Option<Payload>) -> HashMap<String, Value> {
    let fields = payload.into_iter().flat_map(|payload| payload.0);
    fields.map(|(key, value)| (key, value_back(value))).collect()
}

fn value_back(json: Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(value),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Kind::IntegerValue(integer),
            None => Kind::DoubleValue(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Kind::StringValue(text),
        Json::Array(values) => {
            Kind::ListValue(ListValue { values: values.into_iter().map(value_back).collect() })
        }
        Json::Object(fields) => Kind::StructValue(Struct {
            fields: fields.into_iter().map(|(key, value)| (key, value_back(value))).collect(),
        }),
    };
    Value { kind: Some(kind) }
}

/// How much of the payload an answer shows; `unset` is what it shows when nothing is said.
pub(crate) fn with_payload(
    selector: Option<WithPayloadSelector>,
    unset: bool,
) -> Translated<WithPayloadInterface> {
    match selector.and_then(|selector| selector.selector_options) {
        None => Ok(WithPayloadInterface::Bool(unset)),
        Some(SelectorOptions::Enable(enable)) => Ok(WithPayloadInterface::Bool(enable)),
        Some(SelectorOptions::Include(_) | SelectorOptions::Exclude(_)) => {
            Err(not_translated("a selection of a payload's keys"))
        }
    }
}
