//! The recipes of the contract for front ends: its documents run as they stand there.

use serde_json::{Value, json};

use super::{Answer, EMAIL, PASSWORD, ask, sign_up, world};
use footnote::config::AccountSettings;

const CONTRACT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/contracts/frontend.md"));

/// The documents of the section, in their order.
fn documents() -> Vec<&'static str> {
    let section = CONTRACT.split("\n## Signing in\n").nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("its end");
    section.split("```graphql\n").skip(1).map(|part| part.split("```").next().expect("closed")).collect()
}

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").expect("a cookie").split(';').next().expect("a pair").to_owned()
}

#[tokio::test]
async fn the_documents_of_the_contract_run_in_their_order() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let [by_cookie, refresh_by_cookie, in_body, refresh_in_body, sign_out, found] = documents()[..] else {
        panic!("six documents, not {}", documents().len())
    };
    let page = ("origin", "http://localhost:5173");
    let person = json!({ "email": EMAIL, "password": PASSWORD });
    let first = ask(&world, &[page], by_cookie, person.clone()).await;
    assert!(first.data()["signIn"]["accessToken"].is_string());
    let kept = cookie(&first);
    let next = ask(&world, &[page, ("cookie", &kept)], refresh_by_cookie, json!({})).await;
    assert!(next.data()["sessionRefresh"]["accessToken"].is_string());
    let session = ask(&world, &[], in_body, person).await.data()["signIn"].clone();
    let pair = ask(&world, &[], refresh_in_body, json!({ "token": session["refreshToken"] })).await;
    let access: &Value = &pair.data()["sessionRefresh"]["accessToken"];
    let bearer = format!("Bearer {}", access.as_str().expect("a token"));
    let made = ask(&world, &[("authorization", &bearer)], found, json!({ "slug": "anns" })).await;
    assert_eq!(made.data()["workspaceCreate"]["workspace"]["slug"], "anns");
    let out = ask(&world, &[page, ("cookie", &cookie(&next))], sign_out, json!({})).await;
    assert_eq!(out.data()["signOut"]["sessionsEnded"], 2);
}
