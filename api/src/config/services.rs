//! The parts that run elsewhere in production, each chosen by one setting. Nothing set is the embedded default.

use clap::Args;

use super::{AccountSettings, MemberSettings, SecretSetting, SigningKey, WorkspaceSettings};

const REGION: &str = "us-east-1";
const SENDER: &str = "Footnote <no-reply@localhost>";

/// What answers for vectors, embeddings, answers, objects and mail, and how people sign in.
#[derive(Args, Clone, Debug, Default)]
pub struct Services {
    /// Vectors.
    #[command(flatten)]
    pub vectors: VectorService,
    /// Embeddings.
    #[command(flatten)]
    pub embeddings: EmbeddingService,
    /// Answers.
    #[command(flatten)]
    pub model: ModelService,
    /// Objects.
    #[command(flatten)]
    pub objects: ObjectService,
    /// Mail.
    #[command(flatten)]
    pub mail: MailService,
    /// Issuers.
    #[command(flatten)]
    pub identity: IdentityService,
    /// The key that every gateway signs with.
    #[command(flatten)]
    pub signing: SigningKey,
    /// Accounts.
    #[command(flatten)]
    pub accounts: AccountSettings,
    /// Members.
    #[command(flatten)]
    pub members: MemberSettings,
    /// The end of workspaces.
    #[command(flatten)]
    pub workspaces: WorkspaceSettings,
}

/// A Qdrant server.
#[derive(Args, Clone, Debug, Default)]
pub struct VectorService {
    /// A Qdrant server's gRPC address, as `http://qdrant:6334`; unset, Qdrant's engine runs in this process.
    #[arg(long, env = "QDRANT_URL", value_name = "URL")]
    pub qdrant_url: Option<String>,
    /// The Qdrant server's API key.
    #[arg(long, env = "QDRANT_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub qdrant_api_key: Option<SecretSetting>,
}

/// An OpenAI-compatible provider of embeddings.
#[derive(Args, Clone, Debug, Default)]
pub struct EmbeddingService {
    /// An OpenAI-compatible API for embeddings, as `https://api.example/v1`; unset, the static model in the binary embeds.
    #[arg(long, env = "EMBEDDINGS_URL", value_name = "URL")]
    pub embeddings_url: Option<String>,
    /// Its key.
    #[arg(long, env = "EMBEDDINGS_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub embeddings_api_key: Option<SecretSetting>,
    /// The name of the model, as the provider has it.
    #[arg(long, env = "EMBEDDINGS_MODEL", value_name = "NAME")]
    pub embeddings_model: Option<String>,
    /// The length of its vectors.
    #[arg(long, env = "EMBEDDINGS_DIMENSIONS", value_name = "COUNT")]
    pub embeddings_dimensions: Option<usize>,
    /// Ask the provider for vectors of that length, which some models can shorten; otherwise it is the model's own length.
    #[arg(long, env = "EMBEDDINGS_ASK_DIMENSIONS")]
    pub embeddings_ask_dimensions: bool,
    /// The longest request with its tries again, in seconds; 20 unless said.
    #[arg(long, env = "EMBEDDINGS_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub embeddings_seconds: Option<u64>,
    /// The most requests a minute of this process; as many as it can unless said.
    #[arg(long, env = "EMBEDDINGS_REQUESTS_PER_MINUTE", value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub embeddings_requests_per_minute: Option<u32>,
}

/// An OpenAI-compatible chat model.
#[derive(Args, Clone, Debug, Default)]
pub struct ModelService {
    /// An OpenAI-compatible API for chat, as `https://api.example/v1`; unset, the extractive answerer answers.
    #[arg(long, env = "LLM_URL", value_name = "URL")]
    pub llm_url: Option<String>,
    /// Its key.
    #[arg(long, env = "LLM_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub llm_api_key: Option<SecretSetting>,
    /// The name of the model, as the provider has it.
    #[arg(long, env = "LLM_MODEL", value_name = "NAME")]
    pub llm_model: Option<String>,
    /// The longest answer of the model, in seconds; 120 unless said. A run's own deadline holds besides.
    #[arg(long, env = "LLM_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub llm_seconds: Option<u64>,
    /// The longest silence before or within an answer, in seconds; 30 unless said.
    #[arg(long, env = "LLM_SILENCE_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub llm_silence_seconds: Option<u64>,
    /// The most requests a minute of this process; as many as it can unless said.
    #[arg(long, env = "LLM_REQUESTS_PER_MINUTE", value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub llm_requests_per_minute: Option<u32>,
}

