//! Carries out what an operator asks for, on the stores that this process has open.

use std::path::Path;
use std::sync::Arc;

use messenger::core::error::StoreError;
use messenger::core::id::UserId;
use messenger::core::store::{Backend, FeedItem};
use messenger::embedded::Store;
use messenger::ws::{AccountsError, AccountsService};

use super::inspect;
use super::protocol::{AccountRow, DiskBytes, Reply, Request};
use crate::clock;
use crate::data::{BackupFolder, DataFolder};
use crate::demo;
use crate::identity::Identity;
use crate::secret::Secret;

/// The most accounts that are listed.
const ACCOUNTS_LISTED: usize = 100_000;

/// Where an operator's requests are carried out.
#[derive(Clone)]
pub struct Office {
    backend: Backend,
    store: Arc<Store>,
    identity: Identity,
    data: DataFolder,
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Office")
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

impl Office {
    /// Opens the office over an open store.
    pub fn new(store: Arc<Store>, identity: Identity, data: DataFolder) -> Self {
        Self {
            backend: store.backend(),
            store,
            identity,
            data,
        }
    }

    /// Carries out one request.
    pub async fn handle(&self, request: Request) -> Reply {
        self.carry_out(request)
            .await
            .unwrap_or_else(|refusal| Reply::Refused(refusal.0))
    }

    async fn carry_out(&self, request: Request) -> Result<Reply, Refusal> {
        match request {
            Request::UserAdd { user, password } => self.user_add(user, password).await,
            Request::UserPasswd { user, password } => self.user_passwd(user, password).await,
            Request::UserRevoke { user } => self.set_banned(user, true).await,
            Request::UserAdmit { user } => self.set_banned(user, false).await,
            Request::UserList => self.user_list().await,
            Request::TokenMint { user } => self.token_mint(user).await,
            Request::Backup { folder } => self.back_up(&folder).await,
            Request::InspectAll => {
                let rows = inspect::all(&self.store, &self.backend).await?;
                Ok(Reply::Conversations {
                    rows,
                    disk: self.disk()?,
                })
            }
            Request::InspectConversation { conversation } => {
                match inspect::conversation(&self.backend, &conversation).await? {
                    Some(view) => Ok(Reply::Conversation(Box::new(view))),
                    None => Err(Refusal(format!("there is no conversation {conversation}"))),
                }
            }
            Request::InspectMessage { conversation, seq } => {
                match inspect::message(&self.backend, &conversation, seq).await? {
                    Some(life) => Ok(Reply::Message(Box::new(life))),
                    None => Err(Refusal(format!(
                        "there is no entry {} in {conversation}",
                        seq.0
                    ))),
                }
            }
        }
    }

    async fn user_add(&self, user: UserId, password: Secret) -> Result<Reply, Refusal> {
        self.accounts()?
            .create(&user, user.as_str(), password.reveal(), clock::now())
            .await?;
        tracing::info!(%user, "account made");
        Ok(Reply::Done(format!("{user} can log in now")))
    }

    async fn user_passwd(&self, user: UserId, password: Secret) -> Result<Reply, Refusal> {
        self.known(&user).await?;
        self.accounts()?
            .set_password(&user, password.reveal())
            .await?;
        demo::forget(&self.data, &user);
        tracing::info!(%user, "password changed");
        Ok(Reply::Done(format!("{user} has a new password")))
    }

    async fn set_banned(&self, user: UserId, banned: bool) -> Result<Reply, Refusal> {
        self.known(&user).await?;
        if self.backend.devices.standing(&user).await?.banned == banned {
            let is = if banned {
                "is revoked already"
            } else {
                "is not revoked"
            };
            return Ok(Reply::Done(format!("{user} {is}")));
        }
        self.backend
            .devices
            .publish(&FeedItem::Banned {
                user: user.clone(),
                banned,
            })
            .await?;
        demo::forget(&self.data, &user);
        tracing::info!(%user, banned, "standing changed");
        Ok(Reply::Done(if banned {
            format!(
                "{user} is revoked: sessions close within two seconds, devices and log-ins are refused"
            )
        } else {
            format!("{user} may log in again")
        }))
    }

