//! Settings: which value holds, where it comes from, and what is said of wrong ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::support::command::{Done, footnote};

fn setting(done: &Done, name: &str) -> Value {
    let listing = done.json();
    let settings = listing["settings"].as_array().expect("settings");
    let found = settings.iter().find(|setting| setting["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not listed: {listing:#}")).clone()
}

fn value_and_kind(done: &Done, name: &str) -> (Value, Value) {
    let setting = setting(done, name);
    (setting["value"].clone(), setting["origin"]["kind"].clone())
}

#[test]
fn a_setting_comes_from_its_flag_then_the_environment_then_the_file_then_its_default() {
    let folder = tempdir().expect("a folder");
    fs::write(
        folder.path().join("footnote.toml"),
        "listen = \"127.0.0.1:1\"\nrequest-seconds = 11\nrun-seconds = 12\nno-graphiql = true\nallowed-origins = [\"https://a.example\", \"https://b.example\"]",
    )
    .expect("written");
    let variables =
        [("FOOTNOTE_LISTEN", "127.0.0.1:2"), ("FOOTNOTE_REQUEST_SECONDS", "21"), ("FOOTNOTE_LOG", "")];
    let done = footnote(folder.path(), &variables, &["config", "--json", "--listen", "127.0.0.1:3"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(value_and_kind(&done, "listen"), (json!("127.0.0.1:3"), json!("flag")));
    assert_eq!(value_and_kind(&done, "request-seconds"), (json!("21"), json!("environment")));
    assert_eq!(value_and_kind(&done, "run-seconds"), (json!("12"), json!("file")));
    assert_eq!(setting(&done, "run-seconds")["origin"]["name"], "footnote.toml:run-seconds");
    assert_eq!(value_and_kind(&done, "no-graphiql"), (json!("true"), json!("file")));
    assert_eq!(
        value_and_kind(&done, "allowed-origins"),
        (json!("https://a.example,https://b.example"), json!("file"))
    );
    assert_eq!(value_and_kind(&done, "app-connections"), (json!("16"), json!("default")));
    assert_eq!(value_and_kind(&done, "log"), (Value::Null, json!("default")), "an empty variable is not set");
    assert_eq!(done.json()["faults"], json!([]));
}

#[test]
fn a_file_is_found_by_its_flag_before_its_variable_and_that_before_the_working_folder() {
    let folder = tempdir().expect("a folder");
    for (name, seconds) in [("footnote.toml", 1), ("b.toml", 2), ("c.toml", 3)] {
        fs::write(folder.path().join(name), format!("run-seconds = {seconds}")).expect("written");
    }
    let seconds = |variables: &[(&str, &str)], arguments: &[&str]| {
        setting(&footnote(folder.path(), variables, arguments), "run-seconds")["value"].clone()
    };
    assert_eq!(seconds(&[], &["config", "--json"]), "1");
    assert_eq!(seconds(&[("FOOTNOTE_CONFIG", "b.toml")], &["config", "--json"]), "2");
    assert_eq!(seconds(&[("FOOTNOTE_CONFIG", "b.toml")], &["config", "--json", "--config", "c.toml"]), "3");
    assert_eq!(seconds(&[], &["--config=c.toml", "config", "--json"]), "3");
}

#[test]
fn every_wrong_setting_stops_the_start_with_a_line_of_its_own_and_nothing_has_begun() {
    let folder = tempdir().expect("a folder");
    fs::write(
        folder.path().join("footnote.toml"),
        "lisen = \"127.0.0.1:0\"\nrun-seconds = \"soon\"\nworker-concurrency = 0",
    )
    .expect("written");
    let variables = [
        ("FOOTNOTE_LISTEN", "nowhere"),
        ("FOOTNOTE_NO_GRAPHIQL", "maybe"),
        ("EMBEDDINGS_URL", "https://api.example/v1"),
        ("QDRANT_URL", "qdrant"),
        ("FOOTNOTE_APP_DATABASE_URL", "postgresql://footnote_app:secret@db/footnote"),
        ("FOOTNOTE_SIGNING_KEY_FILE", "nowhere.pem"),
    ];
    let done = footnote(folder.path(), &variables, &["serve", "--max-body-bytes", "many"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    let expected = [
        "--max-body-bytes has a value that means nothing: invalid digit found in string",
        "FOOTNOTE_LISTEN `nowhere` is no ADDR (invalid socket address syntax)",
        "FOOTNOTE_NO_GRAPHIQL takes true or false",
        "footnote.toml:run-seconds `soon` is no SECONDS (invalid digit found in string)",
        "footnote.toml:lisen is no setting; did you mean listen?",
        "footnote.toml:worker-concurrency takes 1 to 1000",
        "EMBEDDINGS_URL is set, but not EMBEDDINGS_MODEL: set both, or neither",
        "EMBEDDINGS_URL is set, but not EMBEDDINGS_DIMENSIONS: set both, or neither",
        "QDRANT_URL is not an address; write it as http://qdrant:6334",
        "FOOTNOTE_WORKER_DATABASE_URL is missing beside the other database addresses",
        "FOOTNOTE_SIGNING_KEY_FILE names nowhere.pem, which cannot be read",
    ];
    for line in expected {
        let found =
            done.stderr.lines().filter(|found| found.starts_with(&format!("footnote: {line}"))).count();
        assert_eq!(found, 1, "{line}\n{}", done.stderr);
    }
    assert_eq!(done.stderr.lines().count(), expected.len(), "{}", done.stderr);
    assert!(!done.stderr.contains("secret"), "{}", done.stderr);
    assert!(!folder.path().join(".footnote").exists(), "nothing was made");
}

#[test]
fn a_check_lists_the_same_faults_and_exits_with_1_and_a_sound_one_with_0() {
    let folder = tempdir().expect("a folder");
    let done = footnote(folder.path(), &[("LLM_URL", "https://api.example/v1")], &["config", "--check"]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (1, "fault: LLM_URL is set, but not LLM_MODEL: set both, or neither\n")
    );
    let done = footnote(folder.path(), &[("LLM_URL", "")], &["config", "--check", "--json"]);
    assert_eq!((done.code, done.json()), (0, json!({ "faults": [], "warnings": [] })));
    let done = footnote(folder.path(), &[("FOOTNOTE_LISTEN", "x")], &["config", "--check"]);
    assert_eq!(done.code, 1);
    let done = footnote(folder.path(), &[], &["config", "--check", "--config", "nowhere.toml"]);
    assert_eq!(done.code, 1);
    assert!(done.stdout.starts_with("fault: --config nowhere.toml cannot be read"), "{}", done.stdout);
}

#[test]
fn settings_of_other_commands_stop_nobody() {
    let folder = tempdir().expect("a folder");
    let done = footnote(folder.path(), &[("FOOTNOTE_LISTEN", "x"), ("QDRANT_URL", "x")], &["schema"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("type Query"));
}

#[test]
fn no_listing_and_no_fault_shows_a_secret() {
    let folder = tempdir().expect("a folder");
    let variables = [
        (
            "FOOTNOTE_APP_DATABASE_URL",
            "postgresql://footnote_app:xyzzy@db/footnote?sslmode=require&password=xyzzy",
        ),
        ("FOOTNOTE_WORKER_DATABASE_URL", "xyzzy"),
        ("QDRANT_API_KEY", "xyzzy"),
        ("LLM_URL", "https://xyzzy@api.example/v1?key=xyzzy"),
        ("LLM_API_KEY", "xyzzy"),
        ("SMTP_URL", "smtps://user:xyzzy@mail.example:465"),
        ("OBJECTS_SECRET_ACCESS_KEY", "xyzzy"),
        ("FOOTNOTE_SIGNING_KEY", "xyzzy"),
    ];
    for arguments in [&["config"][..], &["config", "--json"], &["config", "--check"], &["serve"], &["doctor"]]
    {
        let done = footnote(folder.path(), &variables, arguments);
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(!said.contains("xyzzy"), "{said}");
    }
    let done = footnote(folder.path(), &variables, &["config", "--json"]);
    assert_eq!(
        setting(&done, "app-database-url")["value"],
        "postgresql://footnote_app:***@db/footnote?sslmode=require&password=***"
    );
    assert_eq!(setting(&done, "smtp-url")["value"], "smtps://user:***@mail.example:465");
    assert_eq!(setting(&done, "worker-database-url")["value"], "***");
    assert_eq!(setting(&done, "signing-key")["value"], "***");
}

#[test]
fn a_secret_where_others_can_read_it_is_warned_of() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("footnote.toml");
    fs::write(&file, "qdrant-url = \"https://qdrant\"\nqdrant-api-key = \"k\"").expect("written");
    let warnings = |mode: u32, arguments: &[&str]| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("changed");
        footnote(folder.path(), &[], arguments).json()["warnings"].to_string()
    };
    assert!(warnings(0o644, &["config", "--check", "--json"]).contains("chmod 600"));
    assert_eq!(warnings(0o600, &["config", "--check", "--json"]), "[]");
    let flagged = warnings(0o600, &["config", "--check", "--json", "--qdrant-api-key", "k"]);
    assert!(flagged.contains("command line"), "{flagged}");
}

#[test]
fn a_file_of_any_content_is_answered_with_faults() {
    let folder = tempdir().expect("a folder");
    let deep = format!("a = {}", "[".repeat(50_000));
    let long = format!("a = \"{}\"", "x".repeat(2_000_000));
    let keys = (0..5_000).map(|number| format!("k{number} = 1\n")).collect::<Vec<_>>().concat();
    for content in [
        b"\xff\xfe".as_slice(),
        b"listen",
        b"[listen]",
        b"listen = []",
        b"listen = [[1]]",
        b"\0",
        deep.as_bytes(),
        long.as_bytes(),
        keys.as_bytes(),
    ] {
        fs::write(folder.path().join("footnote.toml"), content).expect("written");
        let done = footnote(folder.path(), &[], &["serve"]);
        assert_eq!(done.code, 2, "{}", done.stderr.chars().take(300).collect::<String>());
        assert!(!done.stderr.contains("panicked"));
    }
    fs::remove_file(folder.path().join("footnote.toml")).expect("removed");
    fs::create_dir(folder.path().join("footnote.toml")).expect("made");
    assert_eq!(footnote(folder.path(), &[], &["serve"]).code, 2);
}

#[test]
fn a_new_key_is_a_setting_that_holds() {
    let folder = tempdir().expect("a folder");
    let line = footnote(folder.path(), &[], &["key", "new"]).stdout;
    let key = line.trim().strip_prefix("FOOTNOTE_SIGNING_KEY=").expect("a setting");
    assert_eq!(footnote(folder.path(), &[("FOOTNOTE_SIGNING_KEY", key)], &["config", "--check"]).code, 0);
    let other = footnote(folder.path(), &[], &["key", "new", "--pem"]).stdout;
    fs::write(folder.path().join("key.pem"), &other).expect("written");
    assert_eq!(
        footnote(folder.path(), &[("FOOTNOTE_SIGNING_KEY_FILE", "key.pem")], &["config", "--check"]).code,
        0
    );
    assert!(!other.contains(key), "each key is another one");
}
