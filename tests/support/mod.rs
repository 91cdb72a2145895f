//! What the house rules are checked against: the workspace as `cargo metadata` tells it.
#![allow(
    dead_code,
    reason = "each test binary uses its own part of this module"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// One package of the resolved graph.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: Option<String>,
    pub(crate) manifest: PathBuf,
    /// A member of this workspace.
    pub(crate) own: bool,
    /// What the manifest asks for, optional or not, as normal or build dependency.
    pub(crate) normal: BTreeSet<String>,
    /// What only its tests, examples and benches ask for.
    pub(crate) dev: BTreeSet<String>,
    /// What was resolved for it, tests apart, by package id.
    pub(crate) resolved: BTreeSet<String>,
}

/// The resolved graph with all features on, for every platform.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    /// By package id.
    pub(crate) packages: BTreeMap<String, Package>,
}

impl Graph {
    /// Asks cargo about this workspace.
    pub(crate) fn of_this_workspace() -> Self {
        let output = Command::new(env!("CARGO"))
            .args([
                "metadata",
                "--format-version",
                "1",
                "--all-features",
                "--locked",
            ])
            .current_dir(root())
            .output()
            .expect("cargo starts: it runs this test");
        assert!(
            output.status.success(),
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self::parse(&serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON"))
    }

    /// Reads what `cargo metadata --format-version 1` printed.
    pub(crate) fn parse(metadata: &Value) -> Self {
        let members: BTreeSet<&str> = list(&metadata["workspace_members"])
            .filter_map(Value::as_str)
            .collect();
        let mut packages = BTreeMap::new();
        for package in list(&metadata["packages"]) {
            let id = text(&package["id"]);
            let mut normal = BTreeSet::new();
            let mut dev = BTreeSet::new();
            for dependency in list(&package["dependencies"]) {
                let kind = dependency["kind"].as_str().unwrap_or("normal");
                let set = if kind == "dev" { &mut dev } else { &mut normal };
                set.insert(text(&dependency["name"]));
            }
            packages.insert(
                id.clone(),
                Package {
                    name: text(&package["name"]),
                    version: text(&package["version"]),
                    licence: package["license"].as_str().map(str::to_owned),
                    manifest: PathBuf::from(text(&package["manifest_path"])),
                    own: members.contains(id.as_str()),
                    normal,
                    dev,
                    resolved: BTreeSet::new(),
                },
            );
        }
        for node in list(&metadata["resolve"]["nodes"]) {
            let wanted = list(&node["deps"]).filter(|dep| {
                list(&dep["dep_kinds"]).any(|kind| kind["kind"].as_str() != Some("dev"))
            });
            let resolved = wanted.map(|dep| text(&dep["pkg"])).collect();
            if let Some(package) = packages.get_mut(&text(&node["id"])) {
                package.resolved = resolved;
            }
        }
        Self { packages }
    }

    /// The members of the workspace.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.own)
    }

    /// Everything that the package of this name pulls in, tests apart.
    pub(crate) fn closure(&self, name: &str) -> BTreeSet<String> {
        let start = self
            .packages
            .iter()
            .filter(|(_, package)| package.name == name);
        let mut todo: Vec<&str> = start.map(|(id, _)| id.as_str()).collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = todo.pop() {
            if seen.insert(id) {
                todo.extend(self.packages[id].resolved.iter().map(String::as_str));
            }
        }
        seen.into_iter()
            .map(|id| self.packages[id].name.clone())
            .collect()
    }
}

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with this ending, in order.
#[allow(
    dead_code,
    reason = "each test binary uses its own part of this module"
)]
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_path_buf()];
    while let Some(folder) = todo.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry
                .expect("a folder of the repository can be listed")
                .path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    todo.push(path);
                }
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
