//! Mutations of signing in, which work without a token: each proves what it needs by what it is sent.

use serde_json::json;

use super::Operation;
use crate::accounts::{ask, next_mail, sign_in, sign_up};
use crate::support::World;

const PASSWORD: &str = "correct horse battery";

/// The call of a root field, in a world in which nobody sends mails.
pub(super) async fn operation(world: &World, field: &str) -> Option<Operation> {
    let email = format!("{}@example.com", entity::id::EventId::new().0.simple());
    Some(match field {
        "signUp" => {
            let input = json!({ "name": "Ann", "email": email, "password": PASSWORD });
            Operation::open("whoever has no account has no token", json!({ "input": input }))
        }
        "signIn" => {
            sign_up(world, &email, PASSWORD).await.data();
            let input = json!({ "email": email, "password": PASSWORD });
            Operation::open("the password is what is shown", json!({ "input": input }))
        }
        "sessionRefresh" | "signOut" => {
            let input = json!({ "refreshToken": refresh_token(world, &email).await });
            Operation::open("the refresh token is what is shown", json!({ "input": input }))
        }
        "emailVerify" => {
            sign_up(world, &email, PASSWORD).await.data();
            let input = json!({ "token": last_link(world).await });
            Operation::open("the link of the mail is what is shown", json!({ "input": input }))
        }
        "passwordResetRequest" => Operation::open(
            "whoever forgot the password has no token",
            json!({ "input": { "email": email } }),
        ),
        "passwordReset" => {
            sign_up(world, &email, PASSWORD).await.data();
            last_link(world).await;
            let request =
                "mutation($email: String!) { passwordResetRequest(input: { email: $email }) { sent } }";
            ask(world, &[], request, json!({ "email": email })).await.data();
            let input = json!({ "token": last_link(world).await, "newPassword": PASSWORD });
            Operation::open("the link of the mail is what is shown", json!({ "input": input }))
        }
        _ => return None,
    })
}

/// The refresh token of somebody new with this address.
async fn refresh_token(world: &World, email: &str) -> String {
    sign_up(world, email, PASSWORD).await.data();
    sign_in(world, email, PASSWORD).await.session("signIn").1
}

/// The token of the link in the newest mail.
async fn last_link(world: &World) -> String {
    let mut last = None;
    while let Some((_, token)) = next_mail(world).await {
        last = token;
    }
    last.expect("a mail with a link")
}
