//! PostGraphile, which answers GraphQL from the same tables: installed with npm, run with a process for each core.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use sqlx::Row;
use tokio::process::Command;

use super::super::processes::Family;
use super::super::seeded::{Seeded, Tell};
use super::server::{Running, ready};
use crate::operations::Failure;
use crate::operations::roles::Role;

const PROGRAM: &str = include_str!("peer.mjs");
/// What is installed: PostGraphile needs a newer Node than distributions have, so npm brings that too.
const PACKAGES: &str =
    r#"{ "private": true, "type": "module", "dependencies": { "node": "22", "postgraphile": "5" } }"#;

/// A running PostGraphile.
pub(in super::super) struct Peer {
    address: SocketAddr,
    family: Family,
    version: String,
    running: Running,
}

impl Peer {
    /// Installs it below the data folder where it is not there yet, and starts it; a sentence where that cannot be.
    pub(in super::super) async fn start(
        data: &Path,
        seeded: &Seeded,
        connections: u32,
        tell: Tell<'_>,
    ) -> Result<Result<Self, String>, Failure> {
        let folder = data.join("postgraphile");
        std::fs::create_dir_all(&folder).map_err(Failure::file("make", &folder))?;
        let permissions = permissions(seeded).await?;
        let node = folder.join("node_modules").join("node").join("bin").join("node");
        if let Err(reason) = install(&folder, &node, tell).await {
            return Ok(Err(reason));
        }
        let program = folder.join("peer.mjs");
        std::fs::write(&program, PROGRAM).map_err(Failure::file("write", &program))?;
        let cores = u32::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap_or(1);
        let log = folder.join("peer.log");
        let errors = std::fs::File::create(&log).map_err(Failure::file("write", &log))?;
        let child = Command::new(&node)
            .arg(&program)
            .current_dir(&folder)
            .env("NODE_ENV", "production")
            .env("GRAPHILE_ENV", "production")
            .env("DATABASE", seeded.url(Role::App))
            .env("WORKERS", cores.to_string())
            .env("POOL", connections.div_ceil(cores).to_string())
            .env("PERMISSIONS", permissions)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn();
        let mut running = match child {
            Ok(child) => Running::new(child),
            Err(error) => return Ok(Err(format!("PostGraphile could not be run: {error}"))),
        };
        let (Some(address), Some(process)) = (ready(&mut running).await, running.id()) else {
            return Ok(Err(format!("PostGraphile ended before it was ready; {} says why", log.display())));
        };
        let version = format!("{} on Node {}", version(&folder, "postgraphile"), version(&folder, "node"));
        Ok(Ok(Self { address, family: Family::of(process), version, running }))
    }

    /// Stops it.
    pub(in super::super) async fn stop(self) {
        self.running.stop().await;
    }

    /// Where it answers.
    pub(in super::super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its processes.
    pub(in super::super) fn family(&self) -> Family {
        self.family
    }

    /// Which it is.
    pub(in super::super) fn version(&self) -> &str {
        &self.version
    }
}

/// The permissions of an owner, as the door sets them.
async fn permissions(seeded: &Seeded) -> Result<String, Failure> {
    let mut connection = seeded.superuser().await?;
    // What the door puts into the context of an owner.
    sqlx::query("select string_agg(permission, ',' order by permission) as permissions from public.role_permissions where role = 'OWNER'")
        .fetch_one(&mut connection)
        .await
        .and_then(|row| row.try_get("permissions"))
        .map_err(Failure::database("read the permissions of an owner"))
}

async fn install(folder: &Path, node: &Path, tell: Tell<'_>) -> Result<(), String> {
    let manifest = folder.join("package.json");
    if node.is_file() && std::fs::read_to_string(&manifest).is_ok_and(|text| text == PACKAGES) {
        return Ok(());
    }
    std::fs::write(&manifest, PACKAGES)
        .map_err(|error| format!("could not write {}: {error}", manifest.display()))?;
    tell("installing PostGraphile with npm");
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--omit=dev"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let reason = match installed {
        Ok(done) if done.status.success() && node.is_file() => return Ok(()),
        Ok(done) => {
            let said =
                String::from_utf8_lossy(&done.stderr).trim().lines().last().unwrap_or_default().to_owned();
            format!("npm could not install PostGraphile: {said}")
        }
        Err(error) => format!("there is no npm to install PostGraphile with: {error}"),
    };
    // So that the next run tries again.
    let _ = std::fs::remove_file(manifest);
    Err(reason)
}

fn version(folder: &Path, package: &str) -> String {
    let file: PathBuf = ["node_modules", package, "package.json"].iter().collect();
    let manifest = std::fs::read(folder.join(file)).unwrap_or_default();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap_or_default();
    manifest["version"].as_str().unwrap_or("of an unknown version").to_owned()
}
