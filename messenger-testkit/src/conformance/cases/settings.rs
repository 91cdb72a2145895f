//! Settings: small records, written by compare-and-set.

use messenger_core::id::Seq;
use messenger_core::model::Setting;
use messenger_core::store::PutSetting;

use super::case;
use super::steps::{DAY, list, pinned, put, set, try_put};
use crate::conformance::{Case, Ctx};
use crate::fixtures::{START, TEXTS, anna, ben, direct, group};

pub(super) const CASES: &[Case] = &[
    case!(a_setting_never_written_has_version_0, [Inboxes], ["SET-1"]),
    case!(
        a_setting_is_written_only_on_the_version_it_follows,
        [Inboxes],
        ["SET-1"]
    ),
    case!(
        a_written_setting_lists_the_conversation,
        [Inboxes],
        ["SET-1", "RES-1"]
    ),
    case!(
        an_acknowledged_setting_is_there_after_opening_again,
        [Inboxes],
        ["SET-1"],
        reopens
    ),
];

async fn a_setting_never_written_has_version_0(ctx: Ctx) {
    let inboxes = ctx.inboxes();
    put(&*inboxes, &anna(), &group(1), &pinned(1)).await;
    inboxes.touch(&[anna()], &direct(), START).await.unwrap();
    let asked = [direct(), group(1), group(2)];
    let settings = inboxes.settings(&anna(), &asked).await.unwrap();
    assert_eq!(
        settings,
        [Setting::default(), pinned(1), Setting::default()]
    );
    assert_eq!(settings[0].version, 0);
    let of_ben = inboxes.settings(&ben(), &asked).await.unwrap();
    assert_eq!(
        of_ben,
        [const { None::<Setting> }; 3].map(Option::unwrap_or_default)
    );
}

async fn a_setting_is_written_only_on_the_version_it_follows(ctx: Ctx) {
    let inboxes = ctx.inboxes();
    let full = Setting {
        version: 1,
        muted_until: Some(START.plus(DAY)),
        archived: true,
        pinned: true,
        unread_at: Some(Seq(7)),
        alias: Some(TEXTS[8].1.to_owned()),
    };
    for version in [0, 2, u64::MAX >> 11] {
        let early = try_put(&*inboxes, &anna(), &direct(), &pinned(version)).await;
        let conflict = PutSetting::Conflict(Setting::default());
        assert_eq!(early, conflict, "version {version}");
    }
    put(&*inboxes, &anna(), &direct(), &full).await;
    for version in [0, 1, 3] {
        let late = try_put(&*inboxes, &anna(), &direct(), &pinned(version)).await;
        let conflict = PutSetting::Conflict(full.clone());
        assert_eq!(late, conflict, "version {version}");
    }
    put(&*inboxes, &anna(), &direct(), &pinned(2)).await;
    let settings = inboxes.settings(&anna(), &[direct()]).await.unwrap();
    assert_eq!(settings, [pinned(2)], "it is replaced whole");

    // Each user and conversation has versions of its own.
    put(&*inboxes, &ben(), &direct(), &pinned(1)).await;
    put(&*inboxes, &anna(), &group(1), &pinned(1)).await;
    let page = inboxes.page(&anna(), None, None, 10, START).await.unwrap();
    let row = page.rows.iter().find(|row| row.conversation == direct());
    assert_eq!(row.map(|row| &row.setting), Some(&pinned(2)));
}

async fn a_written_setting_lists_the_conversation(ctx: Ctx) {
    let inboxes = ctx.inboxes();
    inboxes.touch(&[anna()], &direct(), START).await.unwrap();
    let (_, since) = list(&*inboxes, &anna(), None).await;
    put(&*inboxes, &anna(), &direct(), &pinned(1)).await;
    put(&*inboxes, &anna(), &group(1), &pinned(1)).await;
    let (changed, since) = list(&*inboxes, &anna(), Some(since)).await;
    assert_eq!(changed, set(&[direct(), group(1)]));
    put(&*inboxes, &anna(), &group(1), &pinned(2)).await;
    let (changed, _) = list(&*inboxes, &anna(), Some(since)).await;
    assert!(changed.contains(&group(1)));
}

async fn an_acknowledged_setting_is_there_after_opening_again(mut ctx: Ctx) {
    let inboxes = ctx.inboxes();
    for version in 1..=10 {
        put(&*inboxes, &anna(), &direct(), &pinned(version)).await;
    }
    drop(inboxes);
    ctx.open_again().await;
    let inboxes = ctx.inboxes();
    let settings = inboxes.settings(&anna(), &[direct()]).await.unwrap();
    assert_eq!(settings, [pinned(10)]);
    assert_eq!(list(&*inboxes, &anna(), None).await.0, set(&[direct()]));
    put(&*inboxes, &anna(), &direct(), &pinned(11)).await;
}
