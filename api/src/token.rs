//! Bearer tokens: their form, their hash, and `walcast token create`.
//!
//! A token is `wct_<prefix>_<secret>`: 16 hexadecimal digits that find its row, and 256 random bits.
//! The database keeps only SHA-256 of the whole. A slow hash such as Argon2 protects secrets that
//! people choose; nobody can search 2^256 secrets, and a slow hash would cost every request.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use walcast_wire::usage::UsageError;

use crate::migrate::DatabaseArgs;
use crate::postgres;

/// What a token may do; each scope includes the ones below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Scope {
    /// Read anything.
    Read,
    /// Also write users, assignments and events.
    Write,
    /// Also manage experiments and variants.
    Admin,
}

/// `walcast token`: Bearer tokens of the API.
#[derive(clap::Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(clap::Subcommand)]
enum TokenCommand {
    /// Makes a token and prints it, this once, on standard output
    Create(CreateArgs),
}

#[derive(clap::Args)]
struct CreateArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Who or what will use it; shows in the audit log
    #[arg(long)]
    name: String,
    /// What it may do
    #[arg(long, value_enum)]
    scope: Scope,
    /// Days until it expires; without it, never
    #[arg(long, value_name = "DAYS")]
    expires_days: Option<u32>,
}

/// Runs a `walcast token` command.
///
/// # Errors
/// The database cannot be reached or has no schema yet.
#[expect(clippy::print_stdout, reason = "the token is this command's output")]
pub async fn run(args: TokenArgs) -> anyhow::Result<()> {
    let TokenCommand::Create(args) = args.command;
    let url = args.database.url()?;
    let token = create(url.expose(), &args.name, args.scope, args.expires_days).await?;
    println!("{token}");
    Ok(())
}

/// Makes a token in the database at `url` and gives it, the only time that it can be seen.
///
/// # Errors
/// As [`run`].
pub async fn create(
    url: &str,
    name: &str,
    scope: Scope,
    expires_days: Option<u32>,
) -> anyhow::Result<String> {
    if name.is_empty() || name.chars().nth(200).is_some() || name.contains('\0') {
        return Err(UsageError::new("--name must have 1 to 200 characters").into());
    }
    let (client, drive) = postgres::connect(url).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(drive);
    let token = Token::make()?;
    let sql = "INSERT INTO api_tokens (name, scope, prefix, hash, expires_at) \
               VALUES ($1, $2, $3, $4, now() + make_interval(days => $5))";
    let days = expires_days.map(i32::try_from).transpose();
    let days = days.map_err(|_| UsageError::new("--expires-days is too great"))?;
    client
        .execute(
            sql,
            &[
                &name,
                &scope.as_str(),
                &token.prefix(),
                &token.hash().as_slice(),
                &days,
            ],
        )
        .await
        .map_err(|error| {
            let missing = error.code() == Some(&tokio_postgres::error::SqlState::UNDEFINED_TABLE);
            let hint = if missing {
                "the database has no schema yet: run `walcast migrate postgres` first"
            } else {
                "the token could not be stored"
            };
            anyhow::Error::from(error).context(hint)
        })?;
    Ok(token.0)
}

impl Scope {
    /// As the database writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// From the database's text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Write, Self::Admin]
            .into_iter()
            .find(|scope| scope.as_str() == text)
    }
}

/// A token's text, of the right form.
pub(crate) struct Token(String);

const PREFIX_LEN: usize = 16;
const SECRET_LEN: usize = 43;

impl Token {
    fn make() -> anyhow::Result<Self> {
        let (mut prefix, mut secret) = ([0; PREFIX_LEN / 2], [0; 32]);
        OsRng.try_fill_bytes(&mut prefix)?;
        OsRng.try_fill_bytes(&mut secret)?;
        let secret = BASE64_URL_SAFE_NO_PAD.encode(secret);
        Ok(Self(format!("wct_{}_{secret}", hex::encode(prefix))))
    }

    /// `None` when the text cannot be one of our tokens.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (prefix, secret) = text.strip_prefix("wct_")?.split_at_checked(PREFIX_LEN)?;
        let secret = secret.strip_prefix('_')?;
        let prefix_ok = prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
        let secret_ok = secret
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        (prefix_ok && secret_ok && secret.len() == SECRET_LEN).then(|| Self(text.to_owned()))
    }

    /// The part that finds the row; not secret.
    pub(crate) fn prefix(&self) -> &str {
        &self.0["wct_".len().."wct_".len() + PREFIX_LEN]
    }

    /// What the database keeps.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Scope, Token};

    #[test]
    fn a_made_token_reads_back() {
        let made = Token::make().expect("random bytes");
        let read = Token::parse(&made.0).expect("our form");
        assert_eq!((read.prefix(), read.hash()), (made.prefix(), made.hash()));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let good = Token::make().expect("random bytes").0;
        let cut = &good[..good.len() - 1];
        for bad in [
            "",
            "wct_",
            "x",
            cut,
            &format!("{good}x"),
            &good.replace("wct", "wcx"),
        ] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
        assert!(Token::parse("wct_ééééééééééé_é").is_none());
    }

    #[test]
    fn scopes_include_the_ones_below() {
        assert!(Scope::Admin > Scope::Write && Scope::Write > Scope::Read);
        assert_eq!(Scope::parse("write"), Some(Scope::Write));
        assert_eq!(Scope::parse("root"), None);
    }
}