    async fn user_list(&self) -> Result<Reply, Refusal> {
        let mut rows = Vec::new();
        for account in self.accounts()?.store().search("", ACCOUNTS_LISTED).await? {
            let devices = self.backend.devices.list(&account.user).await?;
            rows.push(AccountRow {
                revoked: self.backend.devices.standing(&account.user).await?.banned,
                devices: devices.len(),
                seen: devices.iter().map(|device| device.seen).max(),
                user: account.user,
                name: account.name,
                created: account.created,
            });
        }
        Ok(Reply::Accounts(rows))
    }

    async fn token_mint(&self, user: UserId) -> Result<Reply, Refusal> {
        self.known(&user).await?;
        let (token, _) = self.accounts()?.mint(&user, clock::now()).await?;
        tracing::info!(%user, "token issued");
        Ok(Reply::Token(Secret::new(token)))
    }

    async fn back_up(&self, folder: &Path) -> Result<Reply, Refusal> {
        let begun = std::time::Instant::now();
        let backup = BackupFolder::at(folder);
        backup
            .create(&self.data)
            .map_err(|failure| Refusal(format!("no backup was made: {}", failure.message)))?;
        let (store, target) = (Arc::clone(&self.store), backup.store());
        tokio::task::spawn_blocking(move || store.backup(target))
            .await
            .map_err(|panicked| Refusal(panicked.to_string()))?
            .map_err(|error| Refusal(format!("no backup was made: {error}")))?;
        let elapsed_ms = begun.elapsed().as_millis() as u64;
        tracing::info!(folder = %folder.display(), elapsed_ms, "backup made");
        Ok(Reply::Done(format!(
            "{} is a backup of this moment, made in {elapsed_ms} ms\nTo use it: messenger-server --data NEW-FOLDER restore {}",
            folder.display(),
            folder.display()
        )))
    }

    fn disk(&self) -> Result<DiskBytes, Refusal> {
        let sizes = self
            .store
            .sizes()
            .map_err(|error| Refusal(format!("the folder cannot be measured: {error}")))?;
        Ok(DiskBytes {
            entries: sizes.entries,
            state: sizes.state,
            index: sizes.index,
        })
    }

    /// Refuses an id without an account; where accounts are kept elsewhere, any id may be somebody's.
    async fn known(&self, user: &UserId) -> Result<(), Refusal> {
        match self.identity.accounts() {
            Some(accounts) => accounts
                .store()
                .load(user)
                .await?
                .map(|_| ())
                .ok_or_else(|| unknown(user)),
            None => Ok(()),
        }
    }

    fn accounts(&self) -> Result<&Arc<AccountsService>, Refusal> {
        self.identity.accounts().ok_or_else(|| {
            Refusal("this server keeps no accounts: auth.mode is \"jwt\"".to_owned())
        })
    }
}

fn unknown(user: &UserId) -> Refusal {
    Refusal(format!("there is no account {user}"))
}

/// Why a request was not carried out, for a person.
struct Refusal(String);

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match std::error::Error::source(&error) {
            Some(cause) => Self(format!("{error}: {cause}")),
            None => Self(error.to_string()),
        }
    }
}