/// An object store.
#[derive(Args, Clone, Debug)]
pub struct ObjectService {
    /// A bucket of an S3-compatible store, as `s3://bucket/prefix`; unset, objects lie in the data folder.
    #[arg(long, env = "OBJECTS_URL", value_name = "URL")]
    pub objects_url: Option<String>,
    /// The address of a store that is not Amazon's, as `http://s3:9000`.
    #[arg(long, env = "OBJECTS_ENDPOINT", value_name = "URL")]
    pub objects_endpoint: Option<String>,
    /// The store's region.
    #[arg(long, env = "OBJECTS_REGION", default_value = REGION, value_name = "NAME")]
    pub objects_region: String,
    /// The id of the store's access key.
    #[arg(long, env = "OBJECTS_ACCESS_KEY_ID", value_name = "ID")]
    pub objects_access_key_id: Option<String>,
    /// The store's secret key.
    #[arg(long, env = "OBJECTS_SECRET_ACCESS_KEY", hide_env_values = true, value_name = "KEY")]
    pub objects_secret_access_key: Option<SecretSetting>,
}

/// Where mail goes.
#[derive(Args, Clone, Debug)]
pub struct MailService {
    /// A mail server, as `smtps://user:password@mail.example:465`; unset, each mail becomes a file in the data folder.
    #[arg(long, env = "SMTP_URL", hide_env_values = true, value_name = "URL")]
    pub smtp_url: Option<SecretSetting>,
    /// The sender, as `Footnote <no-reply@example.com>`.
    #[arg(long, env = "FOOTNOTE_MAIL_FROM", default_value = SENDER, value_name = "MAILBOX")]
    pub mail_from: String,
    /// The address that browsers know this server by, as `https://api.example`; links in mails lead there. Needed with SMTP_URL; unset,
    /// they lead to the address that it listens on.
    #[arg(long, env = "FOOTNOTE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// The page of an app that confirms an address, with `{token}` in it; unset, the server's own.
    #[arg(long, env = "FOOTNOTE_VERIFY_URL", value_name = "URL")]
    pub verify_url: Option<String>,
    /// The page of an app that takes a new password, with `{token}` in it; unset, the server's own.
    #[arg(long, env = "FOOTNOTE_RESET_URL", value_name = "URL")]
    pub reset_url: Option<String>,
    /// The page of an app that accepts an invitation, with `{token}` in it; unset, the server's own.
    #[arg(long, env = "FOOTNOTE_INVITE_URL", value_name = "URL")]
    pub invite_url: Option<String>,
}

/// Who else may say who somebody is.
#[derive(Args, Clone, Debug, Default)]
pub struct IdentityService {
    /// External issuers whose tokens sign people in: the path of a TOML file with a table `[[issuers]]` for each, or a JSON
    /// list as `[{"issuer": "https://login.example", "audience": "footnote"}]`; unset, nobody else's tokens count.
    #[arg(long, env = "FOOTNOTE_ISSUERS", value_name = "FILE|JSON")]
    pub issuers: Option<String>,
}

impl Default for ObjectService {
    fn default() -> Self {
        Self {
            objects_url: None,
            objects_endpoint: None,
            objects_region: REGION.to_owned(),
            objects_access_key_id: None,
            objects_secret_access_key: None,
        }
    }
}

impl MailService {
    /// Lets the links of mails that become files lead to the address that this server listens on. With a mail server somebody
    /// else reads them, for whom that address may be none, so it has to be said.
    pub fn lead_to(&mut self, address: &str) {
        if self.smtp_url.is_none() {
            self.public_url.get_or_insert_with(|| address.to_owned());
        }
    }
}

impl Default for MailService {
    fn default() -> Self {
        Self {
            smtp_url: None,
            mail_from: SENDER.to_owned(),
            public_url: None,
            verify_url: None,
            reset_url: None,
            invite_url: None,
        }
    }
}
