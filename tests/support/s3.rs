//! A real S3 server in the test process: it checks signatures and keeps its objects in a folder.

use std::path::PathBuf;
use std::str::FromStr;

use axum::extract::Request;
use footnote::config::{ObjectService, SecretSetting, Services};
use footnote::supervisor::{self, AbortOnDrop};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

use super::cluster;

/// Short, because the store makes one file name of bucket, key and the id of an upload in parts.
const BUCKET: &str = "foo";
const ACCESS_KEY: &str = "test-key";
const SECRET_KEY: &str = "test-secret-of-the-store";

/// The server; it ends when it is dropped.
pub struct S3Server {
    /// `127.0.0.1:port`.
    pub address: String,
    folder: PathBuf,
    _task: AbortOnDrop<()>,
}

impl S3Server {
    /// With an empty bucket.
    pub async fn start() -> Self {
        Self::with(BUCKET, ACCESS_KEY, SECRET_KEY).await
    }

    /// With an empty bucket of this name, for whoever has this key.
    pub async fn with(bucket: &str, access_key: &str, secret_key: &str) -> Self {
        let folder = cluster::scratch();
        std::fs::create_dir_all(folder.join(bucket)).expect("a bucket");
        let mut builder = S3ServiceBuilder::new(FileSystem::new(&folder).expect("a store"));
        builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let router = axum::Router::new().fallback(move |request: Request| {
            let service = service.clone();
            async move {
                let answer = service.call(request.map(s3s::Body::http_body_unsync)).await;
                answer.map(|response| response.map(axum::body::Body::new)).expect("the store answers")
            }
        });
        let task = supervisor::spawn("S3 server", async move {
            axum::serve(listener, router).await.expect("served");
        });
        Self { address, folder, _task: task.abort_on_drop() }
    }

    /// The settings of whoever reaches it at an address, with the right key.
    pub fn settings(address: impl std::fmt::Display) -> ObjectService {
        Self::settings_with_secret(address, SECRET_KEY)
    }

    /// The same with another secret key.
    pub fn settings_with_secret(address: impl std::fmt::Display, secret: &str) -> ObjectService {
        ObjectService {
            objects_url: Some(format!("s3://{BUCKET}")),
            objects_endpoint: Some(format!("http://{address}")),
            objects_access_key_id: Some(ACCESS_KEY.to_owned()),
            objects_secret_access_key: SecretSetting::from_str(secret).ok(),
            ..ObjectService::default()
        }
    }

    /// Services whose objects are in it, reached at an address.
    pub fn services(address: impl std::fmt::Display) -> Services {
        Services { objects: Self::settings(address), ..Services::default() }
    }

    /// The paths of all objects of the bucket.
    pub fn objects(&self) -> Vec<String> {
        files(&self.folder.join(BUCKET))
    }

    /// Parts of objects that were not finished.
    pub fn parts(&self) -> Vec<String> {
        let all = files(&self.folder).into_iter();
        all.filter(|path| path.contains(".upload_id-") && path.contains(".part-")).collect()
    }
}

/// The paths of all files below a folder.
pub fn files(folder: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}