impl From<AccountsError> for Refusal {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::Store(error) => error.into(),
            AccountsError::Taken => Self("this user id is taken".to_owned()),
            AccountsError::BadField {
                field,
                rule,
                limit: Some(limit),
            } => Self(format!(
                "the {field} {}",
                rule.replace("`limit`", &limit.to_string())
            )),
            other => Self(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use messenger::core::id::{Cmid, ConversationId, DeviceId, Ordinal, Seq};
    use messenger::core::model::{
        Content, Entry, Holder, MarkKind, Message, Position, Raise, Stored,
    };
    use messenger::core::store::Registration;

    use super::*;
    use crate::config::Config;

    struct Fixture {
        office: Office,
        backend: Backend,
        data: DataFolder,
        _folder: tempfile::TempDir,
    }

    fn fixture() -> Fixture {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = DataFolder::at(folder.path());
        let store = Arc::new(
            Store::open(data.store(), messenger::embedded::Options::default())
                .expect("a new store"),
        );
        let backend = store.backend();
        let identity = Identity::new(&Config::default(), &backend).expect("accounts");
        let office = Office::new(store, identity, data.clone());
        Fixture {
            office,
            backend,
            data,
            _folder: folder,
        }
    }

    async fn settle(
        office: &Office,
        data: &DataFolder,
        wanted: bool,
    ) -> Result<demo::Demo, crate::exit::Failure> {
        let accounts = office.identity.accounts().expect("it keeps accounts");
        demo::Demo::settle(data, accounts, &*office.backend.devices, wanted).await
    }

    fn user(id: &str) -> UserId {
        UserId::parse(id).expect("a sound id")
    }

    async fn add(office: &Office, id: &str) -> Reply {
        office
            .handle(Request::UserAdd {
                user: user(id),
                password: Secret::new("kingfisher"),
            })
            .await
    }

    #[tokio::test]
    async fn an_account_is_made_once_and_its_password_is_stored_as_a_hash() {
        let Fixture {
            office,
            backend,
            _folder,
            ..
        } = fixture();

        assert!(matches!(add(&office, "carla").await, Reply::Done(_)));
        assert_eq!(
            add(&office, "carla").await,
            Reply::Refused("this user id is taken".to_owned())
        );

        let accounts = backend.accounts.expect("it keeps accounts");
        let account = accounts
            .load(&user("carla"))
            .await
            .expect("the store answers")
            .expect("it was made");
        assert!(
            account.password_hash.starts_with("$argon2id$"),
            "{}",
            account.password_hash
        );
        assert!(!account.password_hash.contains("kingfisher"));
    }

    #[tokio::test]
    async fn a_short_password_makes_no_account() {
        let Fixture {
            office,
            backend,
            _folder,
            ..
        } = fixture();
        let reply = office
            .handle(Request::UserAdd {
                user: user("carla"),
                password: Secret::new("short"),
            })
            .await;
        assert!(matches!(reply, Reply::Refused(text) if text.contains("8 characters")));
        let accounts = backend.accounts.expect("it keeps accounts");
        assert!(
            accounts
                .load(&user("carla"))
                .await
                .expect("the store answers")
                .is_none()
        );
    }

    #[tokio::test]
    async fn a_revoked_account_is_banned_until_it_is_admitted() {
        let Fixture {
            office,
            backend,
            _folder,
            ..
        } = fixture();
        add(&office, "carla").await;
        let standing = async || {
            backend
                .devices
                .standing(&user("carla"))
                .await
                .expect("the store answers")
                .banned
        };

        office
            .handle(Request::UserRevoke {
                user: user("carla"),
            })
            .await;
        assert!(standing().await);
        office
            .handle(Request::UserAdmit {
                user: user("carla"),
            })
            .await;
        assert!(!standing().await);

        let reply = office
            .handle(Request::UserRevoke {
                user: user("nobody"),
            })
            .await;
        assert_eq!(
            reply,
            Reply::Refused("there is no account nobody".to_owned())
        );
    }

    #[tokio::test]
    async fn demo_accounts_are_made_once_locked_elsewhere_and_unlocked_on_loopback() {
        let Fixture {
            office,
            backend,
            data,
            _folder,
            ..
        } = fixture();
        let banned = async || {
            backend
                .devices
                .standing(&user("anna"))
                .await
                .expect("the store answers")
                .banned
        };

        let first = settle(&office, &data, true).await.expect("made");
        assert_eq!(first.logins.len(), 2);
        assert_eq!(
            settle(&office, &data, true).await.expect("kept").logins,
            first.logins
        );
        assert!(!banned().await);

        settle(&office, &data, false).await.expect("locked");
        assert!(banned().await);
        settle(&office, &data, true).await.expect("unlocked");
        assert!(!banned().await);

        // Revoked by hand, it is no demo account any more and stays revoked.
        office
            .handle(Request::UserRevoke { user: user("anna") })
            .await;
        let left = settle(&office, &data, true).await.expect("kept");
        assert_eq!(left.logins.len(), 1);
        assert!(banned().await);
    }

    #[tokio::test]
    async fn demo_accounts_are_not_made_beside_real_ones() {
        let Fixture {
            office,
            data,
            _folder,
            ..
        } = fixture();
        add(&office, "carla").await;
        assert!(
            settle(&office, &data, true)
                .await
                .expect("nothing to do")
                .logins
                .is_empty()
        );
    }

    #[tokio::test]
    async fn a_message_is_followed_to_each_device_of_its_recipient() {
        let Fixture {
            office,
            backend,
            _folder,
            ..
        } = fixture();
        let (anna, ben) = (user("anna"), user("ben"));
        add(&office, "anna").await;
        add(&office, "ben").await;
        let conversation = ConversationId::direct(&anna, &ben);
        let registration = Registration {
            user: ben.clone(),
            key: "k".to_owned(),
            name: Some("phone".to_owned()),
            limit: 5,
            now: clock::now(),
        };
        backend
            .devices
            .register(&registration)
            .await
            .expect("the store answers");
        let entry = Entry {
            seq: Seq(1),
            sender: anna.clone(),
            cmid: Cmid::from_parts(clock::now(), [7; 10]),
            time: clock::now(),
            ordinal: Ordinal(1),
            content: Content::Message(Message::text("a secret")),
        };
        let stored = Stored {
            entry,
            accepted_at: clock::now(),
            hidden_from: None,
            expiry: None,
            digest: None,
        };
        backend
            .messages
            .append(&conversation, Seq::ZERO, vec![Arc::new(stored)])
            .await
            .expect("the store answers");
        backend
            .inboxes
            .touch(&[anna, ben.clone()], &conversation, clock::now())
            .await
            .expect("the store answers");

        let life = async || {
            let request = Request::InspectMessage {
                conversation: conversation.clone(),
                seq: Seq(1),
            };
            match office.handle(request).await {
                Reply::Message(life) => life,
                other => panic!("{other:?}"),
            }
        };
        let before = life().await;
        assert_eq!(before.body_bytes, 8);
        assert!(!before.recipients[0].delivered && !before.recipients[0].devices[0].acked);

        let to = Position {
            seq: Seq(1),
            ordinal: Ordinal(1),
        };
        let raise = |device: Option<DeviceId>, kind| Raise {
            conversation: conversation.clone(),
            holder: Holder {
                user: ben.clone(),
                device,
            },
            kind,
            to,
        };
        let device = before.recipients[0].devices[0].device;
        backend
            .receipts
            .raise(&[
                raise(None, MarkKind::Delivered),
                raise(Some(device), MarkKind::Acked),
            ])
            .await
            .expect("the store answers");
        let after = life().await;
        assert!(
            after.recipients[0].delivered
                && after.recipients[0].devices[0].acked
                && !after.recipients[0].read
        );

        let text = super::super::render(&Reply::Message(after));
        assert!(
            text.contains("delivered: 1 of 1 have it, 0 of 1 read it"),
            "{text}"
        );
        assert!(!text.contains("a secret"), "{text}");
        let Reply::Conversations { rows, .. } = office.handle(Request::InspectAll).await else {
            panic!("not a list")
        };
        assert_eq!(rows.len(), 1);
        let Reply::Conversation(view) = office
            .handle(Request::InspectConversation {
                conversation: conversation.clone(),
            })
            .await
        else {
            panic!("not a conversation")
        };
        assert_eq!(view.body_bytes, 8);
        assert_eq!(view.marks[1].delivered, Seq(1));
        let beyond = office
            .handle(Request::InspectMessage {
                conversation,
                seq: Seq(2),
            })
            .await;
        assert_eq!(
            beyond,
            Reply::Refused("there is no entry 2 in anna/ben".to_owned())
        );
    }

    #[tokio::test]
    async fn requests_travel_over_the_socket_and_the_file_goes_with_the_server() {
        use super::super::{AdminSocket, Answered, ask};
        let Fixture {
            office,
            data,
            _folder,
            ..
        } = fixture();
        let path = data.socket();
        assert_eq!(
            ask(&path, &Request::UserList).expect("nobody is no failure"),
            Answered::NobodyThere
        );

        let socket = AdminSocket::bind(&path).expect("bound");
        let serving = tokio::spawn(async move { socket.serve(office).await });
        let asked = path.clone();
        let answered = tokio::task::spawn_blocking(move || ask(&asked, &Request::UserList))
            .await
            .expect("no panic");
        assert_eq!(
            answered.expect("answered"),
            Answered::Reply(Box::new(Reply::Accounts(Vec::new())))
        );

        serving.abort();
        let _ = serving.await;
        assert!(!path.exists());
    }
}
